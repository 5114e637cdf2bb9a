//! The limits of connections that a document sets, as the accept loop of a server sees them.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ::hyper::body::Incoming;
use ::hyper::server::conn::http1;
use bytes::Bytes;
use futures_util::future::join_all;
use http::{Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use meshless::client::Error;
use meshless::mesh::MeshClient;
use meshless::{Mesh, Rejection};
use tokio::sync::watch;

use crate::support::{Server, until};

const BREAKER: &str = include_str!("../policies/external-api-breaker.yaml");

/// A server that lets requests wait, and counts connections and the requests on each.
struct Gated {
    arrived: Arc<AtomicUsize>,
    /// Open now, and at most.
    open: Arc<Mutex<(usize, usize)>>,
    released: watch::Sender<bool>,
    requests: Arc<Mutex<Vec<usize>>>,
    server: Server,
}

impl Gated {
    async fn start() -> Self {
        let (released, gate) = watch::channel(false);
        let arrived = Arc::new(AtomicUsize::new(0));
        let open = Arc::new(Mutex::new((0, 0)));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (count, counts, connections) = (
            Arc::clone(&arrived),
            Arc::clone(&requests),
            Arc::clone(&open),
        );
        let server = Server::run(|listener, stopped| async move {
            tokio::pin!(stopped);
            loop {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = &mut stopped => break,
                };
                let index = {
                    let mut open = connections.lock().unwrap();
                    *open = (open.0 + 1, open.1.max(open.0 + 1));
                    let mut counts = counts.lock().unwrap();
                    counts.push(0);
                    counts.len() - 1
                };
                let (count, counts, gate) = (Arc::clone(&count), Arc::clone(&counts), gate.clone());
                let connections = Arc::clone(&connections);
                tokio::spawn(async move {
                    let handler = ::hyper::service::service_fn(|_: Request<Incoming>| {
                        count.fetch_add(1, Ordering::Relaxed);
                        counts.lock().unwrap()[index] += 1;
                        let mut gate = gate.clone();
                        async move {
                            let _ = gate.wait_for(|released| *released).await;
                            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from("hello"))))
                        }
                    });
                    let _ = http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), handler)
                        .await;
                    connections.lock().unwrap().0 -= 1;
                });
            }
        })
        .await;
        Self {
            arrived,
            open,
            released,
            requests,
            server,
        }
    }

    fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }

    fn most_open(&self) -> usize {
        self.open.lock().unwrap().1
    }

    /// Says that the service of the review listens here.
    fn entry(&self) -> String {
        let port = self.server.address().port();
        format!(
            "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: waste-service, namespace: waste}}
spec:
  hosts: [waste-service.waste.svc.cluster.local]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
"
        )
    }
}

fn client(mesh: &Mesh) -> MeshClient {
    let workload = mesh.workload("caller", "waste");
    let client = workload.client_with(|| reqwest::Client::builder().no_proxy());
    client.unwrap()
}

/// What became of requests.
#[derive(Debug, Default, Eq, PartialEq)]
struct Ends {
    answered: usize,
    overflowed: usize,
}

async fn send(client: MeshClient) -> Ends {
    match client.get("http://waste-service/").send().await {
        Ok(response) => {
            assert_eq!(response.status(), 200);
            assert_eq!(response.text().await.unwrap(), "hello");
            Ends {
                answered: 1,
                overflowed: 0,
            }
        }
        Err(Error::Rejected { rejection, .. }) => {
            assert!(matches!(rejection, Rejection::Overflow(_)), "{rejection:?}");
            assert_eq!((rejection.status().as_u16(), rejection.flag()), (503, "UO"));
            Ends {
                answered: 0,
                overflowed: 1,
            }
        }
        Err(error) => unreachable!("{error:?}"),
    }
}

fn sum(ends: impl IntoIterator<Item = Ends>) -> Ends {
    ends.into_iter().fold(Ends::default(), |all, one| Ends {
        answered: all.answered + one.answered,
        overflowed: all.overflowed + one.overflowed,
    })
}

#[tokio::test]
async fn the_external_breaker_has_a_hundred_connections_two_requests_on_each_and_ten_that_wait() {
    let upstream = Gated::start().await;
    let mesh = Mesh::from_yaml(&format!("{BREAKER}{}", upstream.entry())).unwrap();
    // Two clients of one workload are one sidecar.
    let clients = [client(&mesh), client(&mesh)];
    let mut sent = Vec::new();
    // No more at once than may wait: a request waits while its connection is made, too.
    for tens in 1..=10 {
        sent.extend((0..10).map(|i| tokio::spawn(send(clients[i % 2].clone()))));
        until(|| upstream.arrived() == tens * 10).await;
    }
    // Of 35 more, ten wait for one of the connections to be free.
    let mut more: Vec<_> = (0..35)
        .map(|i| tokio::spawn(send(clients[i % 2].clone())))
        .collect();
    until(|| more.iter().filter(|one| one.is_finished()).count() == 25).await;
    assert_eq!((upstream.arrived(), upstream.most_open()), (100, 100));

    upstream.released.send(true).unwrap();
    sent.append(&mut more);
    let ends = sum(join_all(sent).await.into_iter().map(Result::unwrap));
    assert_eq!(
        ends,
        Ends {
            answered: 110,
            overflowed: 25
        }
    );

    // One after another: the connections are used twice, and then closed.
    for client in clients.iter().cycle().take(20) {
        assert_eq!(send(client.clone()).await.answered, 1);
    }
    let requests = upstream.requests.lock().unwrap().clone();
    assert_eq!(requests.iter().sum::<usize>(), 130);
    assert!(
        requests.iter().all(|count| (1..=2).contains(count)),
        "{requests:?}"
    );
    assert!(requests.contains(&2));
    assert_eq!(upstream.most_open(), 100);
    upstream.server.stop().await;
}

#[tokio::test]
async fn a_change_of_the_limits_holds_for_the_connections_that_there_are() {
    let upstream = Gated::start().await;
    let few = |max: &str, times: &str| {
        let rule = BREAKER.replace("maxConnections: 100", max);
        format!(
            "{}{}",
            rule.replace("Connection: 2", times),
            upstream.entry()
        )
    };
    let mesh = Mesh::from_yaml(&few("maxConnections: 2", "Connection: 0")).unwrap();
    let client = client(&mesh);
    let first: Vec<_> = (0..3).map(|_| tokio::spawn(send(client.clone()))).collect();
    until(|| upstream.arrived() == 2).await;
    mesh.apply(&few("maxConnections: 3", "Connection: 0"))
        .unwrap();
    until(|| upstream.arrived() == 3).await;
    assert_eq!(upstream.most_open(), 3);
    upstream.released.send(true).unwrap();
    assert_eq!(
        sum(join_all(first).await.into_iter().map(Result::unwrap)).answered,
        3
    );

    // Those that are idle are used again, after the change too.
    mesh.apply(&few("maxConnections: 4", "Connection: 0"))
        .unwrap();
    for _ in 0..5 {
        assert_eq!(send(client.clone()).await.answered, 1);
    }
    assert_eq!(upstream.requests.lock().unwrap().len(), 3);
    upstream.server.stop().await;
}
