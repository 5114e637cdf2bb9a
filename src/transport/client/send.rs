use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project::pin_project;

use super::request::redirect::{self, Verdict};
use super::request::request_parts::RequestParts;
use super::request::target::Target;
use super::reqwest_client::Redirected;
use super::{Error, HttpService, Response};
use crate::foundation::outcome::{Cause, Outcome, Rejection, Source, attempts};

/// Future of the response to a request; see [`RequestBuilder::send`](super::RequestBuilder::send).
///
/// It follows redirects; each of them passes the whole stack again. Dropped, it cancels the request.
// By hand, since an `async fn` would keep the request a second time beside the stack's future.
#[must_use = "a request does nothing until its future is polled"]
#[pin_project]
pub struct ResponseFuture<S: HttpService> {
    hops: usize,
    max_hops: usize,
    #[pin]
    state: State<S::Future>,
    stack: S,
}

#[pin_project(project = StateProj)]
enum State<F> {
    Calling {
        #[pin]
        call: F,
        /// `None` once the future is over.
        parts: Option<Box<RequestParts>>,
    },
    Invalid(Option<Error>),
    Waiting(Option<Box<RequestParts>>),
}

const OVER: &str = "not polled after completion";

impl<S: HttpService> ResponseFuture<S> {
    pub(super) fn new(stack: S, parts: Result<Box<RequestParts>, Error>, max_hops: usize) -> Self {
        let state = match parts {
            Ok(parts) => State::Waiting(Some(parts)),
            Err(error) => State::Invalid(Some(error)),
        };
        Self {
            hops: 0,
            max_hops,
            state,
            stack,
        }
    }
}

impl<S: HttpService> Future for ResponseFuture<S> {
    type Output = Result<Response<S::ResponseBody>, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            match this.state.as_mut().project() {
                StateProj::Invalid(error) => return Poll::Ready(Err(error.take().expect(OVER))),
                StateProj::Waiting(parts) => {
                    let ready = ready!(this.stack.poll_ready(cx));
                    let mut parts = parts.take().expect(OVER);
                    if let Err(error) = ready {
                        let url = parts.target.into_url();
                        return Poll::Ready(Err(Error::send(error, url, 0)));
                    }
                    // The stack consumes the request, so a redirect needs a copy of it.
                    let request = parts.take_request(*this.max_hops > 0);
                    let call = this.stack.call(request);
                    let parts = Some(parts);
                    this.state.set(State::Calling { call, parts });
                }
                StateProj::Calling { call, parts } => {
                    // What another request has noted since is not this one's.
                    attempts::take();
                    let result = ready!(call.poll(cx));
                    let attempts = attempts::take();
                    let parts = parts.take().expect(OVER);
                    let response = match result {
                        Ok(response) => response,
                        Err(error) => {
                            let url = parts.target.into_url();
                            return Poll::Ready(Err(Error::send(error, url, attempts)));
                        }
                    };
                    match settle(response, parts, attempts, *this.hops, *this.max_hops)? {
                        Settled::Response(response) => return Poll::Ready(Ok(response)),
                        Settled::Next(parts) => {
                            *this.hops += 1;
                            // This drops the call: permits that the layers hold for it are free before the
                            // next hop needs them.
                            this.state.set(State::Waiting(Some(parts)));
                        }
                    }
                }
            }
        }
    }
}

/// Result of a response.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are responses, which a box would cost an allocation each"
)]
enum Settled<R> {
    /// It is a redirect, and these are the parts of the next request.
    Next(Box<RequestParts>),
    Response(Response<R>),
}

fn settle<R>(
    response: http::Response<R>,
    mut parts: Box<RequestParts>,
    attempts: u32,
    hops: usize,
    max_hops: usize,
) -> Result<Settled<R>, Error> {
    if let Some(&rejection) = Rejection::of(&response)
        // An injected fault is to look like a response of the upstream.
        && !matches!(rejection.outcome(), Outcome::Status(_))
    {
        return Err(Error::Rejected {
            attempts,
            cause: Cause::of(&response).cloned(),
            layer: Source::of(&response).cloned(),
            rejection,
            url: Some(parts.target.into_url()),
        });
    }
    if max_hops > 0 && response.status().is_redirection() {
        let context = parts.redirect_context(hops);
        match redirect::decide(context, response.status(), response.headers(), max_hops) {
            Verdict::Fail(refusal) => {
                return Err(Error::Redirect {
                    source: refusal.into(),
                    url: Some(parts.target.into_url()),
                });
            }
            Verdict::Follow(next) => {
                parts.redirect(next)?;
                return Ok(Settled::Next(parts));
            }
            Verdict::Keep => {}
        }
    }
    let target = match response.extensions().get() {
        Some(Redirected(last)) => Target::of_url(last.clone()).unwrap_or(parts.target),
        None => parts.target,
    };
    Ok(Settled::Response(Response::new(response, target)))
}

impl<S: HttpService> Debug for ResponseFuture<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Calling { .. } => "Calling",
            State::Invalid(_) => "Invalid",
            State::Waiting(_) => "Waiting",
        };
        f.debug_struct("ResponseFuture")
            .field("state", &state)
            .finish_non_exhaustive()
    }
}
