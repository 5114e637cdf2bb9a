use std::fmt::{self, Debug, Formatter};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Request;
use pin_project::pin_project;
use tower_service::Service;

use super::external::CheckResponse;
use super::gate::{AuthorizationGate, MalformedTarget};
use super::shared::Shared;
use super::ticket::{Checked, replace};
use super::wait::AuthorizationWait;
use crate::foundation::http::RequestHead;

/// Asks the external authorizer about requests before the service that it wraps gets them, such as a check of tokens: Istio's
/// order. The gate inside answers by the decision.
#[derive(Clone, Debug)]
pub struct AskFirst<S> {
    gate: AuthorizationGate,
    inner: S,
}

/// Request extension of a request that a gate inside refuses for its form: no external authorizer is asked about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unasked;

/// Request extension with the decision of an external authorizer.
#[derive(Clone)]
struct Answer {
    checked: Checked,
    /// State of the gate that asked: a request may pass several servers of one process.
    owner: Arc<Shared>,
}

/// Returns the decision about a request that was asked for before the gate.
pub(super) fn answer_of(shared: &Arc<Shared>, head: RequestHead<'_>) -> Option<Box<Checked>> {
    let answer = head.extensions().get::<Answer>();
    let own = answer.filter(|answer| Arc::ptr_eq(&answer.owner, shared))?;
    Some(Box::new(own.checked.clone()))
}

/// Begins to ask about a request, if a rule selects it.
fn ask(gate: &AuthorizationGate, head: RequestHead<'_>) -> Option<AuthorizationWait> {
    let state = gate.state().filter(|state| state.has_custom)?;
    let extensions = head.extensions();
    if extensions.get::<Unasked>().is_some() || extensions.get::<MalformedTarget>().is_some() {
        return None;
    }
    let rule = state.engine.custom(&gate.attributes(head))?;
    gate.check(&state, head, rule)
}

impl<S> AskFirst<S> {
    pub(crate) const fn new(gate: AuthorizationGate, inner: S) -> Self {
        Self { gate, inner }
    }
}

impl<S, B> Service<Request<B>> for AskFirst<S>
where
    S: Service<Request<B>> + Clone,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = AskFirstFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    #[inline]
    fn call(&mut self, request: Request<B>) -> Self::Future {
        let state = match ask(&self.gate, RequestHead::of(&request)) {
            None => State::Calling(self.inner.call(request)),
            Some(wait) => {
                // The clone was not polled ready: it stays behind, and the ready one waits.
                let clone = self.inner.clone();
                let inner = mem::replace(&mut self.inner, clone);
                let owner = Arc::clone(self.gate.shared());
                State::Asking(Some(Box::new(Asking {
                    inner,
                    owner,
                    request,
                    wait,
                })))
            }
        };
        AskFirstFuture { state }
    }
}

/// Response future of [`AskFirst`].
#[pin_project]
pub struct AskFirstFuture<S: Service<Request<B>>, B> {
    #[pin]
    state: State<S, B>,
}

#[pin_project(project = StateProj)]
enum State<S: Service<Request<B>>, B> {
    // Boxed: only a call about which an authorizer is asked pays for it.
    Asking(Option<Box<Asking<S, B>>>),
    Calling(#[pin] S::Future),
}

/// A call that waits for the decision.
struct Asking<S, B> {
    inner: S,
    owner: Arc<Shared>,
    request: Request<B>,
    wait: AuthorizationWait,
}

impl<S, B, R, E> Future for AskFirstFuture<S, B>
where
    S: Service<Request<B>, Response = R, Error = E>,
{
    type Output = Result<R, E>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let StateProj::Asking(asking) = self.as_mut().project().state.project() {
            let waiting = asking.as_mut().expect("not polled after completion");
            let mut checked = ready!(waiting.wait.poll_checked(cx));
            let asking = asking.take().expect("there a moment ago");
            let Asking {
                mut inner,
                owner,
                mut request,
                ..
            } = *asking;
            if let Some(CheckResponse::Allowed {
                request_headers, ..
            }) = &mut checked.result
            {
                // Taken: a token among them is checked and removed by the service inside, and does not come back.
                replace(request.headers_mut(), &mem::take(request_headers));
            }
            let checked = *checked;
            request.extensions_mut().insert(Answer { checked, owner });
            let calling = State::Calling(inner.call(request));
            self.as_mut().project().state.set(calling);
        }
        match self.project().state.project() {
            StateProj::Calling(inner) => inner.poll(cx),
            StateProj::Asking(_) => unreachable!("replaced above"),
        }
    }
}

impl<S: Service<Request<B>>, B> Debug for AskFirstFuture<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AskFirstFuture")
            .field("asking", &matches!(self.state, State::Asking(_)))
            .finish_non_exhaustive()
    }
}
