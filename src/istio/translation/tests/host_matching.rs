use std::cmp::Ordering;

use serde_json::Value;

use super::suites;
use crate::istio::model::names;
use crate::istio::translation::index::host_map::HostMap;

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn texts<'a>(value: &'a Value, key: &str) -> Vec<&'a str> {
    let list = value[key].as_array().map_or(&[][..], Vec::as_slice);
    list.iter().filter_map(Value::as_str).collect()
}

#[test]
fn hosts_are_compared_as_istio_does() {
    let mut ran = 0;
    for (suite, cases) in suites("istio_host_matching.json") {
        for case in cases {
            check(&suite, &case);
            ran += 1;
        }
    }
    assert_eq!(ran, 50);
}

fn check(suite: &str, case: &Value) {
    match suite {
        "TestNameMatches" => {
            let found = !names::intersection(&[text(case, "a")], &[text(case, "b")]).is_empty();
            assert_eq!(case["out"], found, "{case}");
        }
        "TestNameSubsetOf" => {
            let found = names::is_within(text(case, "a"), text(case, "b"));
            assert_eq!(case["out"], found, "{case}");
        }
        "TestNamesIntersection" => {
            let found = names::intersection(&texts(case, "a"), &texts(case, "b"));
            assert_eq!(texts(case, "intersection"), found, "{case}");
        }
        "TestNamesSortOrder" => {
            let mut names = texts(case, "in");
            names.sort_by(|one, two| names::by_specificity(one, two));
            assert_eq!(texts(case, "want"), names, "{case}");
        }
        "TestMoreSpecific" => {
            let (one, two) = (text(case, "host1"), text(case, "host2"));
            // For two empty hosts, Istio treats the first as more specific.
            let found =
                names::by_specificity(one, two) == Ordering::Less || one.len() + two.len() == 0;
            assert_eq!(case["expected"], found, "{case}");
        }
        "TestMostSpecificHostMatch" => {
            let mut hosts: HostMap<&str> = HostMap::default();
            for host in texts(case, "in") {
                *hosts.entry(host.to_owned()) = host;
            }
            let found = hosts.most_specific(text(case, "needle"), |_| true).copied();
            assert_eq!(text(case, "want"), found.unwrap_or_default(), "{case}");
        }
        "TestResolveShortnameToFQDN" => {
            let meta = &case["meta"];
            let found = names::full(
                text(case, "name"),
                text(meta, "namespace"),
                text(meta, "domain"),
            );
            assert_eq!(text(case, "out"), found, "{case}");
        }
        suite => panic!("{suite}: {case}"),
    }
}
