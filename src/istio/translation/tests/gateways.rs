//! Hosts and routes of gateways.

use http::StatusCode;

use super::{leads_to, meaning};
use crate::istio::config::{ClusterDiscovery, GatewayConfig};
use crate::istio::translation::ConfigModel;
use crate::policies::traffic_split::Destination;

const GATEWAY: &str = "Gateway istio-system/gw: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [api.com, '*.org', 'b/only-b.com'], tls: {httpsRedirect: true}}, {port: {number: 443, name: https, protocol: HTTPS}, hosts: [api.com], tls: {mode: SIMPLE, credentialName: api-tls}}, {port: {number: 9, name: tcp, protocol: TCP}, hosts: ['*']}]}\n";

fn service(place: &str, hosts: &str, to: &str) -> String {
    format!(
        "VirtualService {place}: {{hosts: [{hosts}], gateways: [istio-system/gw], http: [{{match: [{{uri: {{prefix: /{to}}}}}], route: [{{destination: {{host: {to}.com}}}}]}}]}}\n"
    )
}

fn plan(meaning: &ConfigModel) -> GatewayConfig {
    meaning
        .gateway("gw", "istio-system")
        .expect("the gateway is there")
}

#[test]
fn its_servers_are_those_that_speak_http() {
    let config = plan(&meaning(GATEWAY));
    let servers: Vec<_> = config
        .servers
        .iter()
        .map(|one| (one.port, one.hosts.len(), one.https_redirect))
        .collect();
    assert_eq!(
        servers,
        [(80, 3, Some(StatusCode::MOVED_PERMANENTLY)), (443, 1, None)]
    );
    // A host without routes is not served.
    assert!(config.outbound.unknown_rejected && config.outbound.hosts.is_empty());
    assert!(meaning("").gateway("gw", "istio-system").is_none());
}

#[test]
fn it_serves_the_hosts_that_both_have() {
    let text = [
        GATEWAY,
        &service("a/one", "api.com, other.com", "one"),
        &service("a/two", "x.org, only-b.com", "two"),
        &service("b/three", "only-b.com", "three"),
    ];
    let config = plan(&meaning(&text.concat())).outbound;
    assert_eq!(leads_to(&config, "api.com"), ["one.com||"]);
    assert_eq!(leads_to(&config, "x.org:80"), ["two.com||"]);
    assert_eq!(leads_to(&config, "only-b.com"), ["three.com||"]);
    assert!(leads_to(&config, "other.com").is_empty());
}

#[test]
fn virtual_services_for_one_host_are_put_together() {
    let text = [
        GATEWAY,
        &service("a/one", "api.com", "one"),
        &service("b/two", "api.com", "two"),
    ];
    let config = plan(&meaning(&text.concat())).outbound;
    assert_eq!(leads_to(&config, "api.com"), ["one.com||", "two.com||"]);
}

#[test]
fn a_virtual_service_for_the_mesh_is_none_for_a_gateway_and_the_other_way_round() {
    let mesh = "VirtualService a/mesh: {hosts: [api.com], http: [{route: [{destination: {host: mesh.com}}]}]}\n";
    let meaning = meaning(&[GATEWAY, mesh, &service("a/gate", "api.com", "gate")].concat());
    assert_eq!(
        leads_to(&plan(&meaning).outbound, "api.com"),
        ["gate.com||"]
    );
    let outbound = meaning.outbound(&super::subject("w", "a"));
    assert_eq!(leads_to(&outbound, "api.com"), ["mesh.com||"]);
}

#[test]
fn a_server_by_https_has_encrypted_connections() {
    let tls: Vec<_> = plan(&meaning(GATEWAY))
        .servers
        .iter()
        .map(|one| (one.port, one.tls))
        .collect();
    assert_eq!(tls, [(80, false), (443, true)]);
}

#[test]
fn a_destination_without_a_port_is_the_only_one_of_its_service_or_none() {
    let at = |ports: &str| {
        let text = format!(
            "ServiceEntry a/e: {{hosts: [x.com], ports: [{ports}], resolution: STATIC, endpoints: [{{address: 10.0.0.1}}]}}\n"
        );
        let gateway = super::subject("gw", "a");
        let config = meaning(&text).destination(&gateway, &Destination::new("x.com"), None);
        config.endpoints
    };
    let (web, admin) = (
        "{number: 8080, name: http, protocol: HTTP}",
        "{number: 9901, name: admin, protocol: HTTP}",
    );
    let ClusterDiscovery::Fixed(only) = at(web) else {
        panic!("its port is known");
    };
    assert_eq!(&*only[0].address, "10.0.0.1:8080");
    assert_eq!(at(&format!("{web}, {admin}")), ClusterDiscovery::Unknown);
}
