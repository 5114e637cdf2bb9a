//! Bodies on their way to two services at once.

use std::future::{Pending, pending};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use meshless::mirror::MirrorDropReason;
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy, TeeBody};
use tokio::sync::mpsc;
use tokio::time::advance;
use tower::{Layer, Service, service_fn};

use super::{Manner, Other, SECOND, assert_at_rest, echo, post, settle};
use crate::support::{Script, Upstream, call, start};

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("x-checksum".parse().unwrap(), "1".parse().unwrap())])
}

/// A service that hands its requests to the test, and never answers.
struct Held<B>(mpsc::UnboundedSender<Request<B>>);

fn held<B>() -> (Held<B>, mpsc::UnboundedReceiver<Request<B>>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Held(sender), receiver)
}

impl<B> Clone for Held<B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<B> Service<Request<B>> for Held<B> {
    type Response = Response<Full<Bytes>>;
    type Error = std::io::Error;
    type Future = Pending<std::io::Result<Self::Response>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.send(request).unwrap();
        pending()
    }
}

#[tokio::test(start_paused = true)]
async fn each_frame_reaches_the_mirror_as_the_original_reads_it() {
    let body = Script::default()
        .data("hello")
        .wait(SECOND)
        .data("world")
        .trailers(trailers());
    let (original, mut originals) = held::<TeeBody<Script>>();
    let (mirror, mut mirrors) = held::<CopyBody>();
    let layer = MirrorLayer::new(MirrorPolicy::default(), mirror);
    let _pending = start(&mut layer.layer(original), Request::new(body));
    settle().await;
    let mut original = originals.recv().await.unwrap().into_body();
    let mut mirror = mirrors.recv().await.unwrap().into_body();

    assert!(mirror.frame().now_or_never().is_none(), "nothing was read");
    let read = original.frame().await.unwrap().unwrap();
    assert_eq!(read.into_data().unwrap(), "hello");
    assert_eq!(layer.stats().buffered, 64 + 5, "it waits for the mirror");
    let copied = mirror.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(copied.into_data().unwrap(), "hello");
    assert_eq!(layer.stats().buffered, 0);
    for body in [&original as &dyn Ending, &mirror] {
        assert!(!body.ended());
    }
    assert!(original.frame().now_or_never().is_none());
    advance(SECOND).await;
    original.frame().await.unwrap().unwrap();
    original.frame().await.unwrap().unwrap();
    assert!(original.ended());
    mirror.frame().await.unwrap().unwrap();
    let last = mirror.frame().await.unwrap().unwrap();
    assert_eq!(last.into_trailers().unwrap(), trailers());
    assert!(mirror.ended(), "known without another poll");
    assert!(mirror.frame().await.is_none());
}

trait Ending {
    fn ended(&self) -> bool;
}

impl<B: Body> Ending for B {
    fn ended(&self) -> bool {
        self.is_end_stream()
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_keeps_its_length_at_both() {
    let (original, mut originals) = held();
    let (mirror, mut mirrors) = held::<CopyBody>();
    let layer = MirrorLayer::new(MirrorPolicy::default(), mirror);
    let body = Script::default().data("hello").data("world");
    let _pending = start(&mut layer.layer(original), Request::new(body));
    settle().await;
    let mut original: TeeBody<_> = originals.recv().await.unwrap().into_body();
    let mut mirror = mirrors.recv().await.unwrap().into_body();
    for left in [10, 5, 0] {
        assert_eq!(original.size_hint().exact(), Some(left));
        assert_eq!(mirror.size_hint().exact(), Some(left));
        assert_eq!(original.is_end_stream(), left == 0);
        assert_eq!(mirror.is_end_stream(), left == 0);
        let frames = (original.frame().await, mirror.frame().await);
        assert_eq!(frames.0.is_some(), frames.1.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_breaks_off_breaks_off_at_both() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let body = Script::default().data("hello").fail();
    let response = call(&mut layer.layer(echo()), Request::new(body)).await;
    let answer = response.unwrap().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "broken");
    settle().await;
    assert!(other.take().iter().all(|seen| seen.body.is_err()));
    assert_eq!(layer.stats().dropped.abandoned, 1);
    assert_at_rest(layer.stats());
}

/// The copy of a body that is never read to its end.
async fn abandoned(end: impl AsyncFnOnce(Request<TeeBody<Script>>)) -> (Other, u64) {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let (original, mut originals) = held();
    let body = Script::default().data("hello").hang();
    let _pending = start(&mut layer.layer(original), Request::new(body));
    settle().await;
    assert_eq!(layer.stats().in_flight, 1);
    end(originals.recv().await.unwrap()).await;
    settle().await;
    assert_at_rest(layer.stats());
    (other, layer.stats().dropped.abandoned)
}

#[tokio::test(start_paused = true)]
async fn an_original_that_is_dropped_before_it_is_read_ends_its_copy() {
    let (other, abandoned) = abandoned(async |original| drop(original)).await;
    assert_eq!((other.take().len(), abandoned), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_original_that_is_dropped_while_it_is_read_ends_its_copy() {
    let (other, abandoned) = abandoned(async |original| {
        let mut body = original.into_body();
        body.frame().await.unwrap().unwrap();
        settle().await;
        assert!(body.frame().now_or_never().is_none());
    })
    .await;
    assert_eq!((other.take().len(), abandoned), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_before_it_is_polled_takes_its_copy_along() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let mut service = layer.layer(echo());
    let body = Script::default().data("hello").hang();
    drop(start(&mut service, Request::new(body)));
    settle().await;
    assert_eq!(layer.stats().dropped.abandoned, 1);
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_after_its_body_was_read_leaves_the_copy_alone() {
    let other = Other::default();
    let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
    let (original, mut originals) = held();
    let pending = start(&mut layer.layer(original), post("hello"));
    let body: TeeBody<_> = originals.recv().await.unwrap().into_body();
    body.collect().await.unwrap();
    drop(pending);
    settle().await;
    assert_eq!(other.one().text(), b"hello");
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn a_body_dropped_at_its_declared_length_is_whole() {
    for (declared, whole) in [("5", true), ("6", false)] {
        let other = Other::default();
        let layer = MirrorLayer::new(MirrorPolicy::default(), other.clone());
        let (original, mut originals) = held();
        // Its end is not known from its size, as with a stream.
        let body = Script::default().data("hello").hang();
        let request = Request::post("/").header("content-length", declared);
        let _pending = start(&mut layer.layer(original), request.body(body).unwrap());
        let mut body: TeeBody<_> = originals.recv().await.unwrap().into_body();
        body.frame().await.unwrap().unwrap();
        // As hyper does, which polls no further.
        drop(body);
        settle().await;
        let stats = layer.stats();
        assert_eq!(
            (stats.mirrored == 1, stats.dropped.abandoned == 0),
            (whole, whole)
        );
        assert_eq!(other.take().len(), usize::from(whole));
        assert_at_rest(stats);
    }
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_answers_early_lets_the_original_go_on() {
    let layer = MirrorLayer::new(MirrorPolicy::default(), Other::new(Manner::Careless));
    let body = Script::default().data("hello").wait(SECOND).data("world");
    let response = call(&mut layer.layer(echo()), Request::new(body)).await;
    let answer = response.unwrap().collect().await.unwrap().to_bytes();
    assert_eq!(answer, "helloworld");
    settle().await;
    assert_eq!(layer.stats().mirrored, 1);
    assert_at_rest(layer.stats());
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_is_given_up_ends_with_an_error() {
    let (mirror, mut mirrors) = held::<CopyBody>();
    let layer = MirrorLayer::new(MirrorPolicy::default().with_lag_limit(100), mirror);
    let body = Script::default().data("hello").wait(SECOND);
    let body = body.data("world").data("!");
    call(&mut layer.layer(echo()), Request::new(body))
        .await
        .unwrap();
    settle().await;
    // A client that had already taken the body to its own task.
    let mut body = mirrors.try_recv().unwrap().into_body();
    body.frame().await.unwrap().unwrap();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the mirrored request was cancelled");
    assert!(body.frame().await.is_none());
    drop(body);
    assert_eq!(layer.stats().dropped.lagging, 1);
    assert_at_rest(layer.stats());
    assert_eq!(MirrorDropReason::Lagging(100).label(), "lagging");
}

/// Answers with `body`.
fn answering(
    body: fn() -> Script,
) -> impl Service<Request<CopyBody>, Response = Response<Script>, Error = std::io::Error, Future: Send>
+ Clone
+ Send
+ Sync
+ 'static {
    service_fn(move |_| std::future::ready(Ok(Response::new(body()))))
}

#[tokio::test(start_paused = true)]
async fn the_mirrors_answer_is_read_within_a_bound() {
    fn large() -> Script {
        const KIB: &str = concat!("0123456789abcdef", "0123456789abcdef");
        (0..4_000).fold(Script::default(), |script, _| script.data(KIB))
    }
    let layer = MirrorLayer::new(MirrorPolicy::default(), answering(|| large().hang()));
    call(&mut layer.layer(Upstream::new()), post(""))
        .await
        .unwrap();
    settle().await;
    assert_eq!(layer.stats().mirrored, 1, "64 KiB were enough of it");

    let layer = MirrorLayer::new(
        MirrorPolicy::default(),
        answering(|| Script::default().hang()),
    );
    call(&mut layer.layer(Upstream::new()), post(""))
        .await
        .unwrap();
    settle().await;
    assert_eq!(layer.stats().in_flight, 1);
    advance(15 * SECOND).await;
    settle().await;
    assert_eq!(layer.stats().mirrored, 1, "it was answered");
    assert_at_rest(layer.stats());

    let broken = answering(|| Script::default().data("hello").fail());
    let layer = MirrorLayer::new(MirrorPolicy::default(), broken);
    call(&mut layer.layer(Upstream::new()), post(""))
        .await
        .unwrap();
    settle().await;
    assert_eq!(layer.stats().failed, 1);
    assert_at_rest(layer.stats());
}
