pub(in crate::istio::translation) mod action;
mod cors;
pub(in crate::istio::translation) mod headers;
pub(in crate::istio::translation) mod http_match;
pub(in crate::istio::translation) mod merged_match;
pub(in crate::istio::translation) mod merged_route;

use super::index::resource_index::ResourceIndex;
use super::index::virtual_service_index::IndexedService;
use super::limits::RouteLimits;
use super::settings::{default_retries, fault, mirrors, retries, timeout};
use crate::istio::api::http_route::HttpRoute;
use crate::istio::config::{RouteConfig, RouteOrigins};
use crate::policies::fault_injection::FaultInjectionPolicy;
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};
use action::action;
use cors::cors;
use http_match::{MatchSource, http_match, is_catch_all};
use merged_route::{MergedRoute, routes};

/// Returns the routes of a virtual service for a source; unreachable ones are left out.
pub(super) fn route_configs(
    index: &ResourceIndex,
    service: &IndexedService,
    source: MatchSource<'_>,
    limits: &RouteLimits<'_>,
) -> Vec<RouteConfig> {
    let mut configs = Vec::new();
    for merged in routes(index, service) {
        let (config, is_last) = route_config(index, &merged, service, source, limits);
        configs.extend(config);
        if is_last {
            break;
        }
    }
    configs
}

/// Returns the default route of a host without a virtual service.
pub(super) fn default_route(to: Destination, limits: &RouteLimits<'_>) -> RouteConfig {
    let limits = limits.of(Some("default"));
    RouteConfig {
        cors: None,
        route: Route::to(to).with_name("default"),
        fault: FaultInjectionPolicy::off(),
        limits_replace: limits.is_some(),
        limits: limits.unwrap_or_default(),
        mirrors: Vec::new(),
        origins: RouteOrigins::default(),
        retry: default_retries(),
        timeout: TimeoutPolicy::default(),
    }
}

/// Returns the places in the documents that ordered a route and its policies.
fn origins(merged: &MergedRoute<'_>) -> RouteOrigins {
    let mirror = |route: &HttpRoute| {
        let first = route.mirrors.0.iter().flatten().next();
        let listed = first.map(|mirror| mirror.at);
        listed.or_else(|| Some(route.mirror.as_ref()?.at))
    };
    RouteOrigins {
        cors: merged.origin(|route| Some(route.cors_policy.as_ref()?.at)),
        fault: merged.origin(|route| Some(route.fault.as_ref()?.at)),
        headers: merged.origin(|route| Some(route.headers.as_ref()?.at)),
        mirror: merged.origin(mirror),
        retry: merged.origin(|route| Some(route.retries.as_ref()?.at)),
        rewrite: merged.origin(|route| Some(route.rewrite.as_ref()?.at)),
        route: merged.origin(|route| Some(route.at)),
        timeout: merged.origin(|route| Some(route.timeout?.at)),
    }
}

/// Returns the configuration of a route, and true if it matches every request.
fn route_config(
    index: &ResourceIndex,
    merged: &MergedRoute<'_>,
    service: &IndexedService,
    source: MatchSource<'_>,
    limits: &RouteLimits<'_>,
) -> (Option<RouteConfig>, bool) {
    let Some(mut route) = action(index, merged) else {
        return (None, false);
    };
    let mut is_last = merged.matches.is_none();
    if let Some(matches) = &merged.matches {
        let meant = matches
            .iter()
            .filter(|one| source.matches(one, service.object.namespace()));
        let mut is_reachable = false;
        for one in meant {
            if is_catch_all(one) {
                is_last = true;
            }
            if let Some(read) = http_match(one) {
                route = route.with_match(read);
                is_reachable = true;
            }
        }
        // A route whose matches were all dropped matches nothing, not everything.
        if !is_reachable {
            return (None, false);
        }
    }
    let name = merged.name();
    if let Some(name) = &name {
        route = route.with_name(name.as_str());
    }
    let limits = limits.of(name.as_deref());
    // A redirect and a direct response have no CORS in Envoy: its filter acts for clusters alone.
    let is_forwarded = !route.destinations().is_empty();
    let written = merged.field(|route| route.cors_policy.as_deref());
    let config = RouteConfig {
        cors: written.filter(|_| is_forwarded).map(cors),
        route,
        fault: fault(merged.field(|route| route.fault.as_deref())),
        limits_replace: limits.is_some(),
        limits: limits.unwrap_or_default(),
        mirrors: mirrors(index, merged),
        origins: origins(merged),
        retry: retries(merged.field(|route| route.retries.as_deref())),
        timeout: timeout(merged.field(|route| route.timeout).map(|time| time.value)),
    };
    (Some(config), is_last)
}
