//! What a request over loopback takes through a pool, hyper-util's client and reqwest: one at a time, and 64 at
//! once. The server is a thread of its own, and answers at once.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::future::join_all;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use meshless::client::Transport;
use meshless::pool::{Pool, PoolPolicy};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tower::{Service, ServiceExt};

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Starts a server that ends with the program.
fn server() -> SocketAddr {
    let (told, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            told.send(address).expect("somebody asks");
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                stream.set_nodelay(true).expect("a socket");
                let answer = service_fn(async |_: Request<Incoming>| {
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"hello"))))
                });
                let connection =
                    http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
                tokio::spawn(connection);
            }
        });
    });
    address.recv().expect("a server")
}

async fn send<S, R>(client: S, uri: &str) -> Bytes
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error: std::fmt::Debug>,
    R: Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let request = Request::get(uri).body(Empty::new()).expect("a request");
    let response = client.oneshot(request).await.expect("an answer");
    let body = response.into_body().collect().await;
    body.expect("a whole body").to_bytes()
}

fn measure<S, R>(criterion: &mut Criterion, name: &str, uri: &str, client: &S)
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error: std::fmt::Debug> + Clone,
    R: Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let runtime = runtime();
    criterion.bench_function(&format!("pool/one, {name}"), |b| {
        b.iter(|| runtime.block_on(send(client.clone(), uri)));
    });
    criterion.bench_function(&format!("pool/64 at once, {name}"), |b| {
        b.iter(|| runtime.block_on(join_all((0..64).map(|_| send(client.clone(), uri)))));
    });
}

fn benches(criterion: &mut Criterion) {
    let uri = format!("http://{}/", server());
    let unlimited = Pool::http(PoolPolicy::default());
    measure(criterion, "pool", &uri, &unlimited);
    let policy = PoolPolicy::default()
        .with_max_connections(16)
        .with_max_pending(100);
    measure(criterion, "pool of 16", &uri, &Pool::http(policy));
    let mut connector = hyper_util::client::legacy::connect::HttpConnector::new();
    connector.set_nodelay(true);
    let hyper = Client::builder(TokioExecutor::new()).build(connector);
    measure(criterion, "hyper-util", &uri, &hyper);
    let reqwest = Transport::build(reqwest::Client::builder().no_proxy());
    measure(criterion, "reqwest", &uri, &reqwest.expect("a client"));
}

criterion_group! {
    name = pool;
    config = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1));
    targets = benches
}
criterion_main!(pool);
