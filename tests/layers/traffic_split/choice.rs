use std::collections::BTreeMap;

use http::{Request, StatusCode};
use meshless::Rejection;
use meshless::traffic_split::{
    Destination, Match, Route, RouteInfo, StringMatch, TrafficSplit, TrafficSplitLayer,
    TrafficSplitPolicy, WeightsError,
};
use tower::Layer;

use super::{Seen, recorder, request, through, v1, v2, with};
use crate::support::{Upstream, call};

fn canary(weights: [u32; 2]) -> TrafficSplitPolicy {
    let [old, new] = weights;
    let route = Route::split([(v1(), old), (v2(), new)]).unwrap();
    TrafficSplitPolicy::new([route.with_name("canary")])
}

/// Sends so many requests, and returns the order of the destinations that they went to.
async fn order(layer: &TrafficSplitLayer, requests: usize) -> Vec<Destination> {
    let seen = Seen::default();
    let mut service = layer.layer(recorder(&seen));
    for _ in 0..requests {
        call(&mut service, request("http://waste/")).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    seen.iter()
        .map(|request| Destination::of(request).unwrap().clone())
        .collect()
}

fn count(order: &[Destination]) -> BTreeMap<Destination, usize> {
    let mut counts = BTreeMap::new();
    for destination in order {
        *counts.entry(destination.clone()).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn shares_are_the_weights_by_the_chi_squared_test() {
    let weights = [("a", 50_u32), ("b", 30), ("c", 15), ("d", 5), ("none", 0)];
    let total = 200.0;
    let route = || {
        // They need not add up to 100, and 0 gets nothing.
        let twice = weights.map(|(host, weight)| (Destination::new(host), 2 * weight));
        Route::split(twice).unwrap()
    };
    for seed in 0..5 {
        let layer = TrafficSplitLayer::new(TrafficSplitPolicy::new([route()])).with_seed(seed);
        let requests = 10_000_u32;
        let counts = count(&order(&layer, requests as usize).await);
        assert!(!counts.contains_key(&Destination::new("none")));
        let mut chi_squared = 0.0;
        for (host, weight) in weights.into_iter().filter(|(_, weight)| *weight > 0) {
            let expected = f64::from(requests) * f64::from(2 * weight) / total;
            let found = u32::try_from(counts[&Destination::new(host)]).unwrap();
            chi_squared += (f64::from(found) - expected).powi(2) / expected;
        }
        // Three degrees of freedom: above this once in a thousand runs.
        assert!(chi_squared < 16.27, "seed {seed}: {chi_squared}");
    }
}

#[tokio::test]
async fn a_seed_fixes_the_choices_and_without_one_they_differ() {
    let seeded = |seed| TrafficSplitLayer::new(canary([1, 1])).with_seed(seed);
    assert_eq!(order(&seeded(7), 64).await, order(&seeded(7), 64).await);
    assert_ne!(order(&seeded(7), 64).await, order(&seeded(8), 64).await);
    let free = || TrafficSplitLayer::new(canary([1, 1]));
    assert_ne!(order(&free(), 64).await, order(&free(), 64).await);
}

#[tokio::test]
async fn a_canary_grows_step_by_step_and_is_rolled_back_in_one() {
    let layer = TrafficSplitLayer::new(canary([90, 10])).with_seed(1);
    let share = async || {
        let counts = count(&order(&layer, 1000).await);
        counts.get(&v2()).copied().unwrap_or_default()
    };
    assert!((70..=130).contains(&share().await));
    layer.set_weights("canary", [50, 50]).unwrap();
    assert!((450..=550).contains(&share().await));
    layer.set_weights(0_usize, [0, 100]).unwrap();
    assert_eq!(share().await, 1000);
    layer.set_weights("canary", [100, 0]).unwrap();
    assert_eq!(share().await, 0);
}

#[tokio::test]
async fn weights_that_cannot_be_are_refused_and_change_nothing() {
    let layer = TrafficSplitLayer::new(canary([0, 1]));
    assert_eq!(
        layer.set_weights("canary", [0, 0]),
        Err(WeightsError::AllZero)
    );
    assert_eq!(
        layer.set_weights("other", [1, 0]),
        Err(WeightsError::NoSuchRoute)
    );
    assert_eq!(
        layer.set_weights(1_usize, [1, 0]),
        Err(WeightsError::NoSuchRoute)
    );
    let (expected, given) = (2, 3);
    let error = Err(WeightsError::Count { expected, given });
    assert_eq!(layer.set_weights("canary", [1, 0, 0]), error);
    assert_eq!(
        count(&order(&layer, 10).await),
        BTreeMap::from([(v2(), 10)])
    );

    assert_eq!(
        Route::split([(v1(), 0), (v2(), 0)]).unwrap_err(),
        WeightsError::AllZero
    );
    let nobody: [(Destination, u32); 0] = [];
    assert_eq!(Route::split(nobody).unwrap_err(), WeightsError::AllZero);
    // As in Istio, a lone destination gets everything.
    let lone = TrafficSplitPolicy::new([Route::split([(v1(), 0)]).unwrap()]);
    assert!(through(lone, request("/")).await.0.is_some());
}

#[tokio::test]
async fn the_request_is_addressed_to_its_destination_and_says_why() {
    let to = |destination: Destination| {
        let policy = TrafficSplitPolicy::new([Route::to(destination).with_name("to")]);
        async |uri: &str| through(policy, request(uri)).await.0.unwrap()
    };
    let sent = to(v2().with_port(8002))("https://waste:443/a?b").await;
    assert_eq!(sent.uri(), "https://waste:8002/a?b");
    assert_eq!(Destination::of(&sent), Some(&v2().with_port(8002)));
    let routed = RouteInfo::of(&sent).unwrap();
    assert_eq!((routed.route(), routed.route_name()), (0, Some("to")));

    // No port of its own: that of the request.
    let sent = to(Destination::new("waste-v2"))("http://waste:8080/").await;
    assert_eq!(sent.uri(), "http://waste-v2:8080/");
    // A request as a server gets it.
    let sent = to(Destination::new("waste-v2"))("/a").await;
    assert_eq!(sent.uri(), "http://waste-v2/a");
}

#[tokio::test]
async fn the_host_header_follows_unless_it_is_to_be_kept() {
    let policy = TrafficSplitPolicy::new([Route::to(Destination::new("waste-v2"))]);
    for (kept, written, expected) in [
        (false, None, None),
        (false, Some("public"), Some("waste-v2")),
        (true, None, Some("waste")),
        (true, Some("public"), Some("public")),
    ] {
        let seen = Seen::default();
        let layer = TrafficSplitLayer::new(policy.clone()).with_host_preserved(kept);
        let mut sent = request("http://waste/");
        if let Some(host) = written {
            sent = with(sent, "host", host);
        }
        call(&mut layer.layer(recorder(&seen)), sent).await.unwrap();
        let received = seen.lock().unwrap().pop().unwrap();
        let host = received
            .headers()
            .get("host")
            .map(|host| host.to_str().unwrap());
        assert_eq!(host, expected, "kept: {kept}, written: {written:?}");
        assert_eq!(received.uri(), "http://waste-v2/");
    }
}

#[tokio::test]
async fn a_service_of_its_own_answers_for_each_destination() {
    let (one, two) = (Upstream::new(), Upstream::new());
    let v2_only = Match::default().with_path(StringMatch::prefix("/v2"));
    let policy = TrafficSplitPolicy::new([
        Route::to(v2()).with_match(v2_only),
        Route::split([(v1(), 1), (v2(), 0)])
            .unwrap()
            .with_name("rest"),
    ]);
    let mut split = TrafficSplit::new(policy, [(v1(), one.clone()), (v2(), two.clone())]);
    call(&mut split, request("http://waste/v2")).await.unwrap();
    call(&mut split, request("http://waste/a")).await.unwrap();
    call(&mut split, request("http://waste/b")).await.unwrap();
    assert_eq!((one.calls(), two.calls()), (2, 1));

    split.clone().set_weights("rest", [0, 1]).unwrap();
    call(&mut split, request("http://waste/a")).await.unwrap();
    assert_eq!((one.calls(), two.calls()), (2, 2));
}

#[tokio::test]
async fn no_route_and_no_service_are_answered_as_envoy_does() {
    let a = Match::default().with_path(StringMatch::exact("/a"));
    let policy = TrafficSplitPolicy::new([Route::to(v2()).with_match(a)]);
    let mut split = TrafficSplit::new(policy.clone(), [(v1(), Upstream::new())]);
    let grpc = |uri: &str| with(request(uri), "content-type", "application/grpc");
    for (uri, rejection, status, flag, code) in [
        ("/b", Rejection::NoRoute, StatusCode::NOT_FOUND, "NR", "12"),
        (
            "/a",
            Rejection::UnknownDestination,
            StatusCode::SERVICE_UNAVAILABLE,
            "NC",
            "14",
        ),
    ] {
        let response = call(&mut split, request(uri)).await.unwrap();
        assert_eq!(Rejection::of(&response), Some(&rejection));
        assert_eq!((response.status(), rejection.flag()), (status, flag));
        assert!(response.headers().is_empty(), "{response:?}");

        let response = call(&mut split, grpc(uri)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], code);
        assert!(!response.headers().contains_key("grpc-message"));
    }
    let (received, response) = through(policy, grpc("/b")).await;
    assert!(received.is_none());
    assert_eq!(response.headers()["grpc-status"], "12");

    // Over one client every host that can be one is a destination.
    let blank = TrafficSplitPolicy::new([Route::to(Destination::new("no host"))]);
    let (_, response) = through(blank, request("/")).await;
    assert_eq!(
        Rejection::of(&response),
        Some(&Rejection::UnknownDestination)
    );
}

#[tokio::test]
async fn off_leaves_every_request_alone() {
    let mut sent = with(request("http://waste/%61?b"), "x", "y");
    *sent.method_mut() = http::Method::PUT;
    let (received, response) = through(TrafficSplitPolicy::off(), sent).await;
    let received: Request<()> = received.unwrap();
    assert_eq!(received.uri(), "http://waste/%61?b");
    assert_eq!(received.headers().len(), 1);
    assert!(received.extensions().is_empty());
    assert_eq!(response.headers()["x-to"], "upstream");

    let fallback = Upstream::new();
    let split = TrafficSplit::new(TrafficSplitPolicy::off(), [(v1(), Upstream::new())]);
    let response = call(&mut split.clone(), request("/")).await.unwrap();
    assert_eq!(Rejection::of(&response), Some(&Rejection::NoRoute));
    let mut split = split.with_fallback(fallback.clone());
    call(&mut split, request("/")).await.unwrap();
    assert_eq!(fallback.calls(), 1);
}
