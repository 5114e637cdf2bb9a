//! A canary release by Istio's YAML, without a proxy: `cargo run --example mesh --features full`.

use axum::Router;
use axum::routing::get;
use meshless::Mesh;
use meshless::client::Error;
use tokio::net::TcpListener;

/// Serves one version of the service, and returns its port.
async fn serve(version: &'static str) -> std::io::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let app = Router::new().route("/version", get(async move || version));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(port)
}

/// The documents, which are usually files: `Mesh::from_path("policies")`.
fn documents(v1: u16, v2: u16) -> String {
    let endpoint = |version: &str, port: u16| {
        format!("{{address: 127.0.0.1, ports: {{http: {port}}}, labels: {{version: {version}}}}}")
    };
    format!(
        "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: waste, namespace: waste}}
spec:
  hosts: [waste.internal]
  location: MESH_INTERNAL
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{}, {}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: waste, namespace: waste}}
spec:
  host: waste.internal
  subsets:
  - {{name: v1, labels: {{version: v1}}}}
  - {{name: v2, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: waste, namespace: waste}}
spec:
  hosts: [waste.internal]
  http:
  - name: canary
    timeout: 5s
    retries: {{attempts: 2, retryOn: '5xx,connect-failure'}}
    route:
    - {{destination: {{host: waste.internal, subset: v1}}, weight: 100}}
    - {{destination: {{host: waste.internal, subset: v2}}, weight: 0}}
",
        endpoint("v1", v1),
        endpoint("v2", v2)
    )
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mesh = Mesh::from_yaml(&documents(serve("v1").await?, serve("v2").await?))?;
    let me = mesh.workload("recycling", "waste");
    let client = me.client_with(|| reqwest::Client::builder().no_proxy())?;
    let version = || async {
        let response = client.get("http://waste.internal/version").send().await?;
        response.text().await
    };
    assert_eq!(version().await?, "v1");

    let change = mesh.set_weights("waste.internal", "canary", [0, 100])?;
    println!("{change}");
    assert_eq!(version().await?, "v2");

    // Documents with an error change nothing.
    let wrong = documents(0, 0).replace("timeout: 5s", "timeout: five seconds");
    let error = mesh.apply(&wrong).expect_err("no duration");
    println!("{error}");
    let kept: Result<String, Error> = version().await;
    assert_eq!((kept?, mesh.version()), ("v2".into(), 2));
    Ok(())
}
