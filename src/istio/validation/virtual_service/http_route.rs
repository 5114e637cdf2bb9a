use super::http_match::http_match;
use super::{answers, fault, header_operations, retries};
use crate::istio::api::fields::read::{Int, Nullable};
use crate::istio::api::http_route::{Destination, HttpDestination, HttpRoute};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;
use crate::istio::validation::names::is_label;

/// Role of a route in delegation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::istio::validation) enum Part {
    Delegate,
    Root,
    Whole,
}

pub(in crate::istio::validation) fn http_route(
    c: &mut Validator<'_>,
    route: &HttpRoute,
    part: Part,
    is_gateways: bool,
) {
    conflicts(c, route, part);
    for one in route.matches.0.iter().flatten() {
        http_match(c, one, is_gateways);
    }
    if let Some(headers) = &route.headers {
        header_operations::headers(c, headers);
    }
    header_operations::cors(c, route.cors_policy.as_deref());
    fault::fault(c, route);
    fault::mirror(c, route);
    if let Some(redirect) = &route.redirect {
        answers::redirect(c, redirect, &route.matches);
    }
    answers::direct_response(c, route.direct_response.as_deref());
    retries::retries(c, route.retries.as_deref());
    answers::rewrite(c, route);
    destinations(c, &route.route, route.at);
}

fn conflicts(c: &mut Validator<'_>, route: &HttpRoute, part: Part) {
    let actions = [
        ("route", !route.route.0.is_empty()),
        ("redirect", route.redirect.is_some()),
        ("directResponse", route.direct_response.is_some()),
    ];
    if part == Part::Root {
        for (name, _) in actions.iter().filter(|(_, is_there)| *is_there) {
            let message = format!("the route delegates, and has `{name}` as well");
            c.reject(
                route.at,
                message,
                format!("keep one of `delegate` and `{name}`"),
            );
        }
        return;
    }
    if let (Part::Delegate, Some(delegate)) = (part, &route.delegate) {
        let message = "a delegate cannot delegate again";
        c.reject(
            delegate.at,
            message,
            "write the route here, or `hosts` above",
        );
    }
    let there: Vec<_> = actions.iter().filter(|a| a.1).map(|a| a.0).collect();
    match there[..] {
        [] => {
            let message =
                "the route leads nowhere: it has no `route`, `redirect` or `directResponse`";
            c.require(
                route.at,
                "route",
                message,
                "write `route` with a destination",
            );
        }
        [_] => {}
        [one, two, ..] => {
            let message = format!("the route has both `{one}` and `{two}`");
            c.reject(route.at, message, "keep one of them");
        }
    }
    let answers = route.redirect.is_some() || route.direct_response.is_some();
    if let (true, Some(rewrite)) = (answers, &route.rewrite) {
        let message = "a route that answers itself cannot have a `rewrite`";
        c.reject(rewrite.at, message, "remove it");
    }
    if let (true, Some(fault)) = (answers, &route.fault) {
        let message = "a route that answers itself cannot have a `fault`";
        c.reject(fault.at, message, "remove it");
    }
}

fn destinations(c: &mut Validator<'_>, routes: &Nullable<HttpDestination>, at: NodeId) {
    c.no_null(routes, at, "route");
    let mut sum = 0;
    for route in routes.0.iter().flatten() {
        leads_to(c, route.destination.as_ref());
        if let Some(headers) = &route.headers {
            header_operations::headers(c, headers);
        }
        sum += weight(route.weight);
    }
    total(c, sum, routes.0.len(), at);
}

/// Returns a weight; a negative one, which has its own finding, is none.
pub(in crate::istio::validation) fn weight(weight: Int) -> i64 {
    weight.map_or(0, |weight| i64::from(weight.value).max(0))
}

/// Validates the total weight: several destinations need at least one with a weight.
pub(in crate::istio::validation) fn total(
    c: &mut Validator<'_>,
    total: i64,
    destinations: usize,
    at: NodeId,
) {
    if destinations > 1 && total == 0 {
        let message = "the weights of the destinations add up to 0";
        c.reject(at, message, "give each destination a `weight`");
    }
}

pub(in crate::istio::validation) fn leads_to(c: &mut Validator<'_>, to: Option<&Destination>) {
    if let Some(to) = to {
        destination(c, to);
    }
}

pub(in crate::istio::validation) fn destination(c: &mut Validator<'_>, destination: &Destination) {
    if let Some(host) = destination
        .host
        .as_ref()
        .filter(|host| !host.value.is_empty())
    {
        if host.value == "*" {
            c.reject(host.at, "`*` is not a destination", "name one host");
        } else {
            c.wildcard(host);
        }
    }
    if let Some(subset) = &destination.subset
        && !subset.value.is_empty()
        && !is_label(&subset.value)
    {
        let message = format!("`{}` cannot be a subset's name", shorten(&subset.value));
        c.reject(subset.at, message, "use letters, digits and `-`");
    }
    if let Some(port) = &destination.port {
        match port.number {
            Some(number) => c.port(number),
            None => c.require(
                port.at,
                "number",
                "the port has no number",
                "write `number`",
            ),
        }
    }
}
