//! The documents of the review, as they are, each with what it lacks in a document of its own.

use std::time::Duration;

use http::Request;
use http_body_util::Full;
use meshless::{Mesh, Rejection};

use crate::support::{Text, Upstream, VERSIONS, get, send, statuses};

const NO_HEALTHY: (u16, Option<Rejection>) = (503, Some(Rejection::NoHealthyUpstream));

fn mesh(yaml: &str) -> Mesh {
    Mesh::builder().with_seed(7).read_yaml(yaml).unwrap()
}

fn share_of(upstream: &Upstream, address: &str) -> usize {
    let asked = upstream.asked();
    asked.iter().filter(|uri| uri.contains(address)).count()
}

#[tokio::test(start_paused = true)]
async fn one_in_ten_goes_to_v2_and_whoever_asks_for_it_always() {
    let policy = include_str!("../policies/waste-ab-and-canary.yaml");
    let mesh = mesh(&format!("{policy}{VERSIONS}"));
    let upstream = Upstream::new(|_| 200);
    let service = mesh
        .workload("caller", "default")
        .outbound(upstream.clone());
    statuses(&service, "http://waste-service/", 1_000).await;
    let v2 = share_of(&upstream, "10.0.0.2");
    assert!((70..130).contains(&v2), "{v2}");
    assert_eq!(share_of(&upstream, "10.0.0.1") + v2, 1_000);

    for _ in 0..20 {
        let request = Request::get("http://waste-service/").header("version", "v2");
        send(&service, request.body(Full::default()).unwrap()).await;
        assert!(upstream.asked().last().unwrap().contains("10.0.0.2"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_canary_moves_by_code_and_by_the_document() {
    let policy = include_str!("../policies/waste-ab-and-canary.yaml");
    let documents = format!("{policy}{VERSIONS}");
    let mesh = mesh(&documents);
    let upstream = Upstream::new(|_| 200);
    let service = mesh
        .workload("caller", "default")
        .outbound(upstream.clone());
    mesh.set_weights("waste-service", 1, [0, 100]).unwrap();
    statuses(&service, "http://waste-service/", 20).await;
    assert_eq!(share_of(&upstream, "10.0.0.2"), 20);

    let all_back = documents
        .replace("weight: 90", "weight: 100")
        .replace("weight: 10\n", "weight: 0\n");
    let change = mesh.apply(&all_back).unwrap();
    assert_eq!(
        change.to_string(),
        "version 3 by apply: VirtualService default/waste-service changed"
    );
    statuses(&service, "http://waste-service/", 20).await;
    assert_eq!(share_of(&upstream, "10.0.0.1"), 20);
}

/// Five answers of 5xx in a row, and the service is left alone for 30 seconds.
async fn breaks_after_five(mesh: &Mesh, namespace: &str, uri: &str) {
    let upstream = Upstream::new(|_| 503);
    let service = mesh
        .workload("caller", namespace)
        .outbound(upstream.clone());
    assert_eq!(statuses(&service, uri, 5).await, [503; 5]);
    for _ in 0..20 {
        assert_eq!(send(&service, get(uri)).await, NO_HEALTHY);
    }
    assert_eq!(upstream.count(), 5);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        send(&service, get(uri)).await,
        (503, None),
        "it is tried again"
    );
}

#[tokio::test(start_paused = true)]
async fn the_ai_breaker_breaks() {
    let mesh = mesh(include_str!("../policies/ai-api-breaker.yaml"));
    breaks_after_five(&mesh, "default", "http://waste-service/analyze").await;
}

#[tokio::test(start_paused = true)]
async fn the_external_breaker_breaks() {
    let mesh = mesh(include_str!("../policies/external-api-breaker.yaml"));
    breaks_after_five(&mesh, "waste", "http://waste-service/analyze").await;
}

#[tokio::test(start_paused = true)]
async fn the_roboflow_breaker_breaks_for_each_of_its_hosts_by_itself() {
    let mesh = mesh(include_str!("../policies/roboflow-breaker.yaml"));
    breaks_after_five(&mesh, "waste", "https://detect.roboflow.com/model").await;
    breaks_after_five(&mesh, "waste", "https://api.roboflow.com/model").await;
    let upstream = Upstream::new(|_| 503);
    let service = mesh.workload("caller", "waste").outbound(upstream.clone());
    assert_eq!(
        statuses(&service, "https://example.com/", 20).await,
        [503; 20]
    );
    assert_eq!(upstream.count(), 20, "no rule is for it");
}

#[tokio::test(start_paused = true)]
async fn twenty_calls_go_out_at_once_and_the_next_is_refused_until_a_minute_is_over() {
    let mesh = mesh(include_str!("../policies/llm-rate-limit.yaml"));
    let upstream = Upstream::new(|_| 200);
    let service = mesh
        .workload("recycling-service", "recycling")
        .outbound(upstream.clone());
    let uri = "https://api.openai.com/v1/chat/completions";
    let statuses_of = statuses(&service, uri, 30).await;
    assert_eq!(statuses_of, [[200; 20].as_slice(), &[429; 10]].concat());
    assert_eq!(upstream.count(), 20);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(statuses(&service, uri, 1).await, [200]);

    let other = mesh
        .workload("waste-service", "recycling")
        .outbound(upstream.clone());
    assert_eq!(
        statuses(&other, uri, 30).await,
        [200; 30],
        "it selects another"
    );
}

#[tokio::test(start_paused = true)]
async fn the_gateways_route_tries_three_times_more_and_waits_two_seconds_for_each() {
    let mesh = mesh(include_str!("../policies/gateway-and-waste-route.yaml"));
    let upstream = Upstream::timed(|uri| {
        if uri.ends_with("/slow") {
            (200, Duration::from_secs(60))
        } else {
            (0, Duration::ZERO)
        }
    });
    let gateway = mesh.gateway("sesacthon-gateway", "istio-system").unwrap();
    let service = gateway.outbound(upstream.clone());
    let to = |host: &str, path: &str| -> Request<Text> {
        let request = Request::get(path).header("host", host);
        request.body(Full::default()).unwrap()
    };
    // Nobody is there, which is what Istio tries again if a route does not say what.
    let gone = to("api.yourdomain.com", "/api/v1/waste/1");
    assert_eq!(send(&service, gone).await.0, 503);
    let tried = ["http://waste-service.waste.svc.cluster.local:80/api/v1/waste/1"; 4];
    assert_eq!(upstream.asked(), tried);

    let begin = tokio::time::Instant::now();
    let slow = to("api.yourdomain.com", "/api/v1/waste/slow");
    assert_eq!(send(&service, slow).await.0, 504);
    assert_eq!(begin.elapsed(), Duration::from_secs(2));

    let asked = upstream.count();
    assert_eq!(
        send(&service, to("api.yourdomain.com", "/other")).await.0,
        404
    );
    assert_eq!(
        send(&service, to("elsewhere.com", "/api/v1/waste/1"))
            .await
            .0,
        404
    );
    assert_eq!(upstream.count(), asked);
}

#[test]
fn what_is_not_enforced_is_said_and_the_outlines_are_refused() {
    let mesh = mesh(include_str!("../policies/waste-mtls.yaml"));
    assert!(!mesh.diagnostics().is_empty());
    for outline in [
        include_str!("../policies/openai-rate-limit.yaml"),
        include_str!("../policies/waste-canary.yaml"),
    ] {
        match Mesh::from_yaml(outline) {
            Err(error) => assert!(!error.diagnostics().is_empty(), "{error}"),
            Ok(mesh) => assert!(!mesh.diagnostics().is_empty()),
        }
    }
}
