//! The folders of policies beside the examples: what they say together.

use std::path::{Path, PathBuf};

use http::Request;
use http_body_util::Full;
use meshless::Mesh;

use crate::support::{Upstream, send, statuses};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

#[tokio::test(start_paused = true)]
async fn a_service_is_called_by_its_short_name_within_its_namespace_and_with_it_elsewhere() {
    let mesh = Mesh::from_path(folder("policies")).unwrap();
    let upstream = Upstream::new(|_| 200);
    for (namespace, host) in [
        ("waste", "waste-service"),
        ("recycling", "waste-service.waste"),
        ("recycling", "waste-service.waste.svc.cluster.local"),
    ] {
        let caller = mesh.workload("caller", namespace);
        let caller = caller.outbound(upstream.clone());
        let request = Request::get(format!("http://{host}/")).header("version", "v2");
        let request = request.body(Full::default()).unwrap();
        assert_eq!(send(&caller, request).await.0, 200);
        let asked = upstream.asked();
        assert_eq!(asked.last().unwrap(), "http://127.0.0.1:18002/", "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_for_openai_is_none_for_waste() {
    let mesh = Mesh::from_path(folder("policies")).unwrap();
    let upstream = Upstream::new(|_| 200);
    let recycling = mesh.workload("recycling-service", "recycling");
    let recycling = recycling.outbound(upstream.clone());
    let answered = statuses(&recycling, "http://waste-service.waste/", 50).await;
    assert_eq!(answered, [200; 50]);
    let answered = statuses(&recycling, "http://api.openai.com/", 50).await;
    let passed = answered.iter().filter(|status| **status == 200).count();
    assert_eq!(passed, 20);
}

#[test]
fn both_folders_make_a_mesh_with_the_gateway_of_the_review() {
    for name in ["policies", "policies-kubernetes"] {
        let mesh = Mesh::from_path(folder(name)).unwrap();
        assert!(mesh.gateway("sesacthon-gateway", "istio-system").is_ok());
    }
}
