use std::sync::Arc;

use super::support::{
    Script, Upstream, at, breaker, by_name, get, limit, mesh, route, send, status, to,
};
use crate::foundation::outcome::Rejection;
use crate::istio::config::{ClusterConfig, ClusterDiscovery};
use crate::mesh::service_mesh::proxy::config::indexed_outbound::IndexedOutbound;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::traffic_split::{Destination, Match, Route, StringMatch};

#[tokio::test(start_paused = true)]
async fn the_first_route_that_fits_leads_to_its_endpoints_and_the_host_stays_the_callers() {
    let v2 = Match::default().with_path(StringMatch::prefix("/v2"));
    let script = Script::default()
        .host(
            "users",
            [
                route(Route::to(Destination::new("users").with_subset("v2")).with_match(v2)),
                to("users"),
            ],
        )
        .destination("users", at(&["10.0.0.1:80"]))
        .destination("users|v2", at(&["10.0.0.2:80"]));
    let upstream = Upstream::new(|_| 200);
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    assert_eq!(status(&service, "http://users/v2/a").await, 200);
    assert_eq!(status(&service, "http://USERS/v1/a?b=c").await, 200);
    let asked = upstream.asked();
    assert_eq!(asked[0].uri, "http://10.0.0.2:80/v2/a");
    assert_eq!(asked[1].uri, "http://10.0.0.1:80/v1/a?b=c");
    assert_eq!((asked[0].host(), asked[1].host()), ("users", "USERS"));
}

#[tokio::test(start_paused = true)]
async fn a_known_host_whose_routes_do_not_fit_gets_404() {
    let only = Match::default().with_path(StringMatch::exact("/only"));
    let script = Script::default().host(
        "users",
        [route(Route::to(Destination::new("users")).with_match(only))],
    );
    let upstream = Upstream::new(|_| 200);
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    let answer = send(&service, get("http://users/other")).await;
    assert_eq!(answer, (404, Some(Rejection::NoRoute)));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_host_passes_untouched_or_is_refused() {
    let upstream = Upstream::new(|_| 200);
    let service = mesh(Script::default())
        .workload("w", "n")
        .outbound(upstream.clone());
    assert_eq!(
        status(&service, "https://api.example.com/a/../%62?q").await,
        200
    );
    let asked = upstream.asked();
    assert_eq!(asked[0].uri, "https://api.example.com/a/../%62?q");
    assert_eq!(asked[0].headers.get("host"), None);

    let refused = Script {
        unknown_refused: true,
        ..Script::default()
    };
    let service = mesh(refused).workload("w", "n").outbound(upstream.clone());
    let answer = send(&service, get("https://api.example.com/")).await;
    assert_eq!(answer, (502, Some(Rejection::UnknownHost)));
    assert_eq!(upstream.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_no_route_names_has_the_breaker_that_a_rule_gives_it() {
    let mut script = Script::default();
    let config = breaker(by_name());
    script.unnamed.insert("api.example.com".to_owned(), config);
    let upstream = Upstream::new(|asked| if asked.uri.path() == "/bad" { 500 } else { 200 });
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    for _ in 0..2 {
        assert_eq!(status(&service, "https://API.example.com/bad").await, 500);
    }
    let answer = send(&service, get("https://api.example.com/")).await;
    assert_eq!(answer, (503, Some(Rejection::NoHealthyUpstream)));
    assert_eq!(status(&service, "https://other.example.com/").await, 200);
    assert_eq!(upstream.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_nobody_knows_gets_503_without_being_asked() {
    let unknown = ClusterConfig {
        endpoints: ClusterDiscovery::Unknown,
        ..by_name()
    };
    let script = Script::default()
        .host("users", [to("users")])
        .destination("users", unknown)
        .host("empty", [to("empty")])
        .destination("empty", at(&[]));
    let upstream = Upstream::new(|_| 200);
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    let answer = send(&service, get("http://users/")).await;
    assert_eq!(answer, (503, Some(Rejection::UnknownDestination)));
    let answer = send(&service, get("http://empty/")).await;
    assert_eq!(answer, (503, Some(Rejection::NoHealthyUpstream)));
    assert_eq!(upstream.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_of_ten_thousand_hosts_is_found_and_the_longest_wildcard_holds() {
    let mut script = (0..10_000).fold(Script::default(), |script, i| {
        script.host(
            &format!("service-{i}.example"),
            [to(&format!("to-{i}.example"))],
        )
    });
    script = script
        .host("*.example", [to("any.example")])
        .host("*.b.example", [to("b.example")]);
    let upstream = Upstream::new(|_| 200);
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    for (host, expected) in [
        ("service-0.example", "to-0.example"),
        ("service-9999.example:8080", "to-9999.example"),
        ("a.b.example", "b.example"),
        ("c.example", "any.example"),
    ] {
        assert_eq!(status(&service, &format!("http://{host}/")).await, 200);
        assert_eq!(
            upstream.asked().last().unwrap().uri.host(),
            Some(expected),
            "{host}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn limits_of_a_workload_hold_for_each_host_by_itself_also_for_unknown_ones() {
    let script = Script {
        limits: vec![limit("all", RateLimitPolicy::per_minute(2))],
        ..Script::default()
    };
    let script = script.host("users", [to("users")]);
    let upstream = Upstream::new(|_| 200);
    let service = mesh(script).workload("w", "n").outbound(upstream.clone());
    for host in ["users", "a.example", "b.example"] {
        let uri = format!("http://{host}/");
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(status(&service, &uri).await);
        }
        assert_eq!(all, [200, 200, 429], "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_hosts_beyond_the_bound_are_forgotten() {
    let script = Script {
        limits: vec![limit("all", RateLimitPolicy::per_minute(2))],
        ..Script::default()
    };
    let mesh = mesh(script);
    let upstream = Upstream::new(|_| 200);
    let workload = mesh.workload("w", "n");
    let service = workload.outbound(upstream.clone());
    for i in 0..1_500 {
        assert_eq!(status(&service, &format!("http://h{i}/")).await, 200);
    }
    assert!(workload.proxy().remembered() <= 1_024);
}

#[tokio::test(start_paused = true)]
async fn what_is_made_of_one_workload_shares_its_state_and_others_do_not() {
    let script = Script::default()
        .host("users", [to("users")])
        .destination("users", breaker(at(&["10.0.0.1:80"])));
    let mesh = mesh(script);
    let upstream = Upstream::new(|_| 500);
    let one = mesh.workload("w", "n").outbound(upstream.clone());
    let two = mesh.clone().workload("w", "n").outbound(upstream.clone());
    let other = mesh.workload("other", "n").outbound(upstream.clone());
    for _ in 0..2 {
        assert_eq!(send(&one, get("http://users/")).await, (500, None));
    }
    let refused = (503, Some(Rejection::NoHealthyUpstream));
    assert_eq!(send(&two, get("http://users/")).await, refused);
    assert_eq!(send(&other, get("http://users/")).await, (500, None));
    assert!(Arc::ptr_eq(
        &mesh.workload("w", "n").proxy(),
        &mesh.workload("w", "n").proxy()
    ));
}

#[test]
fn workloads_that_no_document_tells_from_each_other_share_their_configuration() {
    let mesh = crate::Mesh::from_yaml(
        "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users.example]
  http:
  - match: [{sourceLabels: {app: special}}]
    route: [{destination: {host: special.example}}]
  - route: [{destination: {host: users.example}}]
",
    );
    let mesh = mesh.expect("good documents");
    let outbound = |name, namespace| {
        let proxy = mesh.workload(name, namespace).proxy();
        Arc::clone(&proxy.config().outbound)
    };
    let common = outbound("one", "shop");
    let leads_to = |outbound: &IndexedOutbound, host: &str| {
        let destinations = outbound.hosts[0].routes[0].route.destinations();
        assert_eq!(destinations[0].destination().host(), host);
    };
    leads_to(&common, "users.example");
    assert!(Arc::ptr_eq(&common, &outbound("two", "shop")));
    leads_to(&outbound("special", "shop"), "special.example");
    assert!(!Arc::ptr_eq(&common, &outbound("one", "other")));
}
