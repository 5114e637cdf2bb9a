//! Metrics of stacks that are made by hand.
#![expect(clippy::float_cmp, reason = "counts are whole numbers")]

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::prometheus::{Format, Metrics, MetricsPolicy};
use meshless::rate_limit::RateLimitPolicy;
use meshless::retry::RetryPolicy;
use meshless::telemetry::TracePolicy;
use meshless::{Percent, inbound, outbound};
use tokio::time::advance;
use tower::{Layer, Service};

use crate::exposition::{of, read, sum};
use crate::support::{Upstream, call};

type Sent = Request<Empty<Bytes>>;

fn get(uri: &str) -> Sent {
    Request::get(uri).body(Empty::new()).unwrap()
}

/// Sends a request, and reads the response to its end.
async fn ask<S, R>(service: &mut S, request: Sent)
where
    S: Service<Sent, Response = Response<R>>,
    S::Error: Debug,
    R: Body,
    R::Error: Debug,
{
    let response = call(service, request).await.unwrap();
    response.into_body().collect().await.unwrap();
}

fn metrics() -> Metrics {
    let policy = MetricsPolicy::default().with_workload("waste-service", "waste");
    Metrics::new(policy.with_labels([("app", "waste"), ("version", "v1")]))
}

fn samples(metrics: &Metrics) -> Vec<crate::exposition::Sample> {
    read(&metrics.encode(Format::Text))
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_stack_is_the_destination_of_its_requests() {
    let metrics = metrics();
    let stack = outbound().named("openai").with_observer(metrics.observer());
    let mut service = stack.layer(Upstream::new());
    for _ in 0..3 {
        ask(&mut service, get("/")).await;
    }
    let samples = samples(&metrics);
    let all = of(&samples, "istio_requests_total");
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0].value, 3.0);
    let expected = [
        ("reporter", "source"),
        ("source_workload", "waste-service"),
        ("source_app", "waste"),
        ("source_version", "v1"),
        ("source_canonical_revision", "v1"),
        ("source_cluster", "Kubernetes"),
        ("destination_service", "openai"),
        ("destination_service_name", "openai"),
        ("destination_service_namespace", "unknown"),
        ("destination_workload", "unknown"),
    ];
    for (name, value) in expected {
        assert_eq!(all[0].label(name), value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_host_of_a_request_is_the_destination_of_a_stack_without_a_name() {
    let metrics = metrics();
    let stack = outbound().with_observer(metrics.observer());
    let mut service = stack.layer(Upstream::new());
    for number in 0..150 {
        ask(&mut service, get(&format!("http://host-{number}:8080/"))).await;
    }
    let samples = samples(&metrics);
    let all = of(&samples, "istio_requests_total");
    // 100 hosts, and all others together.
    assert_eq!(all.len(), 101);
    let host = |host| {
        sum(
            &samples,
            "istio_requests_total",
            &[("destination_service", host)],
        )
    };
    assert_eq!((host("host-7:8080"), host("unknown")), (1.0, 50.0));
}

#[tokio::test(start_paused = true)]
async fn a_server_is_known_by_its_own_service_whatever_host_is_asked_for() {
    let metrics = metrics();
    let stack = inbound().with_observer(metrics.observer());
    let mut service = stack.layer(Upstream::new());
    let mut request = get("/");
    request
        .headers_mut()
        .insert("host", "made.up".parse().unwrap());
    ask(&mut service, request).await;
    let samples = samples(&metrics);
    let all = of(&samples, "istio_requests_total");
    let expected = [
        ("reporter", "destination"),
        ("source_workload", "unknown"),
        (
            "destination_service",
            "waste-service.waste.svc.cluster.local",
        ),
        ("destination_service_name", "waste-service"),
        ("destination_service_namespace", "waste"),
        ("connection_security_policy", "none"),
    ];
    for (name, value) in expected {
        assert_eq!(all[0].label(name), value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_breaker_shows_its_state_and_what_it_rejects() {
    let metrics = metrics();
    let breaker = CircuitBreakerPolicy::default()
        .with_consecutive_failures(2)
        .with_jitter(Percent::NONE);
    let stack = outbound()
        .named("roboflow")
        .with_observer(metrics.observer())
        .with_retry(RetryPolicy::off())
        .with_circuit_breaker(breaker);
    let failing = StatusCode::INTERNAL_SERVER_ERROR;
    let mut service = stack.layer(Upstream::new().then(failing).then(failing));
    for _ in 0..5 {
        ask(&mut service, get("/")).await;
    }
    let samples = samples(&metrics);
    let layer = ("layer", "roboflow");
    assert_eq!(sum(&samples, "meshless_circuit_state", &[layer]), 3.0);
    let opened = [layer, ("state", "open"), ("reason", "consecutive_failures")];
    assert_eq!(
        sum(&samples, "meshless_circuit_transitions_total", &opened),
        1.0
    );
    let rejected = [
        layer,
        ("policy", "circuit_breaker"),
        ("response_flags", "UH"),
    ];
    assert_eq!(sum(&samples, "meshless_rejections_total", &rejected), 3.0);
    let flags = |flags| {
        sum(
            &samples,
            "istio_requests_total",
            &[("response_flags", flags)],
        )
    };
    assert_eq!((flags("-"), flags("UH")), (2.0, 3.0));
    let attempts = [("outcome", "rejected"), ("reason", "circuit_breaker")];
    assert_eq!(sum(&samples, "meshless_attempts_total", &attempts), 3.0);
}

#[tokio::test(start_paused = true)]
async fn limits_and_dry_runs_are_counted_by_policy() {
    let metrics = metrics();
    let stack = outbound()
        .named("openai")
        .with_observer(metrics.observer())
        .with_rate_limit(RateLimitPolicy::per_minute(2));
    let mut service = stack.layer(Upstream::new());
    for _ in 0..5 {
        ask(&mut service, get("/")).await;
    }
    let limited = [("policy", "rate_limit"), ("response_flags", "RL")];
    let samples = samples(&metrics);
    assert_eq!(sum(&samples, "meshless_rejections_total", &limited), 3.0);
    assert_eq!(
        sum(
            &samples,
            "istio_requests_total",
            &[("response_code", "429")]
        ),
        3.0
    );
}

#[tokio::test(start_paused = true)]
async fn a_series_that_nothing_asks_for_ends_and_begins_again() {
    let policy = MetricsPolicy::default().with_max_idle(Duration::from_secs(60));
    let metrics = Metrics::new(policy);
    let stack = outbound().named("a").with_observer(metrics.observer());
    let mut service = stack.layer(Upstream::new());
    let count = || sum(&samples(&metrics), "istio_requests_total", &[]);
    ask(&mut service, get("/")).await;
    assert_eq!(count(), 1.0);
    advance(Duration::from_secs(59)).await;
    assert_eq!(count(), 1.0);
    advance(Duration::from_secs(2)).await;
    assert_eq!(count(), 0.0);
    ask(&mut service, get("/")).await;
    assert_eq!(count(), 1.0);
}

#[tokio::test(start_paused = true)]
async fn series_beyond_the_limit_are_counted_as_unknown() {
    let metrics = Metrics::new(MetricsPolicy::default().with_max_series(3));
    for number in 0..10 {
        let stack = outbound().named(format!("s{number}"));
        let mut service = stack
            .with_observer(metrics.observer())
            .layer(Upstream::new());
        ask(&mut service, get("/")).await;
    }
    let samples = samples(&metrics);
    assert_eq!(of(&samples, "istio_requests_total").len(), 4);
    let unknown = [("destination_service", "unknown")];
    assert_eq!(sum(&samples, "istio_requests_total", &unknown), 7.0);
    assert!(sum(&samples, "meshless_metrics_overflow_total", &[]) >= 7.0);
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_a_sampled_request_is_an_exemplar_in_openmetrics_alone() {
    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    let metrics = metrics();
    let stack = outbound()
        .named("openai")
        .with_observer(metrics.observer())
        .with_trace(TracePolicy::default());
    let mut service = stack.layer(Upstream::new());
    for flags in ["00", "01", "01"] {
        let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-{flags}");
        let mut request = get("/");
        let headers = request.headers_mut();
        headers.insert("traceparent", traceparent.parse().unwrap());
        ask(&mut service, request).await;
    }
    let text = metrics.encode(Format::OpenMetrics);
    assert!(text.ends_with("# EOF\n"));
    let all = read(&text);
    let all = of(&all, "istio_requests_total");
    assert_eq!(all[0].value, 3.0);
    let exemplar = all[0].exemplar.as_deref().unwrap_or_default();
    assert!(
        exemplar.starts_with(&format!("{{trace_id=\"{TRACE}\"}} 1")),
        "{exemplar}"
    );
    let plain = metrics.encode(Format::Text);
    assert!(!plain.contains(TRACE), "{plain}");
}

#[test]
fn the_metrics_join_a_registry_of_the_application() {
    let metrics = Metrics::default();
    let mut registry = prometheus_client::registry::Registry::default();
    let own = <prometheus_client::metrics::counter::Counter>::default();
    registry.register("own", "Own", own.clone());
    metrics.register(&mut registry);
    own.inc();
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let samples = read(&text);
    assert_eq!(sum(&samples, "own_total", &[]), 1.0);
    assert_eq!(sum(&samples, "istio_build", &[("component", "proxy")]), 1.0);
}
