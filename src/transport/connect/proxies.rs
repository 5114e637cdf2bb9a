#[cfg(feature = "istio")]
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

/// Proxies of the environment and their exceptions (`NO_PROXY`).
#[derive(Debug)]
pub(crate) struct Proxies {
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
    pub(crate) const fn none() -> Self {
        Self { matcher: None }
    }

    pub(crate) fn from_env() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let any = VARIABLES.into_iter().any(is_set);
        Self {
            matcher: any.then(Matcher::from_env),
        }
    }

    /// Returns true if a proxy is configured.
    #[cfg(feature = "istio")]
    pub(crate) const fn any(&self) -> bool {
        self.matcher.is_some()
    }

    /// Returns the proxy for a URI.
    pub(super) fn intercept(&self, uri: &Uri) -> Option<Intercept> {
        self.matcher.as_ref()?.intercept(uri)
    }

    /// Returns the `Proxy-Authorization` value of the proxy for a URI.
    pub(crate) fn authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        self.intercept(uri)?.basic_auth().cloned()
    }

    /// Returns true if proxies are configured and `NO_PROXY` exempts the request's host from all of them.
    #[cfg(feature = "istio")]
    pub(crate) fn pass_by(&self, scheme: Option<&Scheme>, called: &str) -> bool {
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
