use super::CoverageReport;
use crate::istio::api::http_route::{HeaderOperations, Headers, HttpMatch, HttpRoute};
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::validation::is_routing_claim;
use crate::policies::traffic_split::HeaderFormat;

pub(super) fn virtual_service(service: &VirtualService, idle: &mut CoverageReport<'_>) {
    for route in service.http.0.iter().flatten() {
        http_route(route, idle);
    }
}

fn http_route(route: &HttpRoute, idle: &mut CoverageReport<'_>) {
    for one in route.matches.0.iter().flatten() {
        http_match(one, idle);
    }
    headers(route.headers.as_deref(), idle);
    let destinations: Vec<_> = route.route.0.iter().flatten().collect();
    for one in &destinations {
        headers(one.headers.as_deref(), idle);
        let request = one
            .headers
            .as_ref()
            .and_then(|headers| headers.request.as_ref());
        let set = request.iter().flat_map(|request| &request.set);
        let host = set
            .map(|(name, _)| name)
            .find(|name| is_authority(&name.value));
        if let (Some(host), true) = (host, destinations.len() > 1) {
            let effect = "the host stays as the route has it, whichever destination is drawn";
            let help =
                "write `rewrite: {authority: …}` at the route, or give each destination a route";
            idle.warn(host.at, &host.value, effect, help);
        }
    }
}

fn http_match(one: &HttpMatch, idle: &mut CoverageReport<'_>) {
    let claims = one
        .headers
        .iter()
        .map(|(name, _)| (name, "no request fits"));
    let absent = one.without_headers.iter();
    let absent = absent.map(|(name, _)| (name, "every request fits"));
    for (name, which) in claims.chain(absent) {
        if is_routing_claim(&name.value) {
            let effect = format!("tokens are not looked at: {which}, as in Istio without a token");
            let help = "route by a header that the application checks";
            idle.warn(name.at, &name.value, &effect, help);
        }
    }
    for (name, _) in one.headers.iter().chain(&one.without_headers) {
        if ["uri", "scheme", "method", "authority"].contains(&name.value.as_str()) {
            let effect = "every request fits, as in Istio, which ignores that name among `headers`";
            let help = format!("move `{}` out of `headers`, next to it", name.value);
            idle.warn(name.at, &name.value, effect, &help);
        }
    }
}

fn headers(headers: Option<&Headers>, idle: &mut CoverageReport<'_>) {
    let Some(headers) = headers else { return };
    for operations in headers.request.iter().chain(&headers.response) {
        formats(operations, idle);
    }
}

/// Reports header formats with Envoy variables that are not supported.
fn formats(operations: &HeaderOperations, idle: &mut CoverageReport<'_>) {
    for (name, value) in operations.set.iter().chain(&operations.add) {
        let Some(value) = value else { continue };
        if HeaderFormat::parse(&value.value).is_err() {
            let effect = "the header is left as it is: its value is of what only a proxy knows";
            let help = "use `%REQ(name)%`, `%PROTOCOL%`, `%START_TIME%`, `%HOSTNAME%`, \
                 `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`, or a fixed text";
            idle.warn(value.at, &name.value, effect, help);
        }
    }
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case("host") || name.eq_ignore_ascii_case(":authority")
}
