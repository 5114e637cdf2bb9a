//! A pool over connections in memory.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshless::pool::{Error, Overflow, Pool, PoolBody, PoolPolicy, PoolStats};
use meshless::{Deadline, Failure, Rejection};
use tokio::io::DuplexStream;
use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;
use tower::{Service, ServiceExt};

mod http2;
mod limits;
mod lives;

/// A server in memory: what it does, and what it has seen.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// So many streams at once; HTTP/1 if there is no number.
    http2: Option<u32>,
    /// Wakes when connections of HTTP/2 fall silent.
    silence: Notify,
    /// Each request takes one before it is answered.
    permits: Semaphore,
    scene: Mutex<Scene>,
}

#[derive(Debug, Default)]
struct Scene {
    /// How the next connections are made.
    connects: VecDeque<Connect>,
    open: usize,
    most_open: usize,
    /// How many requests each connection has carried.
    requests: Vec<usize>,
    /// What was asked, in its order.
    seen: Vec<String>,
}

/// How a connection is made.
#[derive(Clone, Copy, Debug)]
enum Connect {
    Fails,
    Hangs,
    Panics,
    Takes(Duration),
}

impl Server {
    fn new() -> Self {
        Self::speaking(None)
    }

    /// It speaks HTTP/2, with so many streams at once.
    fn http2(streams: u32) -> Self {
        Self::speaking(Some(streams))
    }

    fn speaking(http2: Option<u32>) -> Self {
        Self(Arc::new(Inner {
            http2,
            silence: Notify::new(),
            permits: Semaphore::new(Semaphore::MAX_PERMITS),
            scene: Mutex::default(),
        }))
    }

    /// It answers nothing until it is told to.
    fn holding(self) -> Self {
        self.0.permits.forget_permits(Semaphore::MAX_PERMITS);
        self
    }

    /// It answers so many requests more.
    fn answer(&self, count: usize) {
        self.0.permits.add_permits(count);
    }

    /// Its connections of HTTP/2 answer nothing any more, and stay open.
    fn fall_silent(&self) {
        self.0.silence.notify_waiters();
    }

    fn will(&self, connects: impl IntoIterator<Item = Connect>) {
        self.scene(|scene| scene.connects.extend(connects));
    }

    fn scene<T>(&self, f: impl FnOnce(&mut Scene) -> T) -> T {
        f(&mut self.0.scene.lock().unwrap())
    }

    fn requests(&self) -> Vec<usize> {
        self.scene(|scene| scene.requests.clone())
    }

    fn open(&self) -> usize {
        self.scene(|scene| scene.open)
    }

    fn pool(&self, policy: PoolPolicy) -> Pool {
        Pool::new(policy, self.clone())
    }

    async fn serve(self, stream: DuplexStream, index: usize) {
        let _closes = Closes(self.clone());
        let server = self.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let server = server.clone();
            async move {
                let line = format!("{} {}", request.uri(), header(&request, "host"));
                server.scene(|scene| {
                    scene.requests[index] += 1;
                    scene.seen.push(line);
                });
                server.0.permits.acquire().await.unwrap().forget();
                let body = Full::new(Bytes::from("hello"));
                Ok::<_, Infallible>(Response::new(body))
            }
        });
        let io = TokioIo::new(stream);
        match self.0.http2 {
            None => {
                let builder = hyper::server::conn::http1::Builder::new();
                let _ = builder.serve_connection(io, service).await;
            }
            Some(streams) => {
                let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                builder.max_concurrent_streams(streams);
                let mut connection = std::pin::pin!(builder.serve_connection(io, service));
                tokio::select! {
                    _ = &mut connection => {}
                    // Open, and not read from any more.
                    () = self.0.silence.notified() => std::future::pending().await,
                }
            }
        }
    }
}

struct Closes(Server);

impl Drop for Closes {
    fn drop(&mut self) {
        self.0.scene(|scene| scene.open -= 1);
    }
}

fn header<B>(request: &Request<B>, name: &str) -> String {
    let value = request.headers().get(name);
    value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
}

impl Service<Uri> for Server {
    type Response = Stream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Stream>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let server = self.clone();
        Box::pin(async move {
            match server.scene(|scene| scene.connects.pop_front()) {
                None => {}
                Some(Connect::Fails) => return Err(io::ErrorKind::ConnectionRefused.into()),
                Some(Connect::Hangs) => std::future::pending().await,
                Some(Connect::Panics) => panic!("as planned"),
                Some(Connect::Takes(time)) => sleep(time).await,
            }
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let index = server.scene(|scene| {
                scene.open += 1;
                scene.most_open = scene.most_open.max(scene.open);
                scene.requests.push(0);
                scene.requests.len() - 1
            });
            let is_http2 = server.0.http2.is_some();
            tokio::spawn(server.serve(theirs, index));
            Ok(Stream {
                inner: TokioIo::new(ours),
                is_http2,
            })
        })
    }
}

/// A client's end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    inner: TokioIo<DuplexStream>,
    is_http2: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        if self.is_http2 {
            Connected::new().negotiated_h2()
        } else {
            Connected::new()
        }
    }
}

impl hyper::rt::Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: hyper::rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl hyper::rt::Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

fn to(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

/// Starts a request, which gets its place in the order in which it is called.
fn start(pool: &Pool) -> tokio::task::JoinHandle<Result<Response<PoolBody>, Error>> {
    start_to(pool, "http://users/")
}

fn start_to(pool: &Pool, uri: &str) -> tokio::task::JoinHandle<Result<Response<PoolBody>, Error>> {
    tokio::spawn(pool.clone().call(to(uri)))
}

/// Sends a request and reads its response.
async fn send(pool: &Pool) -> Result<Bytes, Error> {
    let response = pool.clone().oneshot(to("http://users/")).await?;
    Ok(read(response).await)
}

async fn read(response: Response<PoolBody>) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

/// Lets everything happen that needs no time.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

/// Says that all that a pool has begun is over.
fn assert_over(stats: PoolStats) {
    assert_eq!(
        (stats.open, stats.idle, stats.pending),
        (0, 0, 0),
        "{stats:?}"
    );
    assert_eq!(stats.opened, stats.closed);
}
