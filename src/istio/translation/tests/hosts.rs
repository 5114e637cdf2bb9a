//! Virtual hosts by name, and the virtual service of each.

use super::{host, leads_to, meaning, meaning_with, subject};
use crate::istio::model::load::documents::Documents;
use crate::istio::translation::{ConfigModel, Settings};

const TO_V1: &str = "http: [{route: [{destination: {host: s, subset: v1}}]}]";

#[test]
fn a_short_name_is_one_of_its_own_namespace() {
    let meaning = meaning(&format!("VirtualService a/v: {{hosts: [s], {TO_V1}}}"));
    let near = meaning.outbound(&subject("w", "a"));
    let far = meaning.outbound(&subject("w", "b"));
    let to = vec!["s.a.svc.cluster.local|v1|"];
    for name in ["s", "s:8080", "s.a", "s.a.svc", "S.a.svc.cluster.local:80"] {
        assert_eq!(leads_to(&near, name), to, "{name}");
    }
    assert!(host(&far, "s").is_none());
    assert_eq!(leads_to(&far, "s.a"), to);
    assert_eq!(&*host(&near, "s").unwrap().id, "VirtualService a/v");
}

#[test]
fn what_is_not_exported_is_not_seen() {
    for (export, seen) in [
        ("['.']", false),
        ("[c]", false),
        ("[b, c]", true),
        ("['*']", true),
    ] {
        let meaning = meaning(&format!(
            "VirtualService a/v: {{hosts: [x.com], exportTo: {export}, {TO_V1}}}"
        ));
        let config = meaning.outbound(&subject("w", "b"));
        assert_eq!(host(&config, "x.com").is_some(), seen, "{export}");
    }
    let hidden = meaning(
        "ServiceEntry a/e: {hosts: [x.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS, exportTo: ['.']}",
    );
    assert!(host(&hidden.outbound(&subject("w", "b")), "x.com").is_none());
    assert!(host(&hidden.outbound(&subject("w", "a")), "x.com").is_some());
}

#[test]
fn of_several_virtual_services_for_a_host_the_oldest_holds() {
    let to = |host: &str| format!("http: [{{route: [{{destination: {{host: {host}}}}}]}}]");
    let text = format!(
        "VirtualService a/one: {{hosts: [x.com], {}}}\nVirtualService a/two: {{hosts: [x.com, y.com], {}}}",
        to("one.com"),
        to("two.com")
    );
    let config = meaning(&text).outbound(&subject("w", "a"));
    assert_eq!(leads_to(&config, "x.com"), ["one.com||"]);
    assert_eq!(leads_to(&config, "y.com"), ["two.com||"]);

    // A virtual service private to its namespace takes precedence over a public one, independent of
    // age.
    let private = text.replace(
        "hosts: [x.com, y.com]",
        "hosts: [x.com, y.com], exportTo: ['.']",
    );
    let config = meaning(&private).outbound(&subject("w", "a"));
    assert_eq!(leads_to(&config, "x.com"), ["two.com||"]);
}

#[test]
fn a_name_goes_before_a_wildcard_and_a_longer_wildcard_before_a_shorter_one() {
    let routes =
        |name: &str| format!("http: [{{name: {name}, route: [{{destination: {{host: x}}}}]}}]");
    let config = meaning(&format!(
        "VirtualService a/one: {{hosts: ['*.com'], {}}}\nVirtualService a/two: {{hosts: ['*.b.com'], {}}}\n\
         VirtualService a/three: {{hosts: [a.b.com], {}}}",
        routes("one"),
        routes("two"),
        routes("three")
    ))
    .outbound(&subject("w", "a"));
    for (name, route) in [("a.b.com", "three"), ("c.b.com", "two"), ("c.com", "one")] {
        let found = host(&config, name).unwrap().routes[0].route.name();
        assert_eq!(found, Some(route), "{name}");
    }
}

#[test]
fn a_service_without_routes_of_its_own_has_one_with_istios_retries() {
    let meaning = meaning(
        "ServiceEntry a/e: {hosts: [x.com], ports: [{number: 80, name: http, protocol: HTTP}], resolution: DNS}
         Service a/k: {ports: [{port: 80}]}
         DestinationRule a/d: {host: ruled, trafficPolicy: {connectionPool: {http: {http2MaxRequests: 1}}}}",
    );
    let config = meaning.outbound(&subject("w", "a"));
    for (name, to) in [
        ("x.com", "x.com||"),
        ("k", "k.a.svc.cluster.local||"),
        ("ruled", "ruled.a.svc.cluster.local||"),
    ] {
        assert_eq!(leads_to(&config, name), [to]);
        let [route] = &host(&config, name).unwrap().routes[..] else {
            panic!("one route")
        };
        assert_eq!(
            (
                route.retry.attempts(),
                route.timeout.total_timeout().as_secs()
            ),
            (2, 0)
        );
    }
    assert!(!config.unknown_rejected && host(&config, "other.com").is_none());
}

#[test]
fn a_wildcard_is_for_the_services_that_have_no_routes_of_their_own() {
    let config = meaning(&format!(
        "VirtualService a/v: {{hosts: ['*.com'], {TO_V1}}}
         ServiceEntry a/e: {{hosts: [x.com], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: DNS}}"
    ))
    .outbound(&subject("w", "a"));
    assert_eq!(leads_to(&config, "x.com"), ["s.a.svc.cluster.local|v1|"]);
}

#[test]
fn a_registry_only_mesh_refuses_what_no_document_names() {
    let settings = Settings {
        registry_only: true,
        ..Settings::default()
    };
    let meaning = meaning_with(
        "DestinationRule a/d: {host: x.com, trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
        &settings,
    );
    let config = meaning.outbound(&subject("w", "a"));
    // A destination rule alone does not define a service.
    assert!(config.unknown_rejected && host(&config, "x.com").is_none());
}

#[test]
fn the_domain_of_the_cluster_can_be_another() {
    let settings = Settings {
        cluster_domain: "corp".into(),
        ..Settings::default()
    };
    let meaning = meaning_with(
        &format!("VirtualService a/v: {{hosts: [s], {TO_V1}}}"),
        &settings,
    );
    let config = meaning.outbound(&subject("w", "b"));
    assert_eq!(leads_to(&config, "s.a"), ["s.a.svc.corp|v1|"]);
}

#[test]
fn the_namespace_of_documents_that_name_none_can_be_another() {
    let settings = Settings {
        default_namespace: "waste".into(),
        ..Settings::default()
    };
    let meaning = meaning_with(
        &format!("VirtualService v: {{hosts: [s], {TO_V1}}}"),
        &settings,
    );
    let config = meaning.outbound(&subject("w", "b"));
    assert_eq!(
        leads_to(&config, "s.waste"),
        ["s.waste.svc.cluster.local|v1|"]
    );
}

#[test]
fn the_time_of_creation_goes_before_the_place_in_the_file() {
    let text = super::yaml_of(
        "VirtualService a/young: {hosts: [x.com], http: [{route: [{destination: {host: young.com}}]}]}
         VirtualService a/old: {hosts: [x.com], http: [{route: [{destination: {host: old.com}}]}]}",
    );
    let dated = text
        .replace(
            "name: young",
            "creationTimestamp: '2026-02-01T00:00:00Z', name: young",
        )
        .replace(
            "name: old",
            "creationTimestamp: '2026-01-01T00:00:00Z', name: old",
        );
    for (text, first) in [(text, "young.com||"), (dated, "old.com||")] {
        let documents = Documents::from_yaml(&text);
        let meaning = ConfigModel::of(&documents, &Settings::default());
        let config = meaning.outbound(&subject("w", "a"));
        assert_eq!(leads_to(&config, "x.com"), [first]);
    }
}

#[test]
fn a_rule_of_a_third_namespace_makes_no_service() {
    let meaning = meaning(
        "DestinationRule c/d: {host: x.com, trafficPolicy: {loadBalancer: {simple: RANDOM}}}",
    );
    assert!(host(&meaning.outbound(&subject("w", "a")), "x.com").is_none());
    assert!(host(&meaning.outbound(&subject("w", "c")), "x.com").is_some());
}

#[test]
fn what_has_an_error_means_nothing() {
    let documents = Documents::from_yaml(&super::yaml_of(&format!(
        "VirtualService a/v: {{hosts: [x.com], nonsense: 1, {TO_V1}}}"
    )));
    let meaning = ConfigModel::of(&documents, &Settings::default());
    assert!(host(&meaning.outbound(&subject("w", "a")), "x.com").is_none());
}
