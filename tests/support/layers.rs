//! Inner services with a will of their own, short ways to call them, and an observer.

mod events;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tower::{Service, ServiceExt};

pub(crate) use events::Events;

/// A response body that plays a script, frame by frame.
#[derive(Debug, Default)]
pub(crate) struct Script {
    frames: VecDeque<Step>,
    sleeping: Option<Pin<Box<tokio::time::Sleep>>>,
}

#[derive(Debug)]
enum Step {
    Fail,
    Frame(Frame<Bytes>),
    Hang,
    Wait(Duration),
}

impl Script {
    pub(crate) fn data(self, data: &'static str) -> Self {
        self.step(Step::Frame(Frame::data(Bytes::from_static(
            data.as_bytes(),
        ))))
    }

    pub(crate) fn trailers(self, trailers: HeaderMap) -> Self {
        self.step(Step::Frame(Frame::trailers(trailers)))
    }

    pub(crate) fn wait(self, duration: Duration) -> Self {
        self.step(Step::Wait(duration))
    }

    /// Never ends.
    pub(crate) fn hang(self) -> Self {
        self.step(Step::Hang)
    }

    /// Breaks off.
    pub(crate) fn fail(self) -> Self {
        self.step(Step::Fail)
    }

    fn step(mut self, step: Step) -> Self {
        self.frames.push_back(step);
        self
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleeping {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.sleeping = None;
            }
            match self.frames.pop_front() {
                Some(Step::Fail) => {
                    return Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())));
                }
                Some(Step::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Some(Step::Hang) => {
                    self.frames.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Wait(duration)) => {
                    self.sleeping = Some(Box::pin(tokio::time::sleep(duration)));
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.sleeping.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let mut exact = 0;
        for step in &self.frames {
            match step {
                Step::Frame(frame) => exact += frame.data_ref().map_or(0, Bytes::len) as u64,
                Step::Fail | Step::Hang | Step::Wait(_) => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(exact)
    }
}

/// A service that answers at once: with the statuses it was told, then with 200 for ever.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upstream {
    calls: Arc<AtomicUsize>,
    answers: Arc<Mutex<VecDeque<Response<Script>>>>,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Answers the next request with `status` and no body.
    pub(crate) fn then(self, status: StatusCode) -> Self {
        let mut response = Response::new(Script::default());
        *response.status_mut() = status;
        self.then_response(response)
    }

    /// Answers the next request with `response`.
    pub(crate) fn then_response(self, response: Response<Script>) -> Self {
        self.answers.lock().unwrap().push_back(response);
        self
    }

    /// How many requests reached it.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

impl<B> Service<Request<B>> for Upstream {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let answer = self.answers.lock().unwrap().pop_front();
        ready(Ok(answer.unwrap_or_default()))
    }
}

/// Sends an empty request and waits for the response's head.
pub(crate) async fn send<S, R>(service: &mut S) -> Response<R>
where
    S: Service<Request<()>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
{
    call(service, Request::new(())).await.unwrap()
}

/// Sends `request` once the service is ready.
pub(crate) async fn call<S, Q>(service: &mut S, request: Q) -> Result<S::Response, S::Error>
where
    S: Service<Q>,
{
    service.ready().await?.call(request).await
}

/// Calls a service that is ready, without polling the future.
pub(crate) fn start<S, Q>(service: &mut S, request: Q) -> S::Future
where
    S: Service<Q>,
{
    let ready = service.poll_ready(&mut Context::from_waker(std::task::Waker::noop()));
    assert!(matches!(ready, Poll::Ready(Ok(()))), "ready to be called");
    service.call(request)
}

/// Makes `subscriber` the one of this thread until the guard is dropped.
pub(crate) fn listen(
    subscriber: impl tracing::Subscriber + Send + Sync,
) -> tracing::subscriber::DefaultGuard {
    // Without one that listens in every thread, a test that listens to nothing and comes upon a place
    // first makes `tracing` remember that nobody cares for it.
    static EVERYWHERE: std::sync::Once = std::sync::Once::new();
    EVERYWHERE.call_once(|| {
        let everywhere = tracing::subscriber::set_global_default(tracing_subscriber::registry());
        everywhere.expect("nobody else sets one");
    });
    tracing::subscriber::set_default(subscriber)
}
