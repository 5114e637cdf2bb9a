//! Conditions of routes on requests.

#[cfg(feature = "serde")]
mod config;
pub(in crate::policies::traffic_split) mod header_match;
pub(in crate::policies::traffic_split) mod match_input;
pub(in crate::policies::traffic_split) mod path_match;
pub(in crate::policies::traffic_split) mod template;

use crate::foundation::http::cookie::cookie;
use crate::foundation::http::query;
use crate::foundation::matching::string_match::StringMatch;
use crate::policies::traffic_split::{HeaderMatch, PathMatch};
use match_input::MatchInput;

/// Conditions of a route on a request, all of which have to hold.
///
/// The default matches every request.
#[derive(Clone, Debug, Default)]
pub struct Match {
    authority: Option<StringMatch>,
    cookies: Vec<NamedMatch>,
    headers: Vec<HeaderMatch>,
    method: Option<StringMatch>,
    path: Option<PathMatch>,
    port: Option<u16>,
    query: Vec<NamedMatch>,
    scheme: Option<StringMatch>,
}

#[derive(Clone, Debug)]
struct NamedMatch {
    name: Box<str>,
    /// `None` if the name need only be present.
    value: Option<StringMatch>,
}

impl Match {
    /// Requires a host: the `Host` header, or else the authority of the URI, regardless of case.
    /// The port is part of it, unless it is the scheme's default.
    #[must_use]
    pub fn with_authority(mut self, authority: StringMatch) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Requires a cookie: the first of this name in any `cookie` header, without quotes.
    #[must_use]
    pub fn with_cookie(mut self, name: impl Into<Box<str>>, value: StringMatch) -> Self {
        self.cookies.push(NamedMatch {
            name: name.into(),
            value: Some(value),
        });
        self
    }

    /// Requires a cookie with any value.
    #[must_use]
    pub fn with_cookie_present(mut self, name: impl Into<Box<str>>) -> Self {
        self.cookies.push(NamedMatch {
            name: name.into(),
            value: None,
        });
        self
    }

    /// Requires a header condition.
    #[must_use]
    pub fn with_header(mut self, header: HeaderMatch) -> Self {
        self.headers.push(header);
        self
    }

    /// Requires a method.
    #[must_use]
    pub fn with_method(mut self, method: StringMatch) -> Self {
        self.method = Some(method);
        self
    }

    /// Requires a path, without its query.
    #[must_use]
    pub fn with_path(mut self, path: impl Into<PathMatch>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Asks for a port: that of the URI or, on a server, of the `Host` header; or else the one that
    /// the scheme stands for. At a gateway of a mesh it is the one at which the request came in.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Requires a query parameter with any value.
    #[must_use]
    pub fn with_query_present(mut self, name: impl Into<Box<str>>) -> Self {
        self.query.push(NamedMatch {
            name: name.into(),
            value: None,
        });
        self
    }

    /// Requires a query parameter: the first of this name, undecoded; a parameter without `=` is
    /// empty.
    #[must_use]
    pub fn with_query(mut self, name: impl Into<Box<str>>, value: StringMatch) -> Self {
        self.query.push(NamedMatch {
            name: name.into(),
            value: Some(value),
        });
        self
    }

    /// Requires a scheme: that of the URI, or else the one in `x-forwarded-proto`, or else `http`.
    #[must_use]
    pub fn with_scheme(mut self, scheme: StringMatch) -> Self {
        self.scheme = Some(scheme);
        self
    }

    pub(in crate::policies::traffic_split) const fn path(&self) -> Option<&PathMatch> {
        self.path.as_ref()
    }

    pub(in crate::policies::traffic_split) fn matches(&self, input: &MatchInput<'_>) -> bool {
        let headers = input.head.headers();
        let query = |name: &str| query::first(input.head.uri().query()?, name).map(str::as_bytes);
        // The path comes first: it decides most routes, and it is normalized already.
        self.path
            .as_ref()
            .is_none_or(|path| path.matches(input.path()))
            && is(self.method.as_ref(), || input.head.method().as_str())
            && self.port.is_none_or(|port| input.is_for_port(port))
            && is(self.scheme.as_ref(), || input.addressed().scheme)
            && self.authority.as_ref().is_none_or(|authority| {
                let addressed = input.addressed();
                authority.matches_ignoring_case(addressed.authority.as_bytes())
                    // With a default port both spellings match, as Istio generates both as Envoy
                    // domains.
                    || addressed.host_has_default_port()
                        && authority.matches_ignoring_case(addressed.host.as_bytes())
            })
            && self.headers.iter().all(|header| header.matches(headers))
            && self.query.iter().all(|one| one.matches(query(&one.name)))
            && self
                .cookies
                .iter()
                .all(|one| one.matches(cookie(headers, &one.name)))
    }
}

impl NamedMatch {
    fn matches(&self, found: Option<&[u8]>) -> bool {
        match (found, &self.value) {
            (Some(found), Some(value)) => value.matches(found),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

fn is<'a>(wanted: Option<&StringMatch>, found: impl FnOnce() -> &'a str) -> bool {
    wanted.is_none_or(|wanted| wanted.matches(found()))
}
