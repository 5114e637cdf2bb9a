//! Selection and merging of destination rules.

use super::{meaning, shown, subject, to};
use crate::istio::config::ClusterDiscovery;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::traffic_split::Destination;

/// A rule that is recognized by its limit of requests.
fn rule(place: &str, host: &str, max: u32, rest: &str) -> String {
    format!(
        "DestinationRule {place}: {{host: {host}, trafficPolicy: {{connectionPool: {{http: {{http2MaxRequests: {max}}}}}}}{rest}}}\n"
    )
}

fn limit(max: u32) -> ConcurrencyLimitPolicy {
    ConcurrencyLimitPolicy::new(max)
}

#[test]
fn a_rule_is_looked_for_at_the_caller_then_at_the_service_then_in_the_root() {
    let service = "s.b.svc.cluster.local";
    let (root, theirs, ours) = (
        rule("istio-system/r", "'*'", 1, ""),
        rule("b/r", "s", 2, ""),
        rule("a/r", "'*.b.svc.cluster.local'", 3, ""),
    );
    for (text, expected) in [
        (String::new(), 0),
        (root.clone(), 1),
        (format!("{root}{theirs}"), 2),
        (format!("{root}{theirs}{ours}"), 3),
        (rule("c/r", service, 4, ""), 0),
        (rule("b/r", "s", 5, ", exportTo: ['.']"), 0),
        (rule("a/r", service, 6, ", exportTo: ['.']"), 6),
    ] {
        let found = to(&meaning(&text), service).limit;
        assert_eq!(shown(&found), shown(&limit(expected)), "{text}");
    }
}

#[test]
fn the_most_specific_host_holds_and_nothing_is_inherited() {
    let text = [
        rule("a/all", "'*'", 1, ""),
        rule("a/some", "'*.com'", 2, ""),
        rule("a/one", "x.com", 3, ""),
    ];
    let meaning = meaning(&text.concat());
    for (host, expected) in [("x.com", 3), ("y.com", 2), ("z.org", 1)] {
        assert_eq!(
            shown(&to(&meaning, host).limit),
            shown(&limit(expected)),
            "{host}"
        );
    }
}

#[test]
fn several_rules_for_a_host_are_one() {
    let meaning = meaning(&format!(
        "DestinationRule a/one: {{host: x.com, subsets: [{{name: v1, labels: {{v: '1'}}}}]}}\n{}{}",
        rule(
            "a/two",
            "x.com",
            2,
            ", subsets: [{name: v1, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 9}}}}, {name: v2}]"
        ),
        rule("a/three", "x.com", 3, "")
    ));
    assert_eq!(shown(&to(&meaning, "x.com").limit), shown(&limit(2)));
    // The first subset with a name is used.
    assert_eq!(shown(&to(&meaning, "x.com|v1").limit), shown(&limit(2)));
    assert_eq!(to(&meaning, "x.com|v2").endpoints, ClusterDiscovery::ByName);
}

#[test]
fn a_rule_for_selected_workloads_goes_before_one_for_all() {
    let meaning = meaning(&format!(
        "{}{}",
        rule("a/all", "x.com", 1, ""),
        rule(
            "a/some",
            "x.com",
            2,
            ", workloadSelector: {matchLabels: {app: caller}}"
        )
    ));
    assert_eq!(shown(&to(&meaning, "x.com").limit), shown(&limit(2)));
    let other = meaning.destination(&subject("other", "a"), &Destination::new("x.com"), None);
    assert_eq!(shown(&other.limit), shown(&limit(1)));
}

#[test]
fn a_subset_overrides_block_by_block_and_a_port_all_of_them() {
    let meaning = meaning(
        "DestinationRule a/r: {host: x.com, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}, outlierDetection: {consecutive5xxErrors: 1}, portLevelSettings: [{port: {number: 81}, connectionPool: {http: {http2MaxRequests: 2}}}]}, subsets: [{name: v1, trafficPolicy: {connectionPool: {http: {maxRetries: 7}}}}]}",
    );
    let plain = to(&meaning, "x.com");
    let subset = to(&meaning, "x.com|v1");
    let port = to(&meaning, "x.com||81");
    assert_eq!(shown(&plain.limit), shown(&limit(1)));
    assert_eq!(
        (shown(&subset.limit), subset.retries.max_parallel),
        (shown(&limit(0)), Some(7))
    );
    assert_eq!(shown(&subset.outlier), shown(&plain.outlier));
    assert_eq!(shown(&port.limit), shown(&limit(2)));
    assert_ne!(shown(&port.outlier), shown(&plain.outlier));
}

#[test]
fn a_subset_that_no_rule_has_is_unknown() {
    let meaning = meaning(&rule("a/r", "x.com", 1, ", subsets: [{name: v1}]"));
    assert_eq!(
        to(&meaning, "x.com|v2").endpoints,
        ClusterDiscovery::Unknown
    );
    assert_eq!(
        to(&meaning, "y.com|v1").endpoints,
        ClusterDiscovery::Unknown
    );
}

#[test]
fn a_host_that_has_no_plan_may_still_have_a_rule() {
    let meaning = meaning(
        "DestinationRule waste/roboflow-breaker: {host: '*.roboflow.com', trafficPolicy: {outlierDetection: {consecutive5xxErrors: 5, interval: 30s, baseEjectionTime: 30s}}}",
    );
    let found = meaning
        .unnamed(&subject("w", "waste"), "detect.roboflow.com", 443)
        .unwrap();
    assert!(shown(&found.outlier).contains("interval: 30s"), "{found:?}");
    assert_eq!(found.endpoints, ClusterDiscovery::ByName);
    assert!(
        meaning
            .unnamed(&subject("w", "waste"), "roboflow.org", 443)
            .is_none()
    );
    // An external host has no namespace: only rules of the caller's and the root namespace apply.
    assert!(
        meaning
            .unnamed(&subject("w", "other"), "detect.roboflow.com", 443)
            .is_none()
    );
}
