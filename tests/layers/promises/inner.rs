use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use tower::Service;

use crate::support::Script;

/// An error that no layer knows.
#[derive(Debug, PartialEq)]
pub(super) struct Mine(pub(super) u8);

/// What the inner service does when it is asked next.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Act {
    #[default]
    Answer,
    BreakBody,
    Fail,
    FailReady,
    Hang,
    /// Answers after a while.
    Later,
    PanicInCall,
    PanicInPoll,
    Unready,
}

/// The service inside a layer: does as it is told.
#[derive(Clone, Debug, Default)]
pub(super) struct Inner(Arc<Mutex<Scene>>);

#[derive(Debug, Default)]
struct Scene {
    act: Act,
    calls: usize,
    headers: HeaderMap,
}

impl Inner {
    pub(super) fn will(&self, act: Act) {
        self.0.lock().unwrap().act = act;
    }

    /// How often it was called.
    pub(super) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    /// The headers of the last call.
    pub(super) fn headers(&self) -> HeaderMap {
        self.0.lock().unwrap().headers.clone()
    }

    fn act(&self) -> Act {
        self.0.lock().unwrap().act
    }
}

impl<B> Service<Request<B>> for Inner {
    type Response = Response<Script>;
    type Error = Mine;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Mine>> + Send + Sync>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Mine>> {
        match self.act() {
            Act::FailReady => Poll::Ready(Err(Mine(7))),
            Act::Unready => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let act = self.act();
        {
            let mut scene = self.0.lock().unwrap();
            scene.calls += 1;
            scene.headers.clone_from(request.headers());
        }
        assert_ne!(act, Act::PanicInCall, "as planned");
        Box::pin(async move {
            match act {
                Act::BreakBody => return Ok(Response::new(Script::default().data("hello").fail())),
                Act::Fail => return Err(Mine(8)),
                Act::Hang => std::future::pending().await,
                Act::Later => tokio::time::sleep(Duration::from_millis(10)).await,
                _ => assert_ne!(act, Act::PanicInPoll, "as planned"),
            }
            let body = Script::default().data("hello").data("world");
            Ok(Response::new(body.trailers(trailers())))
        })
    }
}

pub(super) fn trailers() -> HeaderMap {
    HeaderMap::from_iter([(
        HeaderName::from_static("x-checksum"),
        HeaderValue::from_static("1"),
    )])
}
