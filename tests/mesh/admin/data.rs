//! What the page says about requests, clusters and changes.

use std::time::Duration;

use axum::body::Body;
use http::StatusCode;
use http_body_util::BodyExt;
use meshless::rate_limit::RateLimitPolicy;
use meshless::shutdown::Shutdown;
use serde_json::Value;

use super::{asked, documents, get, json, mesh, plain, send};
use crate::support::{Upstream, statuses};

fn find(all: &Value, is: impl Fn(&Value) -> bool) -> &Value {
    let found = all.as_array().unwrap().iter().find(|one| is(one));
    found.unwrap_or_else(|| unreachable!("not among {all:#}"))
}

#[tokio::test(start_paused = true)]
async fn the_graph_has_rates_failures_and_weights_of_each_call() {
    let mesh = mesh(&documents());
    let page = mesh.admin().into_router();
    let upstream = Upstream::timed(|uri| {
        let status = if uri.contains("10.0.0.2") { 500 } else { 200 };
        (status, Duration::from_millis(20))
    });
    let service = mesh.workload("shop", "default").outbound(upstream);
    statuses(&service, "http://users.internal/", 300).await;
    let graph = json(&page, "/api/graph").await;
    let edges = &graph["edges"];
    let v1 = find(edges, |edge| edge["subset"] == "v1");
    let v2 = find(edges, |edge| edge["subset"] == "v2");
    assert_eq!(
        (&v1["from"], &v1["to"]),
        (&"default/shop".into(), &"users.internal".into())
    );
    assert_eq!(
        (&v1["weight"], &v1["total_weight"]),
        (&90.into(), &100.into())
    );
    let p50 = v1["p50_ms"].as_f64().unwrap();
    assert!((20.0..26.0).contains(&p50), "{p50}");
    let sum = |name: &str| v1[name].as_u64().unwrap() + v2[name].as_u64().unwrap();
    assert_eq!(sum("requests"), 300);
    assert_eq!(v2["ejected"], 1);
    // The first failure ejects the only endpoint of v2; later requests to it are rejected here.
    assert_eq!(
        v2["requests"],
        v2["errors"].as_u64().unwrap() + v2["rejected"].as_u64().unwrap()
    );
    assert!(v2["rejected"].as_u64().unwrap() > 0, "{v2:#}");
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_shown_with_its_reason_and_the_line_that_ordered_it() {
    let mesh = mesh(&plain());
    let page = mesh.admin().into_router();
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 500));
    statuses(&service, "http://users.internal/", 1).await;
    let state = json(&page, "/api/state").await;
    let event = find(&state["events"], |event| {
        event["event"] == "endpoint_ejected"
    });
    assert_eq!(event["reason"], "consecutive_5xx");
    assert_eq!(event["workload"], "shop");
    assert_eq!(event["cluster"], "outbound|80||users.internal");
    assert!(
        event["origin"].as_str().unwrap().starts_with("line "),
        "{event:#}"
    );
    let endpoints = &state["mesh"]["proxies"][0]["clusters"][0]["endpoints"];
    let ejected = find(endpoints, |one| !one["ejection"].is_null());
    assert_eq!(ejected["address"], event["endpoint"]);
}

#[tokio::test(start_paused = true)]
async fn clusters_are_shown_as_envoy_shows_them() {
    let mesh = mesh(&plain());
    let page = mesh.admin().into_router();
    let upstream = Upstream::new(|uri| if uri.contains("10.0.0.2") { 500 } else { 200 });
    let service = mesh.workload("shop", "default").outbound(upstream);
    statuses(&service, "http://users.internal/", 40).await;
    let (_, headers, text) = get(&page, "/clusters").await;
    assert_eq!(headers["content-type"], "text/plain; charset=utf-8");
    let cluster = "outbound|80||users.internal";
    for line in [
        "default_priority::max_requests::4294967295",
        "10.0.0.1:80::health_flags::healthy",
        "10.0.0.2:80::health_flags::/failed_outlier_check",
        "10.0.0.2:80::rq_error::1",
        "10.0.0.2:80::rq_total::1",
        "10.0.0.1:80::hostname::users.internal",
    ] {
        let line = format!("{cluster}::{line}\n");
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    let clusters = json(&page, "/clusters?format=json").await;
    let hosts = &clusters["cluster_statuses"][0]["host_statuses"];
    let sick = find(hosts, |host| {
        host["health_status"]["failed_outlier_check"] == true
    });
    assert_eq!(sick["address"]["socket_address"]["address"], "10.0.0.2");
    let total = find(&sick["stats"], |stat| stat["name"] == "rq_total");
    assert_eq!(total["value"], "1");
    let none = json(&page, "/clusters?format=json&proxy=default/other").await;
    assert_eq!(none["cluster_statuses"], Value::Array(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn the_configuration_is_dumped_with_the_places_of_its_documents() {
    let mesh = mesh(&documents());
    let page = mesh.admin().into_router();
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 200));
    statuses(&service, "http://users.internal/", 1).await;
    let dump = json(&page, "/config_dump").await;
    let routes = find(&dump["configs"], |config| {
        config["@type"] == "type.googleapis.com/envoy.admin.v3.RoutesConfigDump"
    });
    let config = &routes["dynamic_route_configs"][0]["route_config"];
    let host = find(&config["virtual_hosts"], |host| {
        host["domains"][0] == "users.internal"
    });
    let route = &host["routes"][0];
    assert_eq!(
        (&route["name"], &route["route"]["timeout"]),
        (&"canary".into(), &"5s".into())
    );
    let object = &route["metadata"]["filter_metadata"]["istio"]["config"];
    assert_eq!(object, "VirtualService default/users");
    let info = json(&page, "/server_info").await;
    assert_eq!(
        (&info["state"], &info["node"]["id"]),
        (&"LIVE".into(), &"sidecar~shop.default".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_change_is_in_the_history_with_its_place() {
    let mesh = mesh(&documents());
    let page = mesh.admin().into_router();
    mesh.apply(&documents().replace("timeout: 5s", "timeout: soon"))
        .unwrap_err();
    let state = json(&page, "/api/state").await;
    let refusal = &state["mesh"]["refusals"][0];
    assert_eq!(refusal["is_current"], true);
    assert_eq!(refusal["diagnostics"][0]["field"], "spec.http[0].timeout");
}

#[tokio::test(start_paused = true)]
async fn stacks_by_hand_are_shown_with_their_limits_and_decisions() {
    let mesh = mesh("");
    let admin = mesh.admin();
    let openai = meshless::outbound()
        .named("openai")
        .with_observer(admin.observer())
        .with_rate_limit(RateLimitPolicy::per_minute(1));
    let hosts = meshless::outbound().per_host();
    let inbound = meshless::inbound();
    let page = admin
        .with_outbound("openai", &openai)
        .with_outbound_per_host("clients", &hosts)
        .with_inbound("users", &inbound)
        .into_router();
    let transport = tower::service_fn(async |_| {
        Ok::<_, std::convert::Infallible>(http::Response::new(crate::support::Text::default()))
    });
    let service = tower::Layer::layer(&openai, transport);
    assert_eq!(statuses(&service, "http://openai/", 2).await, [200, 429]);
    let _client = tower::Layer::layer(&hosts, transport);
    let state = json(&page, "/api/state").await;
    let stacks = &state["stacks"];
    let shown = find(stacks, |stack| stack["name"] == "openai");
    assert_eq!(shown["state"]["rate_limit"]["enforced"], 1);
    assert_eq!(shown["state"]["circuit_breaker"]["state"], "closed");
    assert_eq!(
        find(stacks, |stack| stack["name"] == "users")["kind"],
        "inbound"
    );
    let event = find(&state["events"], |event| event["event"] == "rejected");
    assert_eq!(
        (&event["layer"], &event["policy"]),
        (&"openai".into(), &"rate_limit".into())
    );
}

#[tokio::test(start_paused = true)]
async fn decisions_are_streamed_as_they_are_made_to_a_bounded_number_of_readers() {
    let mesh = mesh(&plain());
    let page = mesh.admin().into_router();
    let stream = || {
        send(
            &page,
            asked("GET", "/api/events").body(Body::empty()).unwrap(),
        )
    };
    let response = stream().await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut body = response.into_body();
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 500));
    statuses(&service, "http://users.internal/", 1).await;
    let frame = body.frame().await.unwrap().unwrap().into_data().unwrap();
    let text = std::str::from_utf8(&frame).unwrap();
    assert!(
        text.starts_with("id: 1\nevent: decision\ndata: {"),
        "{text}"
    );
    assert!(text.ends_with("\n\n"));
    // Without an event there is a sign of life.
    let mut others = Vec::new();
    while let Ok(Ok(Some(frame))) = tokio::time::timeout(Duration::from_secs(20), body.frame())
        .await
        .map(Option::transpose)
    {
        others.push(frame.into_data().unwrap());
        if others.last().is_some_and(|frame| frame.starts_with(b":")) {
            break;
        }
    }
    assert!(others.last().unwrap().starts_with(b":"));
    let mut readers = Vec::new();
    for _ in 0..15 {
        let response = stream().await;
        assert_eq!(response.status(), StatusCode::OK);
        readers.push(response);
    }
    assert_eq!(stream().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    drop(readers.pop());
    assert_eq!(stream().await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_is_too_slow_learns_how_many_events_it_missed() {
    let mesh = mesh(&plain());
    let page = mesh.admin().into_router();
    let response = send(
        &page,
        asked("GET", "/api/events").body(Body::empty()).unwrap(),
    )
    .await;
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 500));
    statuses(&service, "http://users.internal/", 300).await;
    let frame = response.into_body().frame().await.unwrap().unwrap();
    let frame = frame.into_data().unwrap();
    assert!(
        frame.starts_with(b"event: missed\ndata: {\"missed\": "),
        "{frame:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_probe_is_ready_until_the_shutdown_begins() {
    let shutdown = Shutdown::default();
    let page = mesh("")
        .admin()
        .with_readiness(shutdown.readiness())
        .into_router();
    let (status, _, text) = get(&page, "/ready").await;
    assert_eq!((status, &*text), (StatusCode::OK, "LIVE\n"));
    assert!(shutdown.run(async {}).await.is_complete());
    let (status, _, text) = get(&page, "/ready").await;
    assert_eq!(
        (status, &*text),
        (StatusCode::SERVICE_UNAVAILABLE, "DRAINING\n")
    );
}
