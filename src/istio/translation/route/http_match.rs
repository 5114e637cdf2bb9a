use std::str::FromStr;

use http::HeaderName;

use super::merged_match::{MergedMatch, Text, kind};
use crate::istio::api::http_route::TextMatch;
use crate::istio::config::WorkloadId;
use crate::istio::translation::index::virtual_service_index::full_gateway;
use crate::istio::validation::is_routing_claim;
use crate::policies::traffic_split::{HeaderMatch, Match, PathMatch, StringMatch};

/// Source of requests, for the parts of matches that are known before a request arrives.
#[derive(Clone, Copy, Debug)]
pub(in crate::istio::translation) struct MatchSource<'a> {
    pub(in crate::istio::translation) workload: &'a WorkloadId,
    /// `mesh`, or `namespace/name` of a gateway.
    pub(in crate::istio::translation) gateway: &'a str,
}

impl MatchSource<'_> {
    /// Returns true if a match in an object of the namespace `own` applies to this source.
    ///
    /// A match with gateways ignores source labels, as in Istio.
    pub(in crate::istio::translation) fn matches(&self, one: &MergedMatch<'_>, own: &str) -> bool {
        if !one.gateways().is_empty() {
            let mut gateways = one.gateways().iter();
            return gateways.any(|gateway| full_gateway(&gateway.value, own) == self.gateway);
        }
        let labels = one.entries(|one| &one.source_labels);
        let namespace = one.first(|one| {
            one.source_namespace
                .as_ref()
                .filter(|n| !n.value.is_empty())
        });
        labels.iter().all(|(name, value)| {
            let wanted = value.map_or("", |value| value.value.as_str());
            self.workload
                .labels
                .get(*name)
                .is_some_and(|own| own == wanted)
        }) && namespace.is_none_or(|namespace| *namespace.value == *self.workload.namespace)
    }
}

/// Converts a match; `None` if no request can match.
pub(in crate::istio::translation) fn http_match(one: &MergedMatch<'_>) -> Option<Match> {
    let mut read = Match::default();
    if let Some(uri) = one.first(|one| one.uri.as_ref())
        && let Some(text) = kind(uri)
    {
        let path = PathMatch::from(string(text)?);
        read = read.with_path(path.with_ignore_case(one.ignores_case()));
    }
    if let Some(method) = text(one.first(|one| one.method.as_deref()))? {
        read = read.with_method(method);
    }
    if let Some(scheme) = text(one.first(|one| one.scheme.as_deref()))? {
        read = read.with_scheme(scheme);
    }
    if let Some(authority) = text(one.first(|one| one.authority.as_deref()))? {
        read = read.with_authority(authority);
    }
    let port = one.first(|one| one.port.filter(|port| port.value > 0));
    if let Some(port) = port {
        read = read.with_port(u16::try_from(port.value).ok()?);
    }
    for (name, value) in one.entries(|one| &one.headers) {
        // Istio ignores pseudo-headers here, which have fields of their own.
        if ["uri", "scheme", "method", "authority"].contains(&name) {
            continue;
        }
        // A name that no header can have never matches.
        let name = HeaderName::from_str(name).ok()?;
        read = read.with_header(match text(value.filter(|value| !is_any(value)))? {
            Some(value) => HeaderMatch::new(name, value),
            None => HeaderMatch::present(name),
        });
    }
    for (name, value) in one.entries(|one| &one.without_headers) {
        if ["uri", "scheme", "method", "authority"].contains(&name) {
            continue;
        }
        // No token was validated here, so that no request has the claim. Asked for, it fits none: see above.
        if is_routing_claim(name) {
            continue;
        }
        let name = HeaderName::from_str(name).ok()?;
        read = read.with_header(match text(value.filter(|value| !is_any(value)))? {
            Some(value) => HeaderMatch::without(name, value),
            None => HeaderMatch::absent(name),
        });
    }
    for (name, value) in one.entries(|one| &one.query_params) {
        read = match text(value.filter(|value| !is_any(value)))? {
            Some(value) => read.with_query(name, value),
            None => read.with_query_present(name),
        };
    }
    Some(read)
}

/// Returns true if a match accepts every request.
pub(in crate::istio::translation) fn is_catch_all(one: &MergedMatch<'_>) -> bool {
    let uri = one.first(|one| one.uri.as_deref()).and_then(kind);
    let is_all = matches!(
        uri,
        // Istio's own list of catch-all paths.
        None | Some(Text::Prefix("/") | Text::Regex("*" | ".*"))
    );
    let fields = [
        one.first(|one| one.method.as_ref()),
        one.first(|one| one.scheme.as_ref()),
        one.first(|one| one.authority.as_ref()),
    ];
    is_all
        && fields.iter().all(Option::is_none)
        && one
            .first(|one| one.port.filter(|port| port.value > 0))
            .is_none()
        && one.entries(|one| &one.headers).is_empty()
        && one.entries(|one| &one.without_headers).is_empty()
        && one.entries(|one| &one.query_params).is_empty()
}

/// Returns true if the header only has to be present.
fn is_any(value: &TextMatch) -> bool {
    kind(value) == Some(Text::Regex("*"))
}

/// Converts a text match; the outer `None` means that nothing matches.
#[expect(
    clippy::option_option,
    reason = "unset and impossible to match are different"
)]
fn text(value: Option<&TextMatch>) -> Option<Option<StringMatch>> {
    let Some(value) = value else {
        return Some(None);
    };
    match kind(value) {
        // `exact: ""` matches the empty text; `{}` matches everything.
        None if value.exact.is_some() => Some(Some(StringMatch::exact(""))),
        None => Some(None),
        Some(text) => string(text).map(Some),
    }
}

/// Converts a match of a text; none for one without a kind, and for a regular expression that is none.
pub(in crate::istio::translation) fn string_match(value: &TextMatch) -> Option<StringMatch> {
    match kind(value) {
        None => value.exact.as_ref().map(|_| StringMatch::exact("")),
        Some(text) => string(text),
    }
}

fn string(text: Text<'_>) -> Option<StringMatch> {
    match text {
        Text::Exact(exact) => Some(StringMatch::exact(exact)),
        Text::Prefix(prefix) => Some(StringMatch::prefix(prefix)),
        Text::Regex(regex) => StringMatch::regex(regex).ok(),
    }
}
