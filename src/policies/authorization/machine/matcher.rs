use http::HeaderName;
use ipnet::IpNet;

use super::attributes::Attributes;
use super::identity::IdentityPattern;
use super::path_template::PathPattern;
use super::pattern::{Pattern, RequestPrincipal};
use crate::foundation::identity::ClaimValue;

/// One field of a rule, compiled: the values of which one has to match, or of which none may.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    pub(super) is_negated: bool,
    pub(super) wanted: Wanted,
}

/// Wanted values of an attribute.
#[derive(Clone, Debug)]
pub(super) enum Wanted {
    Claim(Box<[Box<str>]>, Box<[Pattern]>),
    Header(HeaderKey, Box<[Pattern]>),
    Host(Box<[Pattern]>),
    Identity(Box<[IdentityPattern]>),
    LocalAddress(Box<[IpNet]>),
    LocalPort(Box<[u16]>),
    /// Metadata that a filter of Envoy would have set: there is none here.
    Metadata,
    Method(Box<[Pattern]>),
    Path(Box<[PathPattern]>),
    Peer(Box<[IpNet]>),
    Remote(Box<[IpNet]>),
    RequestPrincipal(Box<[RequestPrincipal]>),
    ServerName(Box<[Pattern]>),
}

/// Name of a header, or of a part of the request that Envoy keeps as one.
#[derive(Clone, Debug)]
pub(super) enum HeaderKey {
    Authority,
    Method,
    Name(HeaderName),
    Path,
    Scheme,
}

impl Matcher {
    /// Returns true if the field matches. An attribute that this process cannot know, such as the peer's address
    /// where the server does not make it known, counts as `unknown`: it must not let a request pass.
    #[inline]
    pub(super) fn is_met(&self, request: &Attributes<'_>, unknown: bool) -> bool {
        match self.wanted.is_found(request) {
            Some(found) => found != self.is_negated,
            None => unknown,
        }
    }
}

impl Wanted {
    /// Returns true if a value matches, false if none does or the request has no such attribute, and none if
    /// the attribute is not known.
    fn is_found(&self, request: &Attributes<'_>) -> Option<bool> {
        Some(match self {
            Self::Claim(path, patterns) => {
                let claims = request.claims();
                let value = claims.and_then(|claims| claims.at(path.iter().map(|name| &**name)));
                let mut texts = value.into_iter().flat_map(ClaimValue::texts);
                texts.any(|text| is_one(patterns, text))
            }
            Self::Header(key, patterns) => header_matches(key, patterns, request)?,
            Self::Host(patterns) => {
                let host = request.host()?;
                patterns.iter().any(|pattern| pattern.matches_present(host))
            }
            Self::Identity(patterns) => request
                .identity()
                .is_some_and(|uri| patterns.iter().any(|pattern| pattern.matches(uri))),
            Self::LocalAddress(networks) => contains(networks, request.local_address()?),
            Self::LocalPort(ports) => ports.contains(&request.local_port()?),
            Self::Metadata => false,
            Self::Method(patterns) => {
                let method = request.method().as_bytes();
                patterns
                    .iter()
                    .any(|pattern| pattern.matches_present(method))
            }
            Self::Path(patterns) => {
                let path = request.path()?;
                patterns.iter().any(|pattern| pattern.matches(path))
            }
            Self::Peer(networks) => contains(networks, request.peer()?),
            Self::Remote(networks) => contains(networks, request.remote()?),
            Self::RequestPrincipal(patterns) => {
                let claims = request.claims();
                let principal = claims.and_then(|claims| {
                    let issuer = claims.get("iss")?.as_text()?;
                    Some((issuer, claims.get("sub")?.as_text()?))
                });
                principal.is_some_and(|(issuer, subject)| {
                    patterns.iter().any(|one| one.matches(issuer, subject))
                })
            }
            Self::ServerName(patterns) => request
                .server_name()
                .is_some_and(|name| is_one(patterns, name)),
        })
    }
}

/// Matches a header by its value, or by all of them joined by commas, as Envoy does.
fn header_matches(key: &HeaderKey, patterns: &[Pattern], request: &Attributes<'_>) -> Option<bool> {
    let is_one = |text: &[u8]| patterns.iter().any(|pattern| pattern.matches_present(text));
    Some(match key {
        HeaderKey::Authority => is_one(request.host()?),
        HeaderKey::Method => is_one(request.method().as_bytes()),
        HeaderKey::Path => {
            // Only the normal form is compared, as everywhere.
            request.path()?;
            is_one(request.target().as_bytes())
        }
        HeaderKey::Scheme => is_one(request.scheme()?.as_bytes()),
        HeaderKey::Name(name) => {
            let mut values = request.header(name);
            let Some(first) = values.next() else {
                return Some(false);
            };
            match values.next() {
                None => is_one(first.as_bytes()),
                Some(second) => {
                    let all = [first, second].into_iter().chain(values);
                    let all: Vec<_> = all.map(http::HeaderValue::as_bytes).collect();
                    is_one(&all.join(&b','))
                }
            }
        }
    })
}

fn is_one(patterns: &[Pattern], text: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| pattern.matches(text.as_bytes()))
}

fn contains(networks: &[IpNet], address: std::net::IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}
