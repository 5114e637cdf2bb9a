//! State of a mesh and of stacks by hand, at one moment.

use std::time::Duration;

use http::Request;
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::mesh::snapshot::{ClusterSnapshot, MeshSnapshot};
use meshless::outlier_detection::EjectionReason;
use meshless::rate_limit::{Key, RateLimitPolicy};
use meshless::{Mesh, Outcome};

use crate::support::{
    Upstream, destination_rule, document, get, send, service_entry, statuses, virtual_service,
};

const USERS: &str = "users.internal";
const ENDPOINTS: &str = "protocol: HTTP";
const STATIC: &str = "resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2}]";

fn mesh(policy: &str) -> Mesh {
    let documents = service_entry(USERS, ENDPOINTS, STATIC) + &destination_rule(USERS, policy);
    Mesh::from_yaml(&documents).unwrap()
}

fn cluster(snapshot: &MeshSnapshot) -> &ClusterSnapshot {
    let [proxy] = &snapshot.proxies[..] else {
        unreachable!("one proxy: {:?}", snapshot.proxies);
    };
    let [cluster] = &proxy.clusters[..] else {
        unreachable!("one cluster: {:?}", proxy.clusters);
    };
    cluster
}

#[tokio::test(start_paused = true)]
async fn an_ejected_endpoint_is_shown_with_its_reason_and_the_time_of_its_return() {
    let mesh =
        mesh("outlierDetection: {consecutive5xxErrors: 2, baseEjectionTime: 30s, interval: 10s}");
    let upstream = Upstream::new(|uri| if uri.contains("10.0.0.1") { 500 } else { 200 });
    let service = mesh.workload("shop", "default").outbound(upstream);
    statuses(&service, "http://users.internal/", 60).await;
    // The sweeps lie on a grid of 10 s from the creation of the cluster: the one at 30 s ends it.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let snapshot = mesh.snapshot();
    let cluster = cluster(&snapshot);
    assert_eq!(&*cluster.name, "outbound|80||users.internal");
    assert_eq!((cluster.discovery, cluster.ejections), ("fixed", 1));
    let rule = cluster.outlier_detection.as_ref().unwrap();
    assert_eq!(rule.object(), "DestinationRule default/users");
    let [sick, well] = &cluster.endpoints[..] else {
        panic!("two endpoints");
    };
    assert_eq!(
        (&*sick.address, &*well.address),
        ("10.0.0.1:80", "10.0.0.2:80")
    );
    assert_eq!(sick.labels.get("version").map(AsRef::as_ref), Some("v1"));
    assert!(well.ejection.is_none());
    let ejection = sick.ejection.as_ref().unwrap();
    assert_eq!(ejection.reason, EjectionReason::Consecutive5xx);
    assert_eq!(
        (ejection.remaining, ejection.times),
        (Duration::from_secs(26), 1)
    );
    let lasts = ejection.until.duration_since(ejection.since).unwrap();
    assert_eq!(lasts, Duration::from_secs(30));
    tokio::time::sleep(ejection.remaining).await;
    let snapshot = mesh.snapshot();
    let endpoints = &self::cluster(&snapshot).endpoints;
    assert!(endpoints.iter().all(|one| one.ejection.is_none()));
}

#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_those_of_the_cluster_and_of_its_endpoint() {
    let mesh = mesh("connectionPool: {http: {http2MaxRequests: 7}}");
    let upstream = Upstream::timed(|_| (200, Duration::from_secs(1)));
    let service = mesh.workload("shop", "default").outbound(upstream);
    let call = tokio::spawn(async move { send(&service, get("http://users.internal/")).await });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let snapshot = mesh.snapshot();
    let limit = &cluster(&snapshot).concurrency_limit;
    assert_eq!((limit.in_flight, limit.max_in_flight), (1, Some(7)));
    let endpoints = cluster(&snapshot).endpoints.iter();
    assert_eq!(endpoints.map(|one| one.in_flight).sum::<u32>(), 1);
    call.await.unwrap();
    let snapshot = mesh.snapshot();
    assert_eq!(cluster(&snapshot).concurrency_limit.in_flight, 0);
}

#[test]
fn weights_are_those_in_force_beside_those_of_the_documents() {
    let split = "{hosts: [users.internal], http: [{name: canary, route: [{destination: {host: users.internal}, \
                 weight: 90}, {destination: {host: other.internal}, weight: 10}]}]}";
    let documents = service_entry(USERS, ENDPOINTS, STATIC)
        + &service_entry("other.internal", ENDPOINTS, STATIC)
        + &document("VirtualService", "users", split);
    let mesh = Mesh::from_yaml(&documents).unwrap();
    let _layer = mesh
        .workload("shop", "default")
        .layer::<crate::support::Text>();
    let weights = || {
        let snapshot = mesh.snapshot();
        let hosts = snapshot.proxies[0].hosts.iter();
        let routes = hosts.flat_map(|host| &host.routes);
        let route = routes
            .into_iter()
            .find(|route| route.name.as_deref() == Some("canary"));
        let destinations = route.unwrap().destinations.iter();
        let all = destinations.map(|one| (one.weight, one.documented_weight));
        all.collect::<Vec<_>>()
    };
    assert_eq!(weights(), [(90, 90), (10, 10)]);
    mesh.set_weights(USERS, "canary", [50, 50]).unwrap();
    assert_eq!(weights(), [(50, 90), (50, 10)]);
    mesh.apply(&documents.replace("weight: 90", "weight: 80"))
        .unwrap();
    assert_eq!(weights(), [(80, 80), (10, 10)]);
}

#[test]
fn a_refused_change_is_shown_until_another_is_applied() {
    let good = virtual_service(USERS, "timeout: 1s", "") + &service_entry(USERS, ENDPOINTS, STATIC);
    let mesh = Mesh::from_yaml(&good).unwrap();
    mesh.apply(&good.replace("1s", "soon")).unwrap_err();
    let snapshot = mesh.snapshot();
    assert_eq!((snapshot.version, snapshot.refused), (1, 1));
    let [refusal] = &snapshot.refusals[..] else {
        panic!("one refusal");
    };
    assert!(refusal.is_current);
    assert_eq!(&*refusal.error, "the documents have 1 error");
    assert_eq!(refusal.diagnostics[0].field(), "spec.http[0].timeout");
    mesh.apply(&good.replace("1s", "2s")).unwrap();
    let snapshot = mesh.snapshot();
    assert!(!snapshot.refusals[0].is_current);
    let changed = &snapshot.history[1].changed;
    assert_eq!(
        **changed,
        [Box::from("VirtualService default/users changed")]
    );
    for _ in 0..20 {
        mesh.apply(&good.replace("1s", "never")).unwrap_err();
    }
    let snapshot = mesh.snapshot();
    assert_eq!((snapshot.refusals.len(), snapshot.refused), (10, 21));
}

#[tokio::test(start_paused = true)]
async fn keys_in_use_are_counted_until_their_limit_is_whole_again() {
    let key = Key::header(http::header::FROM);
    let policy = RateLimitPolicy::per_minute(2).with_key(key);
    let stack = meshless::inbound().named("users").with_rate_limit(policy);
    let service = tower::Layer::layer(
        &stack,
        tower::service_fn(async |_| {
            Ok::<_, std::convert::Infallible>(http::Response::new(http_body_util::Empty::<
                bytes::Bytes,
            >::new()))
        }),
    );
    for caller in ["a", "b", "a", "a", "c"] {
        let request = Request::get("/").header("from", caller).body(()).unwrap();
        tower::ServiceExt::oneshot(service.clone(), request)
            .await
            .unwrap();
    }
    let snapshot = stack.snapshot();
    assert_eq!(snapshot.name.as_deref(), Some("users"));
    let limit = &snapshot.rate_limit;
    assert_eq!((limit.keys, limit.enforced, limit.limit), (3, 1, Some(2)));
    assert_eq!(limit.remaining, None);
    tokio::time::sleep(Duration::from_secs(61)).await;
    assert_eq!(stack.snapshot().rate_limit.keys, 0);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_breaker_is_shown_with_its_reason_and_the_wait() {
    let breaker = CircuitBreakerPolicy::default().with_consecutive_failures(1);
    let stack = meshless::outbound().with_circuit_breaker(breaker);
    let ticket = stack.circuit_breaker().admit().unwrap();
    ticket.settle(Outcome::Failed(meshless::Failure::Connect));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let breaker = stack.snapshot().circuit_breaker;
    assert_eq!(breaker.state.label(), "open");
    assert_eq!(
        breaker.reason.unwrap().to_string(),
        "consecutive failures: 1"
    );
    assert!(breaker.remaining.is_some());
    let budget = stack.snapshot().retry_budget;
    assert_eq!((budget.balance, budget.retries_in_flight), (Some(10.0), 0));
}

#[cfg(feature = "serde")]
#[tokio::test(start_paused = true)]
async fn a_snapshot_is_serialized_by_its_names_with_seconds_and_times() {
    let mesh = mesh("outlierDetection: {consecutive5xxErrors: 1, maxEjectionPercent: 100}");
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 500));
    statuses(&service, "http://users.internal/", 4).await;
    let json = serde_json::to_value(mesh.snapshot()).unwrap();
    let ejection = &json["proxies"][0]["clusters"][0]["endpoints"][0]["ejection"];
    assert_eq!(ejection["reason"], "consecutive_5xx");
    assert_eq!(ejection["remaining"], 30.0);
    let until = ejection["until"].as_str().unwrap();
    assert!(
        until.ends_with('Z') && until.len() == "2026-01-01T00:00:00.000Z".len(),
        "{until}"
    );
    assert_eq!(json["history"][0]["version"], 1);
    let stack = serde_json::to_value(meshless::outbound().snapshot()).unwrap();
    assert_eq!(stack["circuit_breaker"]["state"], "closed");
}
