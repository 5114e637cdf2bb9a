//! A pool over sockets, as the accept loop of a server sees it.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use ::hyper::body::Incoming;
use ::hyper::server::conn::http1;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::rt::TokioIo;
use meshless::pool::{Error, Pool, PoolBody, PoolPolicy};
use meshless::retry::{RetryLayer, RetryOn, RetryPolicy};
use meshless::{Failure, Rejection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::{Layer, ServiceExt, service_fn};

use crate::faults::{Fault, Faulty, Protocol};
use crate::support::Server;

/// What a server has seen.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Counts>>);

#[derive(Clone, Debug, Default)]
struct Counts {
    most_open: usize,
    open: usize,
    /// How many requests each connection has carried.
    requests: Vec<usize>,
}

impl Seen {
    fn with<T>(&self, f: impl FnOnce(&mut Counts) -> T) -> T {
        f(&mut self.0.lock().unwrap())
    }

    fn counts(&self) -> Counts {
        self.with(|counts| counts.clone())
    }

    /// Counts the connections of a server, and the requests on each.
    async fn server(&self) -> Server {
        let seen = self.clone();
        Server::run(|listener, stopped| async move {
            tokio::pin!(stopped);
            loop {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = &mut stopped => break,
                };
                let index = seen.with(|counts| {
                    counts.open += 1;
                    counts.most_open = counts.most_open.max(counts.open);
                    counts.requests.push(0);
                    counts.requests.len() - 1
                });
                let seen = seen.clone();
                tokio::spawn(async move {
                    let count = seen.clone();
                    let handler = ::hyper::service::service_fn(move |_: Request<Incoming>| {
                        count.with(|counts| counts.requests[index] += 1);
                        async {
                            for _ in 0..10 {
                                tokio::task::yield_now().await;
                            }
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
                        }
                    });
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), handler)
                        .await;
                    seen.with(|counts| counts.open -= 1);
                });
            }
        })
        .await
    }
}

fn to(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

async fn read(response: Response<PoolBody>) -> (StatusCode, Bytes) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap();
    (status, body.to_bytes())
}

async fn send(pool: &Pool, uri: &str) -> Result<(StatusCode, Bytes), Error> {
    Ok(read(pool.clone().oneshot(to(uri)).await?).await)
}

/// `maxConnections: 100` and `maxRequestsPerConnection: 2`, as the server counts.
#[tokio::test]
async fn a_thousand_requests_at_once_share_a_hundred_connections_that_carry_two_each() {
    let seen = Seen::default();
    let server = seen.server().await;
    let policy = PoolPolicy::default()
        .with_max_connections(100)
        .with_max_requests_per_connection(2);
    let pool = Pool::http(policy);
    let uri = server.url("/");
    let answers = join_all((0..1_000).map(|_| send(&pool, &uri))).await;
    for answer in answers {
        assert_eq!(answer.unwrap(), (StatusCode::OK, Bytes::from("hello")));
    }
    let counts = seen.counts();
    assert_eq!(counts.most_open, 100);
    assert_eq!(counts.requests.iter().sum::<usize>(), 1_000);
    assert!(counts.requests.iter().all(|count| *count <= 2));
    assert_eq!(pool.stats().opened, counts.requests.len() as u64);
    pool.reconfigure(policy.with_idle_timeout(Duration::from_nanos(1)));
    wait_for(|| pool.stats().open == 0 && seen.counts().open == 0).await;
    let stats = pool.stats();
    assert_eq!((stats.opened, stats.pending), (stats.closed, 0));
    server.stop().await;
}

#[tokio::test]
async fn what_is_sent_is_answered_refused_or_failed() {
    let seen = Seen::default();
    let server = seen.server().await;
    let policy = PoolPolicy::default()
        .with_max_connections(10)
        .with_max_pending(50);
    let pool = Pool::http(policy);
    let uri = server.url("/");
    let answers = join_all((0..500).map(|i| {
        let (pool, uri) = (pool.clone(), uri.clone());
        async move {
            // Some go away while they wait, or while they are answered.
            let send = send(&pool, &uri);
            let mut send = std::pin::pin!(send);
            for _ in 0..i {
                tokio::select! {
                    biased;
                    answer = &mut send => return Some(answer),
                    () = tokio::task::yield_now() => {}
                }
                if i % 7 == 0 {
                    break;
                }
            }
            if i % 7 == 0 { None } else { Some(send.await) }
        }
    }))
    .await;
    let (mut answered, mut failed, mut gone, mut refused) = (0, 0, 0, 0);
    for answer in answers {
        match answer {
            Some(Ok((StatusCode::OK, _))) => answered += 1,
            Some(Ok((StatusCode::SERVICE_UNAVAILABLE, _))) => refused += 1,
            Some(Err(_)) => failed += 1,
            Some(other) => panic!("{other:?}"),
            None => gone += 1,
        }
    }
    assert_eq!(answered + failed + gone + refused, 500);
    assert_eq!(failed, 0);
    assert!(answered >= 40 && refused > 300, "{answered} {refused}");
    assert!(
        seen.counts().most_open <= 11,
        "one given up may be seen late"
    );
    drop(pool);
    wait_for(|| seen.counts().open == 0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_never_accepts_is_given_up_after_the_connect_timeout() {
    let faulty = Faulty::start(Fault::Deaf, Protocol::Http1).await;
    let policy = PoolPolicy::default().with_connect_timeout(Duration::from_millis(100));
    let pool = Pool::http(policy);
    let error = send(&pool, &faulty.uri()).await.unwrap_err();
    assert!(matches!(error, Error::ConnectTimeout(_)), "{error:?}");
    assert_eq!(Failure::of(&error), Failure::Connect);
    faulty.stop().await;
}

#[tokio::test]
async fn a_connection_that_its_server_closed_is_not_handed_out() {
    let faulty = Faulty::start(Fault::ClosedWhenIdle, Protocol::Http1).await;
    let pool = Pool::http(PoolPolicy::default());
    for _ in 0..5 {
        send(&pool, &faulty.uri()).await.unwrap();
    }
    assert_eq!(pool.stats().opened, 5);
    faulty.stop().await;
}

/// Its connection is idle when the request gets it, and closed before a byte of the request is written.
#[tokio::test]
async fn a_request_that_was_not_written_goes_on_another_connection() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    // A thread of its own: it closes while nothing in this runtime is polled.
    let (close, told) = mpsc::channel::<()>();
    let server = std::thread::spawn(move || {
        let first = answer_once(&listener);
        told.recv().unwrap_err();
        drop(first);
        listener
    });
    let pool = Pool::http(PoolPolicy::default());
    send(&pool, &uri).await.unwrap();
    drop(close);
    let listener = server.join().unwrap();
    let second = std::thread::spawn(move || drop(answer_once(&listener)));
    // The connection's task is woken by the end, but this one goes on first and finds it idle.
    tokio::task::yield_now().await;
    assert_eq!(pool.stats().idle, 1);
    send(&pool, &uri).await.unwrap();
    assert_eq!(pool.stats().opened, 2);
    second.join().unwrap();
}

fn answer_once(listener: &std::net::TcpListener) -> std::net::TcpStream {
    let (mut stream, _) = listener.accept().unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(answer).unwrap();
    stream
}

/// The server may have seen it, so the pool does not send it again; a retry decides that by its method.
#[tokio::test]
async fn a_request_whose_connection_was_closed_under_it_is_left_to_the_retry() {
    let faulty = Faulty::start(Fault::ClosedWhenReused, Protocol::Http1).await;
    let pool = Pool::http(PoolPolicy::default());
    send(&pool, &faulty.uri()).await.unwrap();
    let error = send(&pool, &faulty.uri()).await.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Closed);
    assert!(!Failure::of(&error).never_processed());

    send(&pool, &faulty.uri()).await.unwrap();
    let policy = RetryPolicy::default().with_retry_on(RetryOn::parse("reset").unwrap());
    let retried = RetryLayer::new(policy).layer(pool.clone());
    let response = retried.oneshot(to(&faulty.uri())).await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);
    faulty.stop().await;
}

#[tokio::test]
async fn refused_requests_are_told_from_answers_of_the_server() {
    let seen = Seen::default();
    let server = seen.server().await;
    let policy = PoolPolicy::default()
        .with_max_connections(1)
        .with_max_pending(1);
    let pool = Pool::http(policy);
    let uri = server.url("/");
    let calls = join_all((0..3).map(|_| pool.clone().oneshot(to(&uri)))).await;
    let refused = calls.iter().filter(|call| {
        let response = call.as_ref().unwrap();
        matches!(Rejection::of(response), Some(Rejection::Overflow(_)))
    });
    assert_eq!(refused.count(), 2);
    drop(calls);
    server.stop().await;
}

#[tokio::test]
async fn any_connector_will_do() {
    let seen = Seen::default();
    let server = seen.server().await;
    let address = server.address();
    let connector = service_fn(move |_| {
        Box::pin(async move {
            let stream = tokio::net::TcpStream::connect(address).await?;
            Ok::<_, std::io::Error>(TokioIo::new(stream))
        })
    });
    let pool = Pool::new(PoolPolicy::default(), connector);
    assert_eq!(send(&pool, "http://users/").await.unwrap().1, "hello");
    server.stop().await;
}

#[tokio::test]
async fn an_upgraded_connection_counts_until_it_is_let_go() {
    let server = Server::run(|listener, _stopped| async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let answer = b"HTTP/1.1 101 Switching Protocols\r\n\
            connection: upgrade\r\nupgrade: echo\r\n\r\n";
        stream.write_all(answer).await.unwrap();
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.unwrap();
    })
    .await;
    let pool = Pool::http(PoolPolicy::default());
    let mut request = to(&server.url("/"));
    let headers = request.headers_mut();
    headers.insert("connection", "upgrade".parse().unwrap());
    headers.insert("upgrade", "echo".parse().unwrap());
    let response = pool.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let mut upgraded = TokioIo::new(::hyper::upgrade::on(response).await.unwrap());
    upgraded.write_all(b"hello").await.unwrap();
    let mut echo = [0; 5];
    upgraded.read_exact(&mut echo).await.unwrap();
    assert_eq!(&echo, b"hello");
    assert_eq!((pool.stats().open, pool.stats().idle), (1, 0));
    drop(upgraded);
    assert_eq!(pool.stats().open, 0);
    server.stop().await;
}

#[test]
fn a_pool_outlives_the_runtime_that_it_was_used_in() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let serving = tokio::runtime::Runtime::new().unwrap();
    let seen = Seen::default();
    let server = serving.block_on(seen.server());
    let uri = server.url("/");
    let pool = Pool::http(PoolPolicy::default().with_max_connections(1));
    let (busy, waiting) = {
        let first = runtime();
        let busy = first.block_on(pool.clone().oneshot(to(&uri))).unwrap();
        let waiting = first.spawn(pool.clone().oneshot(to(&uri)));
        first.block_on(tokio::task::yield_now());
        assert_eq!(pool.stats().pending, 1);
        (busy, waiting)
    };
    assert!(waiting.is_finished(), "it went with its runtime");
    // There is no runtime here, and nothing to break.
    drop(busy);
    assert_eq!((pool.stats().open, pool.stats().pending), (0, 0));
    let second = runtime();
    let answer = second.block_on(send(&pool, &uri)).unwrap();
    assert_eq!(answer.0, StatusCode::OK);
    serving.block_on(server.stop());
}

/// Waits for what the other side does as soon as it is its turn.
async fn wait_for(done: impl Fn() -> bool) {
    let limit = Duration::from_secs(20);
    let waited = tokio::time::timeout(limit, async {
        while !done() {
            tokio::task::yield_now().await;
        }
    });
    waited.await.expect("it comes to that");
}
