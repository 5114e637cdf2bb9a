//! Clients under test.

use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use meshless::Mesh;
use meshless::client::{Client, HttpService, TcpConnector, Transport};
use meshless::pool::PoolPolicy;
use tokio::task::JoinSet;
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

/// Constructor of a client that calls the server at an address.
pub(crate) type MakeCase = fn(SocketAddr) -> Box<dyn Case>;

/// The first one is what the others are compared with.
pub(crate) const CASES: &[(&str, MakeCase)] = &[
    ("reqwest", reqwest),
    ("hyper-util", hyper_util),
    ("tower's limit and timeout over reqwest", tower),
    ("Client over a brought reqwest", brought),
    ("Client", bare),
    ("Client, outbound()", outbound),
    ("Mesh client", mesh),
    ("Mesh client, connections limited", limited),
];

/// A client with its connections.
pub(crate) trait Case {
    /// Sends `count` requests over `connections` connections, one after another on each.
    fn run(&self, connections: usize, count: usize) -> Running<'_>;
}

type Running<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

pub(crate) fn find(name: &str) -> MakeCase {
    let case = CASES.iter().find(|(known, _)| *known == name);
    case.expect("a case of `list`").1
}

/// A case that calls a clone of a closure for each request.
struct Calls<F>(F);

impl<F, R> Case for Calls<F>
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    fn run(&self, connections: usize, count: usize) -> Running<'_> {
        Box::pin(async move {
            let mut tasks = JoinSet::new();
            for _ in 0..connections {
                let call = self.0.clone();
                tasks.spawn(async move {
                    for _ in 0..count / connections {
                        call().await;
                    }
                });
            }
            tasks.join_all().await;
        })
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}

fn reqwest(address: SocketAddr) -> Box<dyn Case> {
    let client = builder().build().expect("a client");
    let url = format!("http://{address}/");
    Box::new(Calls(move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let response = client.get(&url).send().await.expect("a response");
            assert!(response.status().is_success());
            response.bytes().await.expect("a body");
        }
    }))
}

fn hyper_util(address: SocketAddr) -> Box<dyn Case> {
    let client: legacy::Client<HttpConnector, Empty<Bytes>> =
        legacy::Client::builder(TokioExecutor::new()).build_http();
    let url = format!("http://{address}/");
    Box::new(Calls(move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let uri: Uri = url.parse().expect("a URI");
            let request = Request::get(uri).body(Empty::new()).expect("a request");
            let response = client.request(request).await.expect("a response");
            assert!(response.status().is_success());
            response.into_body().collect().await.expect("a body");
        }
    }))
}

fn tower(address: SocketAddr) -> Box<dyn Case> {
    let client = builder().build().expect("a client");
    let stack = ServiceBuilder::new()
        .concurrency_limit(1_000)
        .timeout(Duration::from_secs(15))
        .service(client.clone());
    let url = format!("http://{address}/");
    Box::new(Calls(move || {
        let (client, stack, url) = (client.clone(), stack.clone(), url.clone());
        async move {
            let request = client.get(&url).build().expect("a request");
            let mut stack = stack;
            let ready = stack.ready().await.expect("ready");
            let response: reqwest::Response = ready.call(request).await.expect("a response");
            assert!(response.status().is_success());
            response.bytes().await.expect("a body");
        }
    }))
}

fn brought(address: SocketAddr) -> Box<dyn Case> {
    let transport = Transport::new(builder().build().expect("a client"));
    client(Client::new(transport), format!("http://{address}/"))
}

fn bare(address: SocketAddr) -> Box<dyn Case> {
    client(Client::new(own()), format!("http://{address}/"))
}

fn outbound(address: SocketAddr) -> Box<dyn Case> {
    let stack = meshless::outbound().layer(own());
    client(Client::new(stack), format!("http://{address}/"))
}

fn own() -> Transport {
    let connector = TcpConnector::new().without_proxies();
    Transport::pooled(PoolPolicy::default(), connector)
}

fn mesh(address: SocketAddr) -> Box<dyn Case> {
    by_documents(&documents(address))
}

fn limited(address: SocketAddr) -> Box<dyn Case> {
    let limit = "trafficPolicy: {connectionPool: {tcp: {maxConnections: 100}}, ";
    by_documents(&documents(address).replace("trafficPolicy: {", limit))
}

fn by_documents(documents: &str) -> Box<dyn Case> {
    let mesh = Mesh::from_yaml(documents).expect("documents");
    let workload = mesh.workload("caller", "default");
    client(workload.client(), "http://srv/".into())
}

fn client<S>(client: Client<S>, url: String) -> Box<dyn Case>
where
    S: HttpService<Future: Send, ResponseBody: Send> + Send + Sync + 'static,
    S::Error: Send,
{
    Box::new(Calls(move || {
        let (client, url) = (client.clone(), url.clone());
        async move {
            let response = client.get(&url).send().await.expect("a response");
            assert!(response.status().is_success());
            response.bytes().await.expect("a body");
        }
    }))
}

fn documents(address: SocketAddr) -> String {
    let port = address.port();
    format!(
        "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: srv}}
spec:
  hosts: [srv.default.svc.cluster.local]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  location: MESH_INTERNAL
  endpoints: [{{address: 127.0.0.1, ports: {{http: {port}}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: srv}}
spec:
  hosts: [srv.default.svc.cluster.local]
  http:
  - timeout: 5s
    retries: {{attempts: 2, retryOn: 5xx}}
    route: [{{destination: {{host: srv.default.svc.cluster.local, port: {{number: 80}}}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: srv}}
spec:
  host: srv.default.svc.cluster.local
  trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 5}}}}
"
    )
}
