//! The documents of the review, each with what it lacks in a document of its own, before real servers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::axum::Router;
use http::StatusCode;
use meshless::client::Error;
use meshless::istio::{Code, Severity};
use meshless::mesh::MeshClient;
use meshless::{Mesh, Rejection};

use crate::support::Server;

/// A port that nobody listens on.
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);

/// A server that answers everything alike, and counts.
struct Counting {
    asked: Arc<AtomicUsize>,
    server: Server,
}

impl Counting {
    async fn start(status: StatusCode) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let answer = move || async move {
            count.fetch_add(1, Ordering::Relaxed);
            status
        };
        let server = Server::axum(Router::new().fallback(answer)).await;
        Self { asked, server }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

/// Says where a host listens; each endpoint is a version: `v1`, `v2`, …
fn entry(host: &str, namespace: &str, addresses: &[SocketAddr]) -> String {
    let endpoints = addresses.iter().zip(1..).map(|(address, version)| {
        let (ip, port) = (address.ip(), address.port());
        format!("{{address: {ip}, ports: {{http: {port}}}, labels: {{version: v{version}}}}}")
    });
    let endpoints: Vec<_> = endpoints.collect();
    format!(
        "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: added, namespace: {namespace}}}
spec:
  hosts: [{host}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{}]
",
        endpoints.join(", ")
    )
}

/// Which pods are which version.
const VERSIONS: &str = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: waste-versions}
spec:
  host: waste-service
  subsets:
  - {name: v1, labels: {version: v1}}
  - {name: v2, labels: {version: v2}}
";

fn mesh(yaml: &str) -> Mesh {
    Mesh::builder().with_seed(7).read_yaml(yaml).unwrap()
}

fn client(mesh: &Mesh, name: &str, namespace: &str) -> MeshClient {
    let workload = mesh.workload(name, namespace);
    workload
        .client_with(|| reqwest::Client::builder().no_proxy())
        .unwrap()
}

async fn ask(client: &MeshClient, url: &str) -> Result<StatusCode, Rejection> {
    match client.get(url).send().await {
        Ok(response) => Ok(response.status()),
        Err(Error::Rejected { rejection, .. }) => Err(rejection),
        Err(other) => unreachable!("{other:?}"),
    }
}

#[tokio::test]
async fn one_in_ten_goes_to_v2_and_whoever_asks_for_it_always() {
    let v1 = Counting::start(StatusCode::OK).await;
    let v2 = Counting::start(StatusCode::OK).await;
    let added = entry(
        "waste-service",
        "default",
        &[v1.server.address(), v2.server.address()],
    );
    let policy = include_str!("../policies/waste-ab-and-canary.yaml");
    let mesh = mesh(&format!("{policy}{added}{VERSIONS}"));
    let client = client(&mesh, "caller", "default");
    for _ in 0..200 {
        assert_eq!(
            ask(&client, "http://waste-service/").await,
            Ok(StatusCode::OK)
        );
    }
    let of_v2 = v2.asked();
    assert!((8..36).contains(&of_v2), "{of_v2}");
    assert_eq!(v1.asked() + of_v2, 200);
    for _ in 0..10 {
        let request = client.get("http://waste-service/").header("version", "v2");
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    assert_eq!(v2.asked(), of_v2 + 10);
}

/// Five answers of 5xx in a row, and nobody asks any more.
async fn breaks_after_five(policy: &str, host: &str, namespace: &str) {
    let server = Counting::start(StatusCode::INTERNAL_SERVER_ERROR).await;
    let added = entry(host, namespace, &[server.server.address()]);
    let mesh = mesh(&format!("{policy}{added}"));
    let client = client(&mesh, "caller", namespace);
    let url = format!("http://{host}/analyze");
    for _ in 0..5 {
        let answer = ask(&client, &url).await;
        assert_eq!(answer, Ok(StatusCode::INTERNAL_SERVER_ERROR));
    }
    for _ in 0..20 {
        let answer = ask(&client, &url).await;
        assert_eq!(answer, Err(Rejection::NoHealthyUpstream));
    }
    assert_eq!(server.asked(), 5);
}

#[tokio::test]
async fn the_ai_breaker_breaks() {
    let policy = include_str!("../policies/ai-api-breaker.yaml");
    breaks_after_five(policy, "waste-service", "default").await;
}

#[tokio::test]
async fn the_external_breaker_breaks() {
    let policy = include_str!("../policies/external-api-breaker.yaml");
    breaks_after_five(policy, "waste-service", "waste").await;
}

#[tokio::test]
async fn the_roboflow_breaker_breaks() {
    let policy = include_str!("../policies/roboflow-breaker.yaml");
    breaks_after_five(policy, "detect.roboflow.com", "waste").await;
}

#[tokio::test]
async fn twenty_calls_go_out_and_the_next_are_refused() {
    let server = Counting::start(StatusCode::OK).await;
    let mesh = mesh(include_str!("../policies/llm-rate-limit.yaml"));
    let url = server.server.url("/v1/chat/completions");
    let limited = client(&mesh, "recycling-service", "recycling");
    for n in 0..30 {
        let answer = ask(&limited, &url).await;
        let expected = if n < 20 {
            answer == Ok(StatusCode::OK)
        } else {
            matches!(answer, Err(Rejection::RateLimited { .. }))
        };
        assert!(expected, "{n}: {answer:?}");
    }
    assert_eq!(server.asked(), 20);
    let other = client(&mesh, "waste-service", "recycling");
    assert_eq!(
        ask(&other, &url).await,
        Ok(StatusCode::OK),
        "it selects another"
    );
}

#[tokio::test]
async fn the_gateway_takes_its_path_and_tries_again_where_nobody_answers() {
    let server = Counting::start(StatusCode::OK).await;
    let added = entry(
        "waste-service.waste.svc.cluster.local",
        "waste",
        &[NOBODY, server.server.address()],
    );
    let policy = include_str!("../policies/gateway-and-waste-route.yaml");
    let retries = "    retries:\n      attempts: 3\n      perTryTimeout: 2s\n";
    assert!(policy.contains(retries));
    let once = policy.replace(retries, "    retries:\n      attempts: 0\n");
    let mut failed = Vec::new();
    for policy in [policy, &once] {
        let mesh = mesh(&format!("{policy}{added}"));
        let gateway = mesh.gateway("sesacthon-gateway", "istio-system").unwrap();
        let service = gateway
            .service_with(|| reqwest::Client::builder().no_proxy())
            .unwrap();
        let ingress = Server::axum(Router::new().fallback_service(service)).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let ask = async |host: &str, path: &str| {
            let request = client.get(ingress.url(path)).header("host", host);
            request.send().await.unwrap().status().as_u16()
        };
        let asked = server.asked();
        assert_eq!(ask("api.yourdomain.com", "/other").await, 404);
        assert_eq!(ask("elsewhere.com", "/api/v1/waste/1").await, 404);
        assert_eq!(server.asked(), asked);
        let mut of_this = 0;
        // The budget pays for as many retries, even if each of them needs one.
        for _ in 0..6 {
            of_this += usize::from(ask("api.yourdomain.com", "/api/v1/waste/1").await == 503);
        }
        assert_eq!(server.asked(), asked + 6 - of_this);
        failed.push(of_this);
    }
    assert_eq!(failed[0], 0, "each was tried again");
    assert!(failed[1] > 0, "once is not enough: {failed:?}");
}

#[tokio::test]
async fn what_is_not_enforced_yet_is_said_and_lets_everything_through() {
    let server = Counting::start(StatusCode::OK).await;
    let mesh = mesh(include_str!("../policies/waste-mtls.yaml"));
    let found = mesh.diagnostics();
    let found = found.iter().find(|found| found.code() == Code::NotEnforced);
    assert_eq!(found.unwrap().severity(), Severity::Warning);
    let client = client(&mesh, "caller", "waste");
    assert_eq!(
        ask(&client, &server.server.url("/")).await,
        Ok(StatusCode::OK)
    );
}
