use http::{Request, header};
use meshless::Rejection;
use meshless::gate::RequestHead;
use meshless::traffic_split::{Decision, Destination};
use serde_json::Value;

use super::{lower, request, send, text};
use crate::vectors::tally::{Tally, load};

#[tokio::test]
async fn routes_are_chosen_and_applied_as_in_envoy() {
    let vectors = load("envoy_routes.json");
    let mut tally = Tally::default();
    for group in vectors["cases"].as_array().unwrap() {
        let name = text(&group["name"]);
        for case in group["cases"].as_array().unwrap() {
            if let Some(reason) = skip(name, case) {
                tally.skipped(reason);
            } else {
                check(name, &group["route_config"], case).await;
                tally.ran();
            }
        }
    }
    tally.assert(96, 5);
}

fn skip(name: &str, case: &Value) -> Option<&'static str> {
    let headers = &case["request"];
    let has = |name: &str| headers.as_array().unwrap().iter().any(|h| h[0] == name);
    match name {
        "TestConnectRoutes" if headers[1][1] == " " && headers[2][1] != "CONNECT" => {
            Some("a path that is a blank: no `http::Uri` holds it")
        }
        "TestConnectRoutes"
            if case["finalize"]["expect_headers"][":authority"] == "bat3.com:10" =>
        {
            Some("a port that another filter had taken off: this crate has no such filter")
        }
        "TestConnectRoutes" if case["expect_cluster"] == "connect_header_match" => {
            Some("a header that the case does not have: it was lost in transcription")
        }
        "WeightedClusterHeader" if !has("some_header") => {
            Some("a destination that a header names: not in Istio's API")
        }
        "PatternMatchRewriteCaseSensitive" => {
            Some("the result of the second route for a path that the first one matches")
        }
        _ => None,
    }
}

async fn check(name: &str, config: &Value, case: &Value) {
    let sent = request(&case["request"]).unwrap_or_else(|| panic!("{name}: {case}"));
    let header = sent
        .headers()
        .get("some_header")
        .map(|v| v.to_str().unwrap());
    let policy = lower::policy(config, header);
    if let Some(roll) = case["random"].as_u64() {
        let decision = policy.choose(RequestHead::of(&sent), roll);
        let Decision::Forward(choice) = decision else {
            panic!("{name}: {decision:?}");
        };
        assert_eq!(
            choice.destination().host(),
            text(&case["expect_cluster"]),
            "{name} {case}"
        );
        return;
    }
    match send(policy, sent).await {
        Ok(received) => check_request(name, case, &received),
        Err(answer) => {
            if let Some(location) = case.get("expect_redirect") {
                assert_eq!(
                    answer.headers()[header::LOCATION],
                    text(location),
                    "{name} {case}"
                );
            } else {
                assert_eq!(case["expect_no_route"], true, "{name} {case}");
                assert_eq!(Rejection::of(&answer), Some(&Rejection::NoRoute));
            }
        }
    }
}

fn check_request(name: &str, case: &Value, received: &Request<()>) {
    if let Some(cluster) = case.get("expect_cluster") {
        let destination = Destination::of(received).unwrap();
        assert_eq!(destination.host(), text(cluster), "{name} {case}");
    }
    let path = received.uri().path_and_query().unwrap().as_str();
    if let Some(expected) = case.get("expect_path_after_rewrite") {
        assert_eq!(path, text(expected), "{name} {case}");
    }
    let expected = case["finalize"]["expect_headers"].as_object();
    for (header, value) in expected.into_iter().flatten() {
        let found = match header.as_str() {
            ":path" => path,
            ":authority" => received.headers()[header::HOST].to_str().unwrap(),
            _ => received.headers()[header].to_str().unwrap(),
        };
        assert_eq!(found, text(value), "{name} {header} {case}");
    }
    assert!(case.get("expect_redirect").is_none(), "{name} {case}");
    assert!(case.get("expect_no_route").is_none(), "{name} {case}");
}
