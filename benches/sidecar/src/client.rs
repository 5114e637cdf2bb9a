//! A client that keeps one connection, bare or inside `outbound()`.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::mesh::Outbound;
use meshless::rate_limit::RateLimitPolicy;
use meshless::timeout::TimeoutPolicy;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};
use tower::{Layer, Service};

/// The names of the headers of a request, beside `host`.
const HEADERS: [&str; 7] = [
    "accept",
    "accept-language",
    "authorization",
    "content-type",
    "origin",
    "user-agent",
    "x-caller",
];

/// A bucket that is never empty: 10 million a second, as the proxies have it.
pub(crate) fn rate_limit() -> RateLimitPolicy {
    RateLimitPolicy::token_bucket(1_000_000, 1_000_000, Duration::from_millis(100))
}

/// The stack that the proxies' settings describe too.
pub(crate) fn outbound() -> Outbound {
    let limit = ConcurrencyLimitPolicy::new(1_000).with_max_pending(1_000);
    meshless::outbound()
        .with_concurrency_limit(limit)
        .with_rate_limit(rate_limit())
        .with_timeout(TimeoutPolicy::total(Duration::from_secs(30)))
}

/// Calls `port` until then, and returns how long each call took, in nanoseconds.
pub(crate) async fn call(
    port: u16,
    outbound: Option<Outbound>,
    until: Instant,
    pace: Option<Pace>,
) -> Vec<u32> {
    match outbound {
        Some(outbound) => repeat(outbound.layer(connect(port).await), until, pace).await,
        None => repeat(connect(port).await, until, pace).await,
    }
}

/// When the next call of a connection is due.
pub(crate) struct Pace(Interval);

impl Pace {
    /// Makes so many connections send `rate` requests a second together; 0 is as fast as they can.
    pub(crate) fn new(rate: f64, connections: u32) -> Option<Self> {
        (rate > 0.0).then(|| {
            let mut interval = interval(Duration::from_secs_f64(f64::from(connections) / rate));
            interval.set_missed_tick_behavior(MissedTickBehavior::Burst);
            Self(interval)
        })
    }
}

async fn repeat<S, R>(mut service: S, until: Instant, mut pace: Option<Pace>) -> Vec<u32>
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    R: Body,
    R::Error: std::fmt::Debug,
{
    let template = request();
    let mut took = Vec::with_capacity(1 << 16);
    while Instant::now() < until {
        if let Some(pace) = &mut pace {
            pace.0.tick().await;
        }
        let start = Instant::now();
        poll_fn(|cx| service.poll_ready(cx)).await.expect("ready");
        let response = service.call(template.clone()).await.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        let body = response.into_body().collect().await.expect("a body");
        assert_eq!(body.to_bytes(), "hello");
        took.push(u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    took
}

fn request() -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    let value = HeaderValue::from_static("a value of a common length");
    for name in HEADERS {
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value.clone());
    }
    let host = HeaderValue::from_static("hello");
    request.headers_mut().insert(http::header::HOST, host);
    request
}

async fn connect<B>(port: u16) -> Connection<B>
where
    B: Body<Data = Bytes, Error: Into<meshless::outcome::BoxError>> + Send + 'static,
{
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let stream = stream.expect("a server");
    stream.set_nodelay(true).expect("a socket");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a server");
    tokio::spawn(connection);
    Connection(Arc::new(Mutex::new(sender)))
}

/// One connection, as a service.
struct Connection<B>(Arc<Mutex<SendRequest<B>>>);

impl<B> Clone for Connection<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B> Service<Request<B>> for Connection<B>
where
    B: Body<Data = Bytes, Error: Into<meshless::outcome::BoxError>> + Send + 'static,
{
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let sender = Arc::clone(&self.0);
        Box::pin(async move {
            let mut sender = sender.lock().await;
            sender.ready().await?;
            sender.send_request(request).await
        })
    }
}
