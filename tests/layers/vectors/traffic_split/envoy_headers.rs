use std::time::Duration;

use http::HeaderMap;
use meshless::traffic_split::{
    Destination, HashCookie, HostPattern, Match, Route, StringMatch, TrafficSplitPolicy,
};
use serde_json::{Value, json};

use super::{list, lower, pairs, request, send, text};
use crate::vectors::tally::{Tally, load};

#[tokio::test]
async fn headers_cookies_and_ports_are_read_as_in_envoy() {
    let vectors = load("envoy_headers.json");
    let mut tally = Tally::default();
    for group in list(&vectors["cases"]) {
        for case in list(&group["cases"]) {
            header_case(group, case, &mut tally).await;
        }
    }
    tally.skipped("values joined with commas: Envoy 1.40 looks at each by itself");
    for case in list(&vectors["cookies"]["cases"]) {
        cookies(case).await;
        tally.ran();
    }
    for case in list(&vectors["strip_port_443"]["cases"])
        .chain(list(&vectors["strip_port_443"]["any_port"]))
    {
        port(case, &mut tally);
    }
    for case in list(&vectors["set_cookie"]["cases"]) {
        set_cookie(case, &mut tally);
    }
    for _ in list(&vectors["shadow_host"]["cases"]) {
        tally.skipped("the host of a mirrored request: see `mirror`");
    }
    tally.assert(81, 7);
}

async fn header_case(group: &Value, case: &Value, tally: &mut Tally) {
    let matchers = match case.get("matchers") {
        Some(own) => own,
        None => &group["matchers"],
    };
    let joined = "values joined with commas: Envoy 1.40 looks at each by itself";
    let values = pairs(&case["headers"]);
    let several = values
        .iter()
        .filter(|(name, _)| *name == "match-header")
        .count()
        > 1;
    if group["name"] == "MayMatchOneOrMoreRequestHeader" && several {
        return tally.skipped(joined);
    }
    let matching = list(matchers)
        .map(lower::header)
        .fold(Match::default(), Match::with_header);
    let matched = matches(matching, &case["headers"]).await;
    assert_eq!(case["expect"], matched, "{} {case}", group["name"]);
    tally.ran();
}

/// Says whether a request with these headers reaches a route with this match.
pub(crate) async fn matches(matching: Match, headers: &Value) -> bool {
    let route = Route::to(Destination::new("upstream")).with_match(matching);
    let request = request(headers).expect("headers that a request can have");
    send(TrafficSplitPolicy::new([route]), request)
        .await
        .is_ok()
}

async fn cookies(case: &Value) {
    for (name, value) in case["get"].as_object().unwrap() {
        let matching =
            |value: &str| Match::default().with_cookie(name.as_str(), StringMatch::exact(value));
        assert!(
            matches(matching(text(value)), &case["headers"]).await,
            "{name} {case}"
        );
        assert!(
            !matches(matching("other"), &case["headers"]).await,
            "{name} {case}"
        );
    }
    assert!(!matches(Match::default().with_cookie_present("none"), &json!([])).await);
}

/// A host pattern is what takes the port off here: it is for a host at any port.
fn port(case: &Value, tally: &mut Tally) {
    let (host, stripped) = (text(&case[0]), text(&case[1]));
    match HostPattern::parse(stripped) {
        Ok(pattern) => {
            assert!(pattern.matches(host), "{case}");
            tally.ran();
        }
        Err(_) => tally.skipped("a host that is empty: no pattern is for it"),
    }
}

fn set_cookie(case: &Value, tally: &mut Tally) {
    let ttl = Duration::from_secs(case[1].as_u64().unwrap());
    let cookie = HashCookie::new("name")
        .with_path(text(&case[0]))
        .with_ttl(ttl)
        .with_http_only(case[2] == true);
    let cookie = pairs(&case[3])
        .into_iter()
        .fold(cookie, |cookie, (name, value)| {
            cookie.with_attribute(name, value)
        });
    assert_eq!(
        cookie.set_cookie("value").unwrap(),
        text(&case[4]),
        "{case}"
    );
    tally.ran();
}

#[test]
fn header_matches_can_be_asked_by_themselves() {
    let matcher = lower::header(&json!({"name": "a", "present_match": true}));
    assert!(!matcher.matches(&HeaderMap::new()));
}
