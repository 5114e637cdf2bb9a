//! Istio's documents, in as few words as a test needs. Each begins with its separator, so that they can be joined.

/// Returns a document whose specification is YAML on one line.
pub(crate) fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

/// Returns a gateway for all hosts, over plain HTTP.
pub(crate) fn gateway(name: &str) -> String {
    let server = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}";
    document("Gateway", name, &format!("{{servers: [{server}]}}"))
}

/// Returns a service with one port, 80, whose other fields are given; `rest` says where its endpoints are.
pub(crate) fn service_entry(host: &str, port: &str, rest: &str) -> String {
    let port = format!("{{number: 80, name: http, {port}}}");
    let spec = format!("{{hosts: [{host}], ports: [{port}], {rest}}}");
    document("ServiceEntry", first_label(host), &spec)
}

/// Returns one route that leads to its own host; `route` has the other fields of the route, `rest` those of the
/// document.
pub(crate) fn virtual_service(host: &str, route: &str, rest: &str) -> String {
    let route = format!("{{route: [{{destination: {{host: {host}}}}}], {route}}}");
    let spec = format!("{{hosts: [{host}], http: [{route}], {rest}}}");
    document("VirtualService", first_label(host), &spec)
}

/// Returns a rule with the fields of its traffic policy.
pub(crate) fn destination_rule(host: &str, policy: &str) -> String {
    let spec = format!("{{host: {host}, trafficPolicy: {{{policy}}}}}");
    document("DestinationRule", first_label(host), &spec)
}

fn first_label(host: &str) -> &str {
    host.split('.').next().unwrap_or(host)
}
