//! Copies as their mirrors and the callers of their originals see them.

mod bodies;
mod copies;
mod counts;
mod pressure;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::mirror::{CopyBody, MirrorAborted, MirrorStats, TeeBody};
use tower::Service;

use crate::support::Script;

const SECOND: Duration = Duration::from_secs(1);

/// A request as a mirror got it.
#[derive(Debug)]
struct Seen {
    head: Parts,
    body: Result<(Bytes, Option<HeaderMap>), MirrorAborted>,
}

impl Seen {
    fn text(&self) -> &[u8] {
        &self.body.as_ref().unwrap().0
    }
}

/// How a mirror behaves.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Manner {
    /// Answers without having looked at the body.
    Careless,
    Fails,
    HangsAtOnce,
    HangsAfterReading,
    NeverReady,
    PanicsInCall,
    PanicsInPoll,
    PanicsInReady,
    /// Reads all of it, and answers.
    #[default]
    Reads,
}

/// The other service: notes what it gets.
#[derive(Debug, Default)]
struct Other {
    clones: Option<&'static str>,
    manner: Manner,
    seen: Arc<Mutex<Vec<Seen>>>,
    /// One reference for each call that runs.
    running: Arc<()>,
}

impl Other {
    fn new(manner: Manner) -> Self {
        Self {
            manner,
            ..Self::default()
        }
    }

    /// Returns what it got since it was asked last.
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }

    fn one(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "one copy came");
        seen.remove(0)
    }
}

/// By hand: a clone may panic, and is no further call.
impl Clone for Other {
    fn clone(&self) -> Self {
        assert_eq!(self.clones, None, "as planned");
        Self {
            clones: None,
            manner: self.manner,
            seen: Arc::clone(&self.seen),
            running: Arc::clone(&self.running),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Broken;

impl Service<Request<CopyBody>> for Other {
    type Response = Response<Script>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Script>, Broken>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        assert_ne!(self.manner, Manner::PanicsInReady, "as planned");
        match self.manner {
            Manner::NeverReady => Poll::Pending,
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, request: Request<CopyBody>) -> Self::Future {
        let (manner, seen) = (self.manner, Arc::clone(&self.seen));
        assert_ne!(manner, Manner::PanicsInCall, "as planned");
        let running = Arc::clone(&self.running);
        Box::pin(async move {
            // Held to the end, or until the call is dropped.
            let running = running;
            match manner {
                Manner::Careless => return Ok(Response::default()),
                Manner::Fails => return Err(Broken),
                Manner::HangsAtOnce => std::future::pending().await,
                _ => assert_ne!(manner, Manner::PanicsInPoll, "as planned"),
            }
            let (head, body) = request.into_parts();
            let body = body.collect().await.map(|body| {
                let trailers = body.trailers().cloned();
                (body.to_bytes(), trailers)
            });
            let whole = body.is_ok();
            seen.lock().unwrap().push(Seen { head, body });
            if manner == Manner::HangsAfterReading {
                std::future::pending::<()>().await;
            }
            drop(running);
            whole.then(Response::default).ok_or(Broken)
        })
    }
}

/// The original service: reads the request to its end and gives it back.
fn echo<B>()
-> impl Service<Request<TeeBody<B>>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone
where
    B: http_body::Body<Error: std::fmt::Debug> + Send + 'static,
{
    tower::service_fn(|request: Request<TeeBody<B>>| async {
        let body = request.into_body().collect().await;
        let body = body.map_or_else(|_| "broken".into(), http_body_util::Collected::to_bytes);
        Ok(Response::new(Full::new(body)))
    })
}

fn post(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    Request::post("http://waste:8000/analyze")
        .body(Full::new(body.into()))
        .unwrap()
}

/// Lets all tasks run until they wait for something.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
fn assert_adds_up(stats: MirrorStats) {
    let over = stats.mirrored + stats.failed + stats.dropped.total();
    let in_flight = u64::from(stats.in_flight);
    assert_eq!(stats.chosen, over + in_flight, "{stats:?}");
}

/// Nothing is under way any more, and nothing is lost.
#[track_caller]
fn assert_at_rest(stats: MirrorStats) {
    assert_adds_up(stats);
    assert_eq!((stats.in_flight, stats.buffered), (0, 0), "{stats:?}");
}
