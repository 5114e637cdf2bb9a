//! Metrics of a mesh, as Prometheus, Istio's dashboards and Kiali read them.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

mod istio_labels;
mod kiali;
mod peers;
mod state;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use meshless::Mesh;
use meshless::mesh::{RequestBody, Workload, WorkloadService};
use meshless::prometheus::{Format, Metrics, MetricsPolicy};
use meshless::rate_limit::PeerAddress;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::exposition::{Sample, read};
use crate::support::Text;

/// A service of the mesh, and one outside.
const DOCUMENTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: server}
spec:
  hosts: [server.default.svc.cluster.local]
  ports: [{number: 80, name: http, protocol: HTTP}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: outside}
spec:
  hosts: [outside.example]
  ports: [{number: 80, name: http, protocol: HTTP}]
  location: MESH_EXTERNAL
  resolution: STATIC
  endpoints: [{address: 203.0.113.1}]
";

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

/// Mesh with metrics, as one process has it.
pub(super) struct Process {
    pub(super) mesh: Mesh,
    pub(super) metrics: Metrics,
}

impl Process {
    pub(super) fn new(cluster: &str) -> Self {
        Self::with(cluster, DOCUMENTS)
    }

    pub(super) fn with(cluster: &str, documents: &str) -> Self {
        let metrics = Metrics::new(MetricsPolicy::default().with_cluster(cluster));
        let builder = Mesh::builder().with_seed(7).with_metrics(&metrics);
        let mesh = builder.read_yaml(documents).unwrap();
        Self { mesh, metrics }
    }

    pub(super) fn samples(&self) -> Vec<Sample> {
        read(&self.metrics.encode(Format::Text))
    }
}

/// Labels of the pods of Istio's own tests.
pub(super) fn client(process: &Process) -> Workload {
    let workload = process.mesh.workload("productpage-v1", "default");
    workload.with_labels([
        ("app", "productpage"),
        ("version", "v1"),
        ("service.istio.io/canonical-name", "productpage-v1"),
        ("service.istio.io/canonical-revision", "version-1"),
    ])
}

pub(super) fn server(process: &Process) -> Workload {
    let workload = process.mesh.workload("server", "default");
    workload.with_labels([
        ("app", "ratings"),
        ("version", "v1"),
        ("service.istio.io/canonical-name", "ratings"),
        ("service.istio.io/canonical-revision", "version-1"),
    ])
}

type Sent = Request<RequestBody<Text>>;
type Arrives = Pin<Box<dyn Future<Output = Result<Response<Text>, Infallible>> + Send>>;

/// Connection to the server of another process.
#[derive(Clone)]
pub(super) struct Wire(Arc<dyn Fn(Sent) -> Arrives + Send + Sync>);

impl Service<Sent> for Wire {
    type Response = Response<Text>;
    type Error = Infallible;
    type Future = Arrives;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Sent) -> Arrives {
        (self.0)(request)
    }
}

/// Returns a client of a workload whose requests reach the server of another, from this address.
pub(super) fn connect(
    from: &Workload,
    to: &Workload,
    address: [u8; 4],
    answer: impl Fn(Sent) -> Response<Text> + Clone + Send + Sync + 'static,
) -> WorkloadService<Wire, Text> {
    let routes =
        service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(request))));
    let server = to.server().layer(routes);
    let wire = move |mut request: Sent| -> Arrives {
        request.extensions_mut().insert(PeerAddress(address.into()));
        let server = server.clone();
        Box::pin(async move {
            let response = server.oneshot(request).await.unwrap();
            // As over a connection: what is not part of the response does not arrive.
            let (mut parts, body) = response.into_parts();
            parts.extensions.clear();
            let body = body.collect().await.unwrap();
            Ok(Response::from_parts(parts, Full::new(body.to_bytes())))
        })
    };
    from.outbound(Wire(Arc::new(wire)))
}

pub(super) fn ok(_request: Sent) -> Response<Text> {
    Response::new(Full::from("hello"))
}

pub(super) fn status(code: u16) -> impl Fn(Sent) -> Response<Text> + Clone + Send + Sync + 'static {
    move |_| {
        let mut response = Response::new(Full::<Bytes>::default());
        *response.status_mut() = StatusCode::from_u16(code).unwrap();
        response
    }
}
