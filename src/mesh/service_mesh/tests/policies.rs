use std::time::Duration;

use http::{HeaderName, HeaderValue, Request, StatusCode};

use super::super::WorkloadService;
use super::support::{
    Reply, Script, Text, Upstream, at, breaker, by_name, get, limit, mesh, retries, route, send,
    status, to,
};
use crate::foundation::outcome::{Overflow, Rejection};
use crate::foundation::sync::Percent;
use crate::istio::config::{ClusterConfig, LocalRateLimitConfig, RouteConfig};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::fault_injection::{Abort, FaultInjectionPolicy};
use crate::policies::mirror::MirrorPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{
    Destination, HeaderOperations, Match, PathRewrite, Rewrite, Route, StringMatch,
};

fn workload(script: Script, upstream: &Upstream) -> WorkloadService<Upstream, Text> {
    mesh(script).workload("w", "n").outbound(upstream.clone())
}

#[tokio::test(start_paused = true)]
async fn weights_share_out_the_requests() {
    let split = Route::split([(Destination::new("v1"), 90), (Destination::new("v2"), 10)]);
    let script = Script::default().host("waste", [route(split.unwrap())]);
    let upstream = Upstream::new(|_| 200);
    let service = workload(script, &upstream);
    for _ in 0..1_000 {
        status(&service, "http://waste/").await;
    }
    let asked = upstream.asked();
    let v2 = asked
        .iter()
        .filter(|one| one.uri.host() == Some("v2"))
        .count();
    assert!((70..130).contains(&v2), "{v2}");
}

#[tokio::test(start_paused = true)]
async fn what_a_route_rewrites_is_written_after_its_limits_looked() {
    let tell = HeaderOperations::default().with_set(
        HeaderName::from_static("x-route"),
        HeaderValue::from_static("users"),
    );
    let under = Match::default().with_path(StringMatch::prefix("/api/"));
    let config = route(
        Route::to(Destination::new("users"))
            .with_match(under)
            .with_rewrite(Rewrite::default().with_path(PathRewrite::prefix("/")))
            .with_request_headers(tell.clone())
            .with_response_headers(tell),
    );
    let upstream = Upstream::new(|_| 200);
    let service = workload(Script::default().host("users", [config]), &upstream);
    let response = tower::ServiceExt::oneshot(service.clone(), get("http://users/api/a")).await;
    assert_eq!(response.unwrap().headers()["x-route"], "users");
    let asked = &upstream.asked()[0];
    assert_eq!(
        (asked.uri.path(), &asked.headers["x-route"]),
        ("/a", &"users".parse().unwrap())
    );
    assert_eq!(asked.headers["x-envoy-original-path"], "/api/a");
}

#[tokio::test(start_paused = true)]
async fn a_route_tries_again_within_its_total_timeout() {
    let config = RouteConfig {
        retry: retries(3).with_per_try_timeout(Duration::from_secs(2)),
        timeout: TimeoutPolicy::total(Duration::from_secs(5)),
        ..to("users")
    };
    let upstream = Upstream::new(|_| Reply::from(200).after(60_000));
    let service = workload(Script::default().host("users", [config]), &upstream);
    let begin = tokio::time::Instant::now();
    let (code, rejection) = send(&service, get("http://users/")).await;
    assert_eq!(code, 504);
    assert_eq!(rejection, Some(Rejection::TimedOut(Duration::from_secs(5))));
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
    assert_eq!(upstream.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_retry_succeeds_where_the_first_try_failed() {
    let config = RouteConfig {
        retry: retries(1),
        ..to("users")
    };
    let script = Script::default()
        .host("users", [config])
        .destination("users", at(&["10.0.0.1:80", "10.0.0.2:80"]));
    let upstream = Upstream::new(|asked| {
        let first = asked.headers["x-envoy-attempt-count"] == "1";
        if first { 503 } else { 200 }
    });
    let service = workload(script, &upstream);
    let request = Request::put("http://users/")
        .body("payload".into())
        .unwrap();
    assert_eq!(send(&service, request).await.0, 200);
    let asked = upstream.asked();
    assert_eq!(
        (&*asked[0].body, &*asked[1].body),
        (&b"payload"[..], &b"payload"[..])
    );
    assert_ne!(asked[0].uri, asked[1].uri, "a retry goes elsewhere");
}

#[tokio::test(start_paused = true)]
async fn retries_in_flight_to_a_destination_are_limited_for_all_its_routes_together() {
    let any = |path: &str| {
        let config = to("users");
        let matching = Match::default().with_path(StringMatch::prefix(path));
        RouteConfig {
            retry: retries(1),
            route: config.route.with_match(matching),
            ..config
        }
    };
    let mut config = by_name();
    config.retries.max_parallel = Some(1);
    let script = Script::default()
        .host("users", [any("/a"), any("/b")])
        .destination("users", config);
    let upstream = Upstream::new(|_| Reply::from(500).after(100));
    let service = workload(script, &upstream);
    let (one, two) = tokio::join!(
        send(&service, get("http://users/a")),
        send(&service, get("http://users/b")),
    );
    assert_eq!((one.0, two.0), (500, 500));
    assert_eq!(upstream.count(), 3, "two requests and one retry");
}

#[tokio::test(start_paused = true)]
async fn a_fault_stands_before_retries_and_is_nobodys_failure() {
    let abort = Abort::Http(StatusCode::INTERNAL_SERVER_ERROR);
    let broken = Match::default().with_path(StringMatch::exact("/broken"));
    let fault = RouteConfig {
        fault: FaultInjectionPolicy::off().with_abort(Percent::ALL, abort),
        retry: retries(3),
        route: Route::to(Destination::new("users")).with_match(broken),
        ..to("users")
    };
    let script = Script::default()
        .host("users", [fault, to("users")])
        .destination("users", breaker(at(&["10.0.0.1:80"])));
    let upstream = Upstream::new(|_| 200);
    let service = workload(script, &upstream);
    for _ in 0..5 {
        assert_eq!(status(&service, "http://users/broken").await, 500);
    }
    assert_eq!(upstream.count(), 0);
    assert_eq!(status(&service, "http://users/").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_routes_limits_come_on_top_of_the_hosts_or_in_their_place() {
    let two = || limit("two", RateLimitPolicy::per_minute(2));
    let at_path = |path: &str, limits: Vec<LocalRateLimitConfig>, limits_replace| {
        let config = to("users");
        let matching = Match::default().with_path(StringMatch::exact(path));
        RouteConfig {
            limits,
            limits_replace,
            route: config.route.with_match(matching),
            ..config
        }
    };
    let one = limit("one", RateLimitPolicy::per_minute(1));
    let four = limit("four", RateLimitPolicy::per_minute(4));
    let elsewhere = LocalRateLimitConfig {
        port: Some(8_080),
        ..limit("elsewhere", RateLimitPolicy::per_minute(1))
    };
    let script = Script {
        limits: vec![two(), elsewhere],
        ..Script::default()
    };
    let script = script.host(
        "users",
        [
            at_path("/one", vec![one], false),
            at_path("/four", vec![four], true),
            to("users"),
        ],
    );
    let upstream = Upstream::new(|_| 200);
    let service = workload(script, &upstream);
    let mut all = Vec::new();
    for path in [
        "/one", "/one", "/other", "/four", "/four", "/four", "/four", "/four",
    ] {
        all.push(status(&service, &format!("http://users{path}")).await);
    }
    assert_eq!(all, [200, 429, 429, 200, 200, 200, 200, 429]);
}

#[tokio::test(start_paused = true)]
async fn a_destination_takes_no_more_requests_at_a_time_than_its_limit() {
    let config = ClusterConfig {
        limit: ConcurrencyLimitPolicy::new(1),
        ..by_name()
    };
    let script = Script::default()
        .host("users", [to("users")])
        .destination("users", config);
    let upstream = Upstream::new(|_| Reply::from(200).after(100));
    let service = workload(script, &upstream);
    let (one, two) = tokio::join!(
        send(&service, get("http://users/")),
        send(&service, get("http://users/")),
    );
    assert_eq!(one, (200, None));
    assert_eq!(two, (503, Some(Rejection::Overflow(Overflow::InFlight(1)))));
}

#[tokio::test(start_paused = true)]
async fn each_mirror_gets_a_copy_with_the_body() {
    for count in 1..=2 {
        let mirrors = ["m1", "m2"].into_iter().take(count);
        let mirrors = mirrors.map(|host| {
            (
                Destination::new(host),
                MirrorPolicy::new(Percent::ALL).with_shadow_host(true),
            )
        });
        let config = RouteConfig {
            mirrors: mirrors.collect(),
            retry: retries(1),
            ..to("users")
        };
        let upstream = Upstream::new(|_| 200);
        let service = workload(Script::default().host("users", [config]), &upstream);
        let request = Request::put("http://users/")
            .body("payload".into())
            .unwrap();
        assert_eq!(send(&service, request).await.0, 200);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let mut asked = upstream.asked();
        asked.sort_by_key(|one| one.uri.to_string());
        let hosts: Vec<_> = asked.iter().map(|one| one.uri.host().unwrap()).collect();
        assert_eq!(hosts, [&["m1", "m2"][..count], &["users"]].concat());
        assert!(
            asked.iter().all(|one| &*one.body == b"payload"),
            "{asked:?}"
        );
        assert!(
            asked[0].host().ends_with("-shadow"),
            "{:?}",
            asked[0].host()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_ejected_endpoint_is_passed_over_until_its_time_is_over() {
    let script = Script::default()
        .host("users", [to("users")])
        .destination("users", breaker(at(&["10.0.0.1:80", "10.0.0.2:80"])));
    let upstream = Upstream::new(|asked| {
        if asked.uri.host() == Some("10.0.0.1") {
            500
        } else {
            200
        }
    });
    let service = workload(script, &upstream);
    for _ in 0..50 {
        status(&service, "http://users/").await;
    }
    let bad = |upstream: &Upstream| {
        let asked = upstream.asked();
        asked
            .iter()
            .filter(|one| one.uri.host() == Some("10.0.0.1"))
            .count()
    };
    assert_eq!(bad(&upstream), 2);
    tokio::time::sleep(Duration::from_secs(60)).await;
    for _ in 0..50 {
        status(&service, "http://users/").await;
    }
    assert!(bad(&upstream) > 2);
}

#[tokio::test(start_paused = true)]
async fn tls_is_started_for_callers_who_write_http() {
    let config = ClusterConfig {
        tls: Some(crate::istio::config::TlsConfig::default()),
        ..by_name()
    };
    let script = Script::default()
        .host("users:443", [to("users")])
        .destination("users", config);
    let upstream = Upstream::new(|_| 200);
    let service = workload(script, &upstream);
    assert_eq!(status(&service, "http://users:443/").await, 200);
    assert_eq!(upstream.asked()[0].uri, "https://users:443/");
}
