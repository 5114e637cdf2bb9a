pub(in crate::policies::traffic_split) mod header_match;
pub(in crate::policies::traffic_split) mod match_input;
pub(in crate::policies::traffic_split) mod path_match;

use crate::foundation::http::cookie::cookie;
use crate::foundation::http::query;
use crate::foundation::matching::string_match::StringMatch;
use crate::policies::traffic_split::{HeaderMatch, PathMatch};
use match_input::MatchInput;

/// What a request has to look like for a route: everything that is set, at once.
///
/// The default is for every request.
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
    /// Nothing stands for a value that need only be there.
    value: Option<StringMatch>,
}

impl Match {
    /// Asks for a host: the `Host` header, or else the authority of the URI, whatever the case of
    /// its letters. The port belongs to it, unless it is the one that the scheme stands for.
    #[must_use]
    pub fn with_authority(mut self, authority: StringMatch) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Asks for a cookie, the first of this name in any `cookie` header, without quotes.
    #[must_use]
    pub fn with_cookie(mut self, name: impl Into<Box<str>>, value: StringMatch) -> Self {
        self.cookies.push(NamedMatch {
            name: name.into(),
            value: Some(value),
        });
        self
    }

    /// Asks for a cookie, whatever it holds.
    #[must_use]
    pub fn with_cookie_present(mut self, name: impl Into<Box<str>>) -> Self {
        self.cookies.push(NamedMatch {
            name: name.into(),
            value: None,
        });
        self
    }

    /// Asks for a header, or for one that is absent or different.
    #[must_use]
    pub fn with_header(mut self, header: HeaderMatch) -> Self {
        self.headers.push(header);
        self
    }

    /// Asks for a method.
    #[must_use]
    pub fn with_method(mut self, method: StringMatch) -> Self {
        self.method = Some(method);
        self
    }

    /// Asks for a path, without its query.
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

    /// Asks for a query parameter, whatever it holds.
    #[must_use]
    pub fn with_query_present(mut self, name: impl Into<Box<str>>) -> Self {
        self.query.push(NamedMatch {
            name: name.into(),
            value: None,
        });
        self
    }

    /// Asks for a query parameter, the first of this name and as it stands in the URI; one without a
    /// `=` is empty.
    #[must_use]
    pub fn with_query(mut self, name: impl Into<Box<str>>, value: StringMatch) -> Self {
        self.query.push(NamedMatch {
            name: name.into(),
            value: Some(value),
        });
        self
    }

    /// Asks for a scheme: that of the URI, or else the one in `x-forwarded-proto`, or else `http`.
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
        self.path
            .as_ref()
            .is_none_or(|path| path.matches(input.path()))
            && is(self.method.as_ref(), || input.head.method().as_str())
            && self.port.is_none_or(|port| input.is_for_port(port))
            && is(self.scheme.as_ref(), || input.addressed().scheme)
            && self.authority.as_ref().is_none_or(|authority| {
                let addressed = input.addressed();
                authority.matches_ignoring_case(addressed.authority.as_bytes())
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
