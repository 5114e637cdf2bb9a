//! Names of workloads at the other end: exchanged inside the mesh, and nowhere else.

use std::sync::{Arc, Mutex};

use http::HeaderMap;

use super::{LOOPBACK, Process, client, connect, ok, server};
use crate::exposition::of;
use crate::support::{get, send};

const METADATA: &str = "x-envoy-peer-metadata";
const URL: &str = "http://server.default.svc.cluster.local/";

type Seen = Arc<Mutex<Vec<HeaderMap>>>;

#[tokio::test(start_paused = true)]
async fn the_names_reach_neither_the_handler_nor_the_application() {
    let (from, to) = (Process::new("a"), Process::new("b"));
    let seen = Seen::default();
    let handler = {
        let seen = Arc::clone(&seen);
        move |request: http::Request<_>| {
            seen.lock().unwrap().push(request.headers().clone());
            ok(request)
        }
    };
    let service = connect(&client(&from), &server(&to), LOOPBACK, handler);
    let response = tower::ServiceExt::oneshot(service, get(URL)).await.unwrap();
    let seen = seen.lock().unwrap();
    for headers in [&seen[0], response.headers()] {
        let names = headers
            .keys()
            .filter(|name| name.as_str().starts_with(METADATA));
        assert_eq!(names.count(), 0, "{headers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stranger_gets_no_names_and_is_not_believed() {
    let (from, to) = (Process::new("a"), Process::new("b"));
    let seen = Seen::default();
    let transport = {
        let seen = Arc::clone(&seen);
        tower::service_fn(
            move |request: http::Request<meshless::mesh::RequestBody<_>>| {
                seen.lock().unwrap().push(request.headers().clone());
                let mut response = ok(request);
                // Names that it makes up.
                response
                    .headers_mut()
                    .insert(METADATA, "AAAA".parse().unwrap());
                std::future::ready(Ok::<_, std::convert::Infallible>(response))
            },
        )
    };
    let service = client(&from).outbound(transport);
    send(&service, get("http://outside.example/")).await;
    assert!(!seen.lock().unwrap()[0].contains_key(METADATA));
    let samples = from.samples();
    let sent = of(&samples, "istio_requests_total");
    assert_eq!(sent[0].label("destination_workload"), "unknown");
    assert_eq!(sent[0].label("destination_service"), "outside.example");

    // A caller of an address outside says that it is of the mesh.
    let service = connect(&client(&from), &server(&to), [203, 0, 113, 9], ok);
    send(&service, get(URL)).await;
    let samples = to.samples();
    let received = of(&samples, "istio_requests_total");
    assert_eq!(received[0].label("source_workload"), "unknown");
    assert_eq!(received[0].label("source_canonical_revision"), "latest");
}

#[tokio::test(start_paused = true)]
async fn a_mesh_without_metrics_sends_no_names() {
    let mesh = meshless::Mesh::from_yaml(super::DOCUMENTS).unwrap();
    let seen = Seen::default();
    let transport = {
        let seen = Arc::clone(&seen);
        tower::service_fn(
            move |request: http::Request<meshless::mesh::RequestBody<_>>| {
                seen.lock().unwrap().push(request.headers().clone());
                std::future::ready(Ok::<_, std::convert::Infallible>(ok(request)))
            },
        )
    };
    let service = mesh
        .workload("productpage-v1", "default")
        .outbound(transport);
    send(&service, get(URL)).await;
    assert!(!seen.lock().unwrap()[0].contains_key(METADATA));
}
