//! Tests a service without sockets and without waiting: `cargo run --example testing --features full`.
//!
//! The service is called through its routes; it calls others under the documents, over a transport in memory.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body as RouteBody;
use axum::extract::State;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use meshless::Mesh;
use meshless::client::{Body, BoxHttpService, Client};
use meshless::mesh::RequestBody;
use meshless::testing::RecordingObserver;
use tokio::time::{Duration, Instant, sleep};
use tower::{ServiceExt, service_fn};

/// The service under test: its routes, and the client with which they call the users.
fn app(users: Client<BoxHttpService>) -> Router {
    let greet = async |State(users): State<Client<BoxHttpService>>| {
        let response = users.get("http://users/name").send().await;
        let response = response.map_err(|_| StatusCode::BAD_GATEWAY)?;
        let name = response.text().await.map_err(|_| StatusCode::BAD_GATEWAY)?;
        Ok::<_, StatusCode>(format!("Hello {name}"))
    };
    Router::new().route("/", get(greet)).with_state(users)
}

/// Stand-in for the users, which hangs for a minute on the first attempt.
async fn users(request: Request<RequestBody<Body>>) -> io::Result<Response<String>> {
    if request.headers()["x-envoy-attempt-count"] == "1" {
        sleep(Duration::from_secs(60)).await;
    }
    Ok(Response::new("Ann".into()))
}

const POLICIES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users, namespace: default}
spec:
  hosts: [users]
  http:
  - route: [{destination: {host: users}}]
    retries: {attempts: 1, perTryTimeout: 2s, retryOn: '5xx', backoff: 25ms}
";

#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let events = RecordingObserver::default();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.with_seed(7).read_yaml(POLICIES)?;
    let stack = mesh.workload("greeter", "default");
    let client = Client::new(stack.outbound(service_fn(users))).boxed();

    let start = Instant::now();
    let response = app(client)
        .oneshot(Request::new(RouteBody::empty()))
        .await?;
    println!("{} after {:?}", response.status(), start.elapsed());
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(events.names(), ["retrying"]);
    events.assert_any(|event| event.source().workload() == Some("greeter"));
    Ok(())
}
