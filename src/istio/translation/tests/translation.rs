use serde_json::{Value, json};

use super::envoy::{envoy_fault, envoy_match, envoy_outlier, fraction, seconds};
use super::{message, shown, subject, suites};
use crate::foundation::sync::Percent;
use crate::istio::api::destination_rule::{
    ConnectionPool, OutlierDetection, RetryBudget, TrafficPolicy,
};
use crate::istio::api::http_route::{Fault, HttpMatch, HttpRoute, Percentage, TextMatch};
use crate::istio::translation::cluster::merged_traffic_policy::MergedTrafficPolicy;
use crate::istio::translation::cluster::outlier::outlier;
use crate::istio::translation::cluster::pool::{in_flight, pool, retries};
use crate::istio::translation::route::http_match::{MatchSource, http_match, is_catch_all};
use crate::istio::translation::route::merged_match::{MergedMatch, conflict};
use crate::istio::translation::route::merged_route::MergedRoute;
use crate::istio::translation::settings::{fault, mirrored};

#[test]
fn fields_are_translated_as_istio_does() {
    let (mut ran, mut skipped) = (0, 0);
    for (suite, cases) in suites("istio_translation.json") {
        // The client decides about the HTTP version, which a note reports.
        if suite == "TestShouldH2Upgrade" {
            skipped += cases.len();
            continue;
        }
        for case in cases {
            check(&suite, &case);
            ran += 1;
        }
    }
    assert_eq!((ran, skipped), (44, 4));
    assert!(ran * 10 >= (ran + skipped) * 9);
}

/// No token is validated here, so that no request has a claim of one.
#[test]
fn a_claim_fits_no_request_and_its_absence_every_one() {
    let claim = json!({"@request.auth.claims.sub": {"exact": "a"}});
    let wanted: HttpMatch = message(&json!({"headers": claim})).unwrap();
    assert!(http_match(&MergedMatch::of(&wanted)).is_none());
    let unwanted: HttpMatch = message(&json!({"withoutHeaders": claim})).unwrap();
    let every: HttpMatch = message(&json!({})).unwrap();
    assert_eq!(
        shown(&http_match(&MergedMatch::of(&unwanted))),
        shown(&http_match(&MergedMatch::of(&every)))
    );
}

#[test]
fn an_idle_timeout_of_0_is_none() {
    let written: ConnectionPool = message(&json!({"tcp": {"idleTimeout": "0s"}})).unwrap();
    let found = pool(Some(&written), false);
    assert_eq!(found.idle_timeout, Some(std::time::Duration::ZERO));
}

fn check(suite: &str, case: &Value) {
    match suite {
        "TestApplyConnectionPool" => connection_pool(case),
        "TestApplyOutlierDetection" => {
            let found = outlier(message::<OutlierDetection>(&case["cfg"]).as_ref());
            assert_eq!(shown(&found), shown(&envoy_outlier(&case["o"])), "{case}");
        }
        "TestHasConflict" => {
            let (root, leaf) = (matches(&case["root"]), matches(&case["leaf"]));
            assert_eq!(case["expected"], conflict(&root, &leaf), "{case}");
        }
        "TestIsCatchAllRoute" => {
            let one = matches(&envoy_match(&case["route"]["match"]));
            assert_eq!(case["want"], is_catch_all(&MergedMatch::of(&one)), "{case}");
        }
        "TestMergeHTTPMatchRequests" => merged_matches(case),
        "TestMergeHttpRoutes" => merged_routes(case),
        "TestMergeSubsetTrafficPolicy" => subset_policies(case),
        "TestMirrorPercent" => {
            let route = &case["route"];
            let percentage = message::<Percentage>(&route["mirrorPercentage"]);
            let old = route["mirrorPercent"]
                .as_u64()
                .map(|n| u32::try_from(n).unwrap());
            assert_eq!(
                mirrored(percentage.as_ref(), old),
                fraction(&case["want"]),
                "{case}"
            );
        }
        "TestMirrorPercentByPolicy" => {
            let percentage = message::<Percentage>(&case["policy"]["percentage"]);
            let found = mirrored(percentage.as_ref(), None);
            assert_eq!(found, fraction(&case["want"]), "{case}");
        }
        "TestSourceMatchHTTP" => source(case),
        "TestTranslateFault" => {
            let found = fault(message::<Fault>(&case["fault"]).as_ref());
            assert_eq!(shown(&found), shown(&envoy_fault(&case["want"])), "{case}");
        }
        suite => panic!("{suite}: {case}"),
    }
}

fn matches(value: &Value) -> HttpMatch {
    message(value).unwrap()
}

fn connection_pool(case: &Value) {
    let written = message::<ConnectionPool>(&case["connectionPool"]);
    let budget = message::<RetryBudget>(&case["retryBudget"]);
    let found = pool(written.as_ref(), false);
    let http = &case["expectedHTTPPOpt"]["commonHttpProtocolOptions"];
    let before = &case["httpProtocolOptions"]["commonHttpProtocolOptions"];
    // Settings of the cluster from earlier are not part of the pool.
    if http["idleTimeout"] != before["idleTimeout"] {
        assert_eq!(found.idle_timeout, seconds(&http["idleTimeout"]), "{case}");
    }
    if http["maxRequestsPerConnection"] != before["maxRequestsPerConnection"] {
        let max = http["maxRequestsPerConnection"]
            .as_u64()
            .map(|n| u32::try_from(n).unwrap());
        assert_eq!(found.max_requests_per_connection, max, "{case}");
    }
    let duration = seconds(&http["maxConnectionDuration"]);
    assert_eq!(found.max_connection_duration, duration, "{case}");
    let limits = &case["expectedCircuitBreakers"]["thresholds"][0];
    let limit = |key: &str| match limits[key].as_u64() {
        Some(4_294_967_295) | None => None,
        Some(limit) => Some(u32::try_from(limit).unwrap()),
    };
    assert_eq!(found.max_connections, limit("maxConnections"), "{case}");
    assert_eq!(found.max_pending, limit("maxPendingRequests"), "{case}");
    let max = in_flight(written.as_ref()).max_in_flight();
    assert_eq!(max, limit("maxRequests").unwrap_or(0), "{case}");
    let found = retries(written.as_ref(), budget.as_ref());
    assert_eq!(found.max_parallel, limit("maxRetries"), "{case}");
    let expected = &limits["retryBudget"];
    let expected = expected.is_object().then(|| {
        let percent = expected["budgetPercent"]["value"].as_f64().unwrap_or(20.0);
        let least = expected["minRetryConcurrency"].as_u64().unwrap_or(3);
        (Percent::from_f64(percent), u32::try_from(least).unwrap())
    });
    assert_eq!(found.budget, expected, "{case}");
}

/// Description of a match, without positions.
fn asked(one: &MergedMatch<'_>) -> String {
    let text = |text: &TextMatch| {
        let value = |text: &crate::istio::api::fields::read::Text| {
            text.as_ref().map(|text| text.value.clone())
        };
        shown(&(value(&text.exact), value(&text.prefix), value(&text.regex)))
    };
    let fields = [
        one.first(|one| one.uri.as_ref()),
        one.first(|one| one.scheme.as_ref()),
        one.first(|one| one.method.as_ref()),
        one.first(|one| one.authority.as_ref()),
    ];
    let mut entries = Vec::new();
    for (kind, found) in [
        ("headers", one.entries(|one| &one.headers)),
        ("without", one.entries(|one| &one.without_headers)),
        ("query", one.entries(|one| &one.query_params)),
    ] {
        entries.extend(
            found
                .into_iter()
                .map(|(name, value)| (kind, name, value.map(text))),
        );
    }
    entries.sort();
    let labels = one.entries(|one| &one.source_labels);
    let mut labels: Vec<_> = labels
        .iter()
        .map(|(k, v)| (k, v.map(|v| &v.value)))
        .collect();
    labels.sort();
    let gateways: Vec<_> = one
        .gateways()
        .iter()
        .map(|gateway| &gateway.value)
        .collect();
    shown(&(
        fields.map(|field| field.map(|field| text(field))),
        entries,
        labels,
        gateways,
        one.first(|one| one.port.map(|port| port.value)),
        one.first(|one| one.source_namespace.as_ref().map(|n| &n.value)),
        one.ignores_case(),
    ))
}

fn list(value: &Value) -> Vec<HttpMatch> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .map(matches)
        .collect()
}

fn merged_matches(case: &Value) {
    let (root, delegate) = (list(&case["root"]), list(&case["delegate"]));
    let found = MergedMatch::merge(
        &root.iter().collect::<Vec<_>>(),
        &delegate.iter().collect::<Vec<_>>(),
    );
    let found = found.map(|found| found.iter().map(asked).collect::<Vec<_>>());
    let expected = list(&case["expected"]);
    let is_nothing = root.is_empty() && delegate.is_empty();
    let expected = (case["expected"].is_array() || is_nothing).then(|| {
        expected
            .iter()
            .map(|one| asked(&MergedMatch::of(one)))
            .collect()
    });
    assert_eq!(found, expected, "{case}");
}

fn merged_routes(case: &Value) {
    let root: HttpRoute = message(&case["root"]).unwrap();
    let routes = |key: &str| -> Vec<HttpRoute> {
        let list = case[key].as_array().into_iter().flatten();
        list.map(|route| message(route).unwrap()).collect()
    };
    let (leaves, expected) = (routes("delegate"), routes("expected"));
    let found: Vec<_> = leaves
        .iter()
        .filter_map(|leaf| MergedRoute::new(leaf, Some(&root), "default", "default"))
        .map(|route| said(&route))
        .collect();
    let expected: Vec<_> = expected
        .iter()
        .filter_map(|route| MergedRoute::new(route, None, "default", "default"))
        .map(|route| said(&route))
        .collect();
    assert_eq!(found, expected, "{case}");
}

/// Description of a route, without positions.
fn said(route: &MergedRoute<'_>) -> String {
    let matches = route.matches.as_ref();
    let timeout = route.field(|route| route.timeout).map(|time| time.value);
    let retries = route.field(|route| route.retries.as_deref());
    shown(&(
        route.name(),
        matches.map(|matches| matches.iter().map(asked).collect::<Vec<_>>()),
        timeout,
        shown(&crate::istio::translation::settings::retries(retries)),
        shown(&fault(route.field(|route| route.fault.as_deref()))),
        route.leaf().route.0.len(),
    ))
}

fn subset_policies(case: &Value) {
    let policy = |key: &str| message::<TrafficPolicy>(&case[key]);
    let (rule, subset, expected) = (policy("original"), policy("subset"), policy("expected"));
    let port = case["port"]["port"]
        .as_u64()
        .map(|port| u16::try_from(port).unwrap());
    let found = MergedTrafficPolicy::of(rule.as_ref(), subset.as_ref(), port);
    assert_eq!(
        found,
        MergedTrafficPolicy::of(expected.as_ref(), None, None),
        "{case}"
    );
}

fn source(case: &Value) {
    let args = &case["args"];
    let mut workload = subject("a", args["proxyNamespace"].as_str().unwrap_or_default());
    for key in ["proxyLabels", "labels"] {
        for (name, value) in args[key].as_object().into_iter().flatten() {
            let value = value.as_str().unwrap().to_owned();
            workload.labels.insert(name.clone(), value);
        }
    }
    let mut gateways = args["gatewayNames"].as_array().into_iter().flatten();
    let gateway = gateways.find_map(Value::as_str).unwrap_or("mesh");
    let source = MatchSource {
        workload: &workload,
        gateway,
    };
    let found = match message::<HttpMatch>(&args["match"]) {
        Some(one) => source.matches(&MergedMatch::of(&one), "default"),
        None => true,
    };
    assert_eq!(case["want"], found, "{case}");
}
