//! A caller and an upstream that follow a script, and what they see.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use meshless::Rejection;
use proptest::prelude::*;
use proptest::sample::select;
use tower::util::BoxCloneService;
use tower::{Service, ServiceExt, service_fn};

use crate::support::Script;

/// What happens next to a stack.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Advance(u64),
    /// A call, and how each of its tries is answered: after how long, and with what.
    Call(Vec<(u64, u16)>, bool),
    Drop(usize),
    /// The oldest answers are read to their ends.
    Read,
    Reconfigure,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tries = proptest::collection::vec(
        (
            select(vec![0, 0, 5, 60]),
            select(vec![200, 200, 404, 500, 503]),
        ),
        3,
    );
    let step = prop_oneof![
        4 => (tries, any::<bool>()).prop_map(|(tries, put)| Step::Call(tries, put)),
        4 => (1_u64..40).prop_map(Step::Advance),
        1 => (0_usize..4).prop_map(Step::Drop),
        2 => Just(Step::Read),
        1 => Just(Step::Reconfigure),
    ];
    proptest::collection::vec(step, 1..30)
}

/// What the upstream is to do, and what came to it.
#[derive(Clone, Default)]
pub(super) struct Wire(Arc<Mutex<Traffic>>);

#[derive(Default)]
struct Traffic {
    came: Vec<String>,
    /// How the next tries are answered: after so many milliseconds, with this status.
    to_come: VecDeque<(u64, u16)>,
}

pub(super) type Stack = BoxCloneService<Request<Full<Bytes>>, Response<Read>, String>;
/// Reads an answer to its end, or keeps it from ending.
pub(super) type Read = Pin<Box<dyn Body<Data = Bytes, Error = String> + Send>>;

impl Wire {
    pub(super) fn service<B: Send + 'static>(
        &self,
    ) -> impl Service<Request<B>, Response = Response<Script>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + 'static {
        let this = self.clone();
        service_fn(move |request: Request<B>| {
            let this = this.clone();
            async move {
                let headers = request.headers();
                let told = ["x-envoy-attempt-count", "x-envoy-expected-rq-timeout-ms"]
                    .map(|name| headers.get(name).cloned());
                let traced = ["traceparent", "x-request-id"].map(|n| headers.contains_key(n));
                let (delay, status) = {
                    let mut wire = this.0.lock().unwrap();
                    wire.came.push(format!("{told:?} {traced:?}"));
                    wire.to_come.pop_front().unwrap_or((0, 200))
                };
                tokio::time::sleep(Duration::from_millis(delay)).await;
                let mut response = Response::new(Script::default().data("hello"));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                Ok(response)
            }
        })
    }
}

/// Makes one type of stacks that differ.
pub(super) fn boxed<S, R>(service: S) -> Stack
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: std::fmt::Debug,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: std::fmt::Debug,
{
    let service = service
        .map_response(|response: Response<R>| {
            response.map(|body| Box::pin(body.map_err(|error| format!("{error:?}"))) as Read)
        })
        .map_err(|error| format!("{error:?}"));
    BoxCloneService::new(service)
}

/// Plays the steps and returns what was seen after each, by the caller, the upstream and the `handles`.
pub(super) async fn play(
    mut stack: Stack,
    wire: &Wire,
    steps: &[Step],
    handles: impl Fn() -> String,
    reconfigure: impl Fn(),
) -> Vec<String> {
    let mut seen = Vec::new();
    let mut calls = Vec::new();
    let mut answers = VecDeque::new();
    for step in steps {
        match step {
            Step::Advance(millis) => tokio::time::advance(Duration::from_millis(*millis)).await,
            Step::Call(tries, put) => {
                wire.0.lock().unwrap().to_come = tries.iter().copied().collect();
                let mut request = Request::new(Full::new(Bytes::from_static(b"hello")));
                *request.method_mut() = if *put { Method::PUT } else { Method::POST };
                calls.push(stack.ready().await.unwrap().call(request));
            }
            Step::Drop(at) => drop((*at < calls.len()).then(|| calls.remove(*at))),
            Step::Read => answers.truncate(1),
            Step::Reconfigure => reconfigure(),
        }
        let cx = &mut Context::from_waker(Waker::noop());
        calls.retain_mut(|call| match call.as_mut().poll(cx) {
            Poll::Pending => true,
            Poll::Ready(done) => {
                let response = done.unwrap();
                let mut names: Vec<_> =
                    response.headers().keys().map(ToString::to_string).collect();
                names.sort();
                let rejection = Rejection::of(&response);
                seen.push(format!("{} {rejection:?} {names:?}", response.status()));
                answers.push_front(response.into_body());
                false
            }
        });
        for answer in &mut answers {
            if matches!(step, Step::Read) {
                while let Poll::Ready(Some(frame)) = answer.as_mut().poll_frame(cx) {
                    seen.push(format!("{:?}", frame.map(|frame| frame.into_data().ok())));
                }
            }
        }
        seen.append(&mut wire.0.lock().unwrap().came);
        seen.push(format!("{} under way, {}", calls.len(), handles()));
    }
    seen
}
