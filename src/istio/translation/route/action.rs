//! Actions of routes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::StatusCode;
use http::uri::{Authority, Scheme};

use super::headers::{Headers, headers};
use super::merged_route::MergedRoute;
use crate::istio::api::fields::read::Text;
use crate::istio::api::http_route::{DerivePort, Destination as Written, DirectResponse as Answer};
use crate::istio::api::http_route::{Redirect as Sends, Rewrite as Change};
use crate::istio::translation::index::resource_index::ResourceIndex;
use crate::policies::traffic_split::{
    Destination, DirectResponse, PathRewrite, Redirect, Rewrite, Route, WeightedDestination,
};

/// Returns the route's action with its header operations and rewrites; `None` without an action.
pub(in crate::istio::translation) fn action(
    index: &ResourceIndex,
    merged: &MergedRoute<'_>,
) -> Option<Route> {
    // Istio's order: redirect, direct response, route.
    if let Some(redirect) = &merged.leaf().redirect {
        return sends(redirect).map(Route::redirect);
    }
    if let Some(answer) = merged.field(|route| route.direct_response.as_ref()) {
        let own = headers(merged.field(|route| route.headers.as_deref()));
        let route = Route::direct_response(answers(answer)?);
        return Some(route.with_response_headers(own.response));
    }
    forwards(index, merged)
}

/// Returns a destination with its full name, as written in an object of `namespace`.
pub(in crate::istio::translation) fn destination(
    index: &ResourceIndex,
    written: &Written,
    namespace: &str,
) -> Destination {
    let host = written.host.as_ref().map_or("", |host| host.value.as_str());
    let mut destination = Destination::new(index.full(host, namespace));
    if let Some(subset) = set(&written.subset) {
        destination = destination.with_subset(subset);
    }
    let port = written.port.as_ref().and_then(|port| port.number);
    if let Some(port) = port.and_then(|port| u16::try_from(port.value).ok()) {
        destination = destination.with_port(port);
    }
    destination
}

fn forwards(index: &ResourceIndex, merged: &MergedRoute<'_>) -> Option<Route> {
    let own = headers(merged.field(|route| route.headers.as_deref()));
    let written: Vec<_> = merged.leaf().route.0.iter().flatten().collect();
    let mut authority = own.authority;
    let mut destinations = Vec::with_capacity(written.len());
    for one in &written {
        let to = destination(index, one.destination.as_ref()?, merged.namespace());
        let weight = one.weight.map_or(0, |weight| weight.value);
        let Headers {
            authority: of_one,
            request,
            response,
        } = headers(one.headers.as_deref());
        // With several destinations, the host is rewritten before one is chosen, so only the
        // route's own operation applies.
        if written.len() == 1 {
            authority = of_one.or(authority);
        }
        destinations.push(
            WeightedDestination::new(to, u32::try_from(weight).unwrap_or(0))
                .with_request_headers(request)
                .with_response_headers(response),
        );
    }
    let route = Route::split(destinations).ok()?;
    let rewrite = rewrites(merged.field(|route| route.rewrite.as_deref()), authority);
    let route = route.with_request_headers(own.request);
    let route = route.with_response_headers(own.response);
    Some(route.with_rewrite(rewrite))
}

fn rewrites(written: Option<&Change>, authority: Option<Authority>) -> Rewrite {
    let mut rewrite = Rewrite::default();
    let own = written.and_then(|written| set(&written.authority)?.parse().ok());
    // An explicit rewrite takes precedence over a header operation on `host`.
    if let Some(authority) = own.or(authority) {
        rewrite = rewrite.with_authority(authority);
    }
    let Some(written) = written else {
        return rewrite;
    };
    let by_regex = written.uri_regex_rewrite.as_ref().and_then(|regex| {
        let substitute = regex
            .rewrite
            .as_ref()
            .map_or("", |text| text.value.as_str());
        PathRewrite::regex(set(&regex.matches)?, substitute).ok()
    });
    let path = by_regex.or_else(|| Some(PathRewrite::prefix(set(&written.uri)?)));
    match path {
        Some(path) => rewrite.with_path(path),
        None => rewrite,
    }
}

fn sends(written: &Sends) -> Option<Redirect> {
    let code = written.redirect_code.map_or(301, |code| match code.value {
        // 0 means unset, as in protobuf.
        0 => 301,
        code => code,
    });
    let code = u16::try_from(code).ok()?;
    let mut redirect = Redirect::default().with_status(StatusCode::from_u16(code).ok()?);
    if let Some(uri) = set(&written.uri) {
        redirect = redirect.with_path(uri);
    } else if let Some(prefix) = set(&written.prefix_rewrite) {
        redirect = redirect.with_path_rewrite(PathRewrite::prefix(prefix));
    }
    if let Some(authority) = set(&written.authority) {
        redirect = redirect.with_authority(authority.parse().ok()?);
    }
    if let Some(scheme) = set(&written.scheme) {
        redirect = redirect.with_scheme(Scheme::try_from(scheme).ok()?);
    }
    if let Some(port) = written.port {
        redirect = redirect.with_port(u16::try_from(port.value).ok()?);
    } else if written
        .derive_port
        .is_some_and(|port| port.value == DerivePort::Request)
    {
        redirect = redirect.with_port_of_request();
    }
    Some(redirect)
}

fn answers(written: &Answer) -> Option<DirectResponse> {
    let status = u16::try_from(written.status?.value).ok()?;
    let answer = DirectResponse::new(StatusCode::from_u16(status).ok()?);
    let Some(body) = &written.body else {
        return Some(answer);
    };
    let bytes = body
        .bytes
        .as_ref()
        .and_then(|bytes| STANDARD.decode(&bytes.value).ok());
    let text = body
        .string
        .as_ref()
        .map(|text| text.value.clone().into_bytes());
    Some(answer.with_body(bytes.or(text).unwrap_or_default()))
}

/// Returns a text; `None` if it is empty.
fn set(text: &Text) -> Option<&str> {
    let text = text.as_ref()?;
    (!text.value.is_empty()).then_some(text.value.as_str())
}
