//! Requests that arrive at two servers, over loopback.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Collected, Full, StreamBody};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy, MirrorStats};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt};

use crate::support::{Server, transport};

/// What arrived at a server: the headers, and the body if it was whole.
type Arrived = (HeaderMap, Option<Bytes>);

/// A server that notes what arrives and echoes it.
async fn echo() -> (Server, mpsc::UnboundedReceiver<Arrived>) {
    async fn handle(
        State(arrived): State<mpsc::UnboundedSender<Arrived>>,
        request: Request<Body>,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.ok().map(Collected::to_bytes);
        let _ = arrived.send((head.headers, body.clone()));
        Response::new(body.unwrap_or_default().into())
    }
    let (sender, receiver) = mpsc::unbounded_channel();
    let router = Router::new().fallback(any(handle)).with_state(sender);
    (Server::axum(router).await, receiver)
}

fn large() -> Bytes {
    (0..2_000_000_u32).map(|i| (i % 251) as u8).collect()
}

fn to(server: &Server) -> MirrorPolicy {
    let authority = server.address().to_string().parse().unwrap();
    MirrorPolicy::default().with_authority(authority)
}

/// Waits until no copy is in flight.
async fn at_rest(stats: impl Fn() -> MirrorStats) -> MirrorStats {
    let resting = async {
        while stats().in_flight > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), resting).await;
    assert!(waited.is_ok(), "{:?}", stats());
    stats()
}

#[tokio::test]
async fn two_megabytes_in_one_piece_arrive_whole_at_both() {
    let (one, mut at_one) = echo().await;
    let (other, mut at_other) = echo().await;
    let mirror = Client::builder(TokioExecutor::new()).build_http::<CopyBody>();
    let layer = MirrorLayer::new(to(&other), mirror);
    let client = Client::builder(TokioExecutor::new()).build_http();
    let mut client = layer.layer(client);
    for _ in 0..3 {
        let request = Request::post(one.url("/analyze")).body(Full::new(large()));
        let ready = client.ready().await.unwrap();
        let response = ready.call(request.unwrap()).await.unwrap();
        let answer = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(answer, large());
        let (original, body) = at_one.recv().await.unwrap();
        assert_eq!(body.unwrap(), large());
        let (copied, body) = at_other.recv().await.unwrap();
        assert_eq!(body.unwrap(), large(), "whole at the mirror");
        assert_eq!(copied["x-meshless-mirror"], "true");
        assert!(!original.contains_key("x-meshless-mirror"));
        assert_eq!(copied["host"], original["host"], "no suffix, no other host");
        assert_eq!(copied["content-length"], "2000000");
        at_rest(|| layer.stats()).await;
    }
    let stats = layer.stats();
    assert_eq!(
        (stats.chosen, stats.mirrored, stats.buffered),
        (3, 3, 0),
        "{stats:?}"
    );
    drop((client, layer));
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn two_megabytes_that_stream_arrive_whole_at_both() {
    let (one, mut at_one) = echo().await;
    let (other, mut at_other) = echo().await;
    let layer = MirrorLayer::new(to(&other), transport());
    let pieces = large()
        .chunks(40_000)
        .map(Bytes::copy_from_slice)
        .collect::<Vec<_>>();
    let pieces = tokio_stream::iter(pieces);
    let pieces = tokio_stream::StreamExt::then(pieces, |piece| async {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Ok::<_, std::io::Error>(Frame::data(piece))
    });
    let body = StreamBody::new(Box::pin(pieces));
    let request = Request::put(one.url("/")).body(body).unwrap();
    let response = layer.layer(transport()).oneshot(request).await.unwrap();
    let answer = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(answer, large());
    assert_eq!(at_one.recv().await.unwrap().1.unwrap(), large());
    assert_eq!(at_other.recv().await.unwrap().1.unwrap(), large());
    let stats = at_rest(|| layer.stats()).await;
    assert_eq!((stats.mirrored, stats.buffered), (1, 0), "{stats:?}");
    one.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn a_mirror_that_is_gone_or_hangs_is_not_noticed() {
    let (one, _at_one) = echo().await;
    let (gone, _) = echo().await;
    let policy = to(&gone);
    gone.stop().await;
    let layer = MirrorLayer::new(policy, transport());
    let mut client = layer.layer(transport());
    let post = || {
        Request::post(one.url("/"))
            .body(Full::new(large()))
            .unwrap()
    };
    let response = client.call(post()).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        large()
    );
    assert_eq!(at_rest(|| layer.stats()).await.failed, 1);

    // Accepts, and reads nothing.
    let hanging = Server::run(|listener, stopped| async move {
        let accepted = listener.accept().await;
        stopped.await;
        drop(accepted);
    })
    .await;
    layer.reconfigure(to(&hanging).with_timeout(Duration::from_millis(50)));
    let response = client.call(post()).await.unwrap();
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        large()
    );
    let stats = at_rest(|| layer.stats()).await;
    assert_eq!((stats.dropped.timed_out, stats.failed), (1, 1), "{stats:?}");
    drop((client, layer));
    hanging.stop().await;
    one.stop().await;
}

#[tokio::test]
async fn a_server_mirrors_what_it_is_sent() {
    let (other, mut at_other) = echo().await;
    let mirror = Client::builder(TokioExecutor::new()).build_http::<CopyBody>();
    let layer = Arc::new(MirrorLayer::new(to(&other), mirror));
    let router = Router::new()
        .fallback(async |body: Bytes| body)
        .layer(MirrorLayer::clone(&layer));
    let one = Server::axum(router).await;
    let client = crate::support::unpooled();
    let response = client.post(one.url("/a?b=c")).body("hello").send().await;
    assert_eq!(response.unwrap().text().await.unwrap(), "hello");
    let (head, body) = at_other.recv().await.unwrap();
    assert_eq!(body.unwrap(), "hello");
    assert_eq!(head["host"], one.address().to_string());
    let stats = at_rest(|| layer.stats()).await;
    assert_eq!(stats.mirrored, 1, "{stats:?}");
    one.stop().await;
    drop(layer);
    other.stop().await;
}
