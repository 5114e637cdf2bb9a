use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::Matcher;

/// Proxies of the environment and their exceptions (`NO_PROXY`).
pub(in crate::mesh) struct Proxies {
    /// `None` without any proxy, so that requests skip the lookup.
    matcher: Option<Matcher>,
}

/// Environment variables of proxies, the same as reqwest's.
const VARIABLES: [&str; 6] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

impl Proxies {
    pub(in crate::mesh) const fn none() -> Self {
        Self { matcher: None }
    }

    pub(in crate::mesh) fn from_env() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let any = VARIABLES.into_iter().any(is_set);
        Self {
            matcher: any.then(Matcher::from_env),
        }
    }

    /// Returns true if a proxy is configured.
    pub(in crate::mesh) const fn any(&self) -> bool {
        self.matcher.is_some()
    }

    /// Returns the `Proxy-Authorization` value of the proxy for a URI.
    pub(in crate::mesh) fn authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        let intercept = self.matcher.as_ref()?.intercept(uri)?;
        intercept.basic_auth().cloned()
    }

    /// Returns true if proxies are configured and `NO_PROXY` exempts the request's host from all of them.
    pub(in crate::mesh) fn pass_by(&self, scheme: Option<&Scheme>, called: &str) -> bool {
        let Some(matcher) = &self.matcher else {
            return false;
        };
        let mut parts = http::uri::Parts::default();
        parts.authority = Authority::try_from(called).ok();
        parts.path_and_query = Some(PathAndQuery::from_static("/"));
        parts.scheme = Some(scheme.cloned().unwrap_or(Scheme::HTTP));
        Uri::from_parts(parts).is_ok_and(|uri| matcher.intercept(&uri).is_none())
    }
}
