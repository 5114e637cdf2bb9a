//! Connections of a mesh's clients to endpoints that come, go and close them.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::hyper::body::Incoming;
use ::hyper::server::conn::http1;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use meshless::Mesh;
use meshless::dns::{Backoff, DnsPolicy, Resolver};
use meshless::mesh::MeshClient;
use meshless::pool::{Pool, PoolPolicy};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tower::ServiceExt;

use crate::name_server::NameServer;
use crate::support::{Server, destination_rule, service_entry, until};

/// Connections to a server: made, and open now.
#[derive(Clone, Default)]
struct Count(Arc<Mutex<(usize, usize)>>);

impl Count {
    fn made(&self) -> usize {
        self.0.lock().unwrap().0
    }

    fn open(&self) -> usize {
        self.0.lock().unwrap().1
    }
}

/// A server that counts its connections, and answers when as many requests as `at_once` are there.
fn counting(listener: TcpListener, at_once: Option<Arc<Barrier>>) -> (Server, Count) {
    let count = Count::default();
    let counted = count.clone();
    let server = Server::on(listener, |listener, stopped| async move {
        tokio::pin!(stopped);
        loop {
            let (stream, _) = tokio::select! {
                accepted = listener.accept() => accepted.unwrap(),
                () = &mut stopped => break,
            };
            let (count, at_once) = (counted.clone(), at_once.clone());
            {
                let mut count = count.0.lock().unwrap();
                *count = (count.0 + 1, count.1 + 1);
            }
            tokio::spawn(async move {
                let handler = ::hyper::service::service_fn(|_: Request<Incoming>| {
                    let at_once = at_once.clone();
                    async move {
                        if let Some(at_once) = at_once {
                            at_once.wait().await;
                        }
                        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
                    }
                });
                let _ = http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), handler)
                    .await;
                count.0.lock().unwrap().1 -= 1;
            });
        }
    });
    (server, count)
}

/// Listeners on one port of several addresses.
async fn listeners(addresses: &[[u8; 4]]) -> Vec<TcpListener> {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let others = addresses[1..].iter();
        let others = others.map(|ip| TcpListener::bind(SocketAddr::from((*ip, port))));
        let others: Result<Vec<_>, _> = join_all(others).await.into_iter().collect();
        if let Ok(others) = others {
            return std::iter::once(first).chain(others).collect();
        }
    }
}

async fn send(client: &MeshClient) {
    let response = client.get("http://users.test/").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "hello");
}

fn entry(port: u16, rest: &str) -> String {
    service_entry(
        "users.test",
        &format!("protocol: HTTP, targetPort: {port}"),
        rest,
    )
}

fn client(mesh: &Mesh) -> MeshClient {
    let make = || reqwest::Client::builder().no_proxy();
    mesh.workload("w", "default").client_with(make).unwrap()
}

#[tokio::test]
async fn each_endpoint_keeps_a_connection_whatever_the_limit_of_all() {
    let at_once = Arc::new(Barrier::new(3));
    let listeners = listeners(&[[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3]]).await;
    let port = listeners[0].local_addr().unwrap().port();
    let servers: Vec<_> = listeners
        .into_iter()
        .map(|listener| counting(listener, Some(Arc::clone(&at_once))))
        .collect();
    let mesh = Mesh::from_yaml(&format!(
        "{}{}",
        entry(
            port,
            "resolution: STATIC, \
             endpoints: [{address: 127.0.0.1}, {address: 127.0.0.2}, {address: 127.0.0.3}]",
        ),
        destination_rule(
            "users.test",
            "connectionPool: {tcp: {maxConnections: 1}}, loadBalancer: {simple: ROUND_ROBIN}",
        ),
    ))
    .unwrap();
    let client = client(&mesh);
    for _ in 0..4 {
        // None of the three is answered before all of them are there.
        join_all((0..3).map(|_| send(&client))).await;
    }
    for (server, count) in servers {
        assert_eq!(count.made(), 1);
        server.stop().await;
    }
}

#[tokio::test]
async fn connections_to_an_address_that_leaves_dns_are_closed() {
    let names = NameServer::start().await;
    names.set("users.test", 0, ["127.0.0.1", "127.0.0.2"]);
    let listeners = listeners(&[[127, 0, 0, 1], [127, 0, 0, 2]]).await;
    let port = listeners[0].local_addr().unwrap().port();
    let mut servers: Vec<_> = listeners
        .into_iter()
        .map(|listener| counting(listener, None))
        .collect();
    let soon = Duration::from_millis(10);
    let policy = DnsPolicy::default()
        .with_min_ttl(soon)
        .with_backoff(Backoff::constant(soon));
    let resolver = Resolver::new(policy, [names.address()]).unwrap();
    let documents = entry(port, "resolution: DNS");
    let builder = Mesh::builder().with_resolver(resolver);
    let mesh = builder.read_yaml(&documents).unwrap();
    let client = client(&mesh);
    let (stays, leaves) = (servers[0].1.clone(), servers[1].1.clone());
    while stays.open() == 0 || leaves.open() == 0 {
        send(&client).await;
    }
    names.set("users.test", 0, ["127.0.0.1"]);
    let leaving = async {
        while leaves.open() > 0 {
            send(&client).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), leaving).await;
    in_time.expect("it is closed long before");
    assert_eq!((stays.made(), stays.open()), (1, 1), "who stays is kept");
    drop((client, mesh));
    until(|| stays.open() == 0).await;
    while let Some((server, _)) = servers.pop() {
        server.stop().await;
    }
}

/// A server with a thread of its own, which closes each connection right after its answer and says
/// nothing of it.
fn closes_after_each_answer(requests: usize) -> (SocketAddr, std::thread::JoinHandle<usize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = std::thread::spawn(move || {
        let mut answered = 0;
        while answered < requests {
            let (mut stream, _) = listener.accept().unwrap();
            let mut seen = Vec::new();
            let mut bytes = [0; 1_024];
            while !seen.ends_with(b"\r\n\r\nbody") {
                match stream.read(&mut bytes) {
                    Ok(0) | Err(_) => break,
                    Ok(length) => seen.extend(&bytes[..length]),
                }
            }
            if seen.ends_with(b"body") {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                let _ = stream.write_all(answer);
                answered += 1;
            }
        }
        answered
    });
    (address, serving)
}

async fn three_hundred_posts() {
    let (address, serving) = closes_after_each_answer(300);
    let pool = Pool::http(PoolPolicy::default());
    let mut lost = 0;
    for _ in 0..300 {
        let request = Request::post(format!("http://{address}/"));
        let request = request.body(Full::new(Bytes::from("body"))).unwrap();
        match pool.clone().oneshot(request).await {
            Ok(response) => drop(response.into_body().collect().await.unwrap()),
            Err(_) => lost += 1,
        }
    }
    assert_eq!(lost, 0);
    assert_eq!(serving.join().unwrap(), 300);
}

#[tokio::test]
async fn no_post_is_lost_to_a_server_that_closes_after_each_answer() {
    three_hundred_posts().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_is_one_lost_on_several_threads() {
    three_hundred_posts().await;
}

/// What a builder sets beside its connections is not there for a pool, so a client has it.
#[tokio::test]
async fn default_headers_go_along_whatever_a_request_is_sent_over() {
    let router = ::axum::Router::new().fallback(async |headers: http::HeaderMap| {
        let team = headers.get("x-team").map(http::HeaderValue::as_bytes);
        Bytes::copy_from_slice(team.unwrap_or(b"none"))
    });
    let server = Server::axum(router).await;
    let port = server.address().port();
    let mesh = Mesh::from_yaml(&entry(
        port,
        "resolution: STATIC, endpoints: [{address: 127.0.0.1}]",
    ))
    .unwrap();
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("x-team"),
        http::HeaderValue::from_static("waste"),
    )]);
    let client = client(&mesh).with_default_headers(headers);
    for url in ["http://users.test/".to_owned(), server.url("/")] {
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "waste", "{url}");
        let request = client.get(&url).header("x-team", "own");
        let response = request.send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "own", "{url}");
    }
    drop(client);
    server.stop().await;
}
