//! Decision about one request: the headers of its response.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::{CorsPolicy, UnmatchedPreflights};
use crate::foundation::http::RequestHead;

/// Treatment of a request.
#[derive(Debug)]
pub(super) enum Verdict {
    /// Answered here.
    Preflight(HeaderMap),
    /// Forwarded, and its response gets these headers.
    Forwarded(HeaderMap),
    /// Forwarded without a change of its response.
    Untouched,
}

const TRUE: HeaderValue = HeaderValue::from_static("true");

impl CorsPolicy {
    /// Decides about a request, as Envoy's filter does.
    pub(super) fn decide(&self, head: RequestHead<'_>) -> Verdict {
        let headers = head.headers();
        let Some(origin) = value(headers, &ORIGIN).filter(|origin| !origin.is_empty()) else {
            return Verdict::Untouched;
        };
        let is_allowed = self
            .allow_origins
            .iter()
            .any(|allowed| allowed.matches("*") || allowed.matches(origin.as_bytes()));
        let method = value(headers, &ACCESS_CONTROL_REQUEST_METHOD);
        let method = method.filter(|method| !method.is_empty());
        let is_preflight = *head.method() == Method::OPTIONS;
        let is_ignored = self.unmatched == UnmatchedPreflights::Ignore;
        match method.filter(|_| is_preflight && (is_allowed || is_ignored)) {
            Some(method) => {
                let origin = is_allowed.then_some(origin);
                Verdict::Preflight(self.preflight(origin, method, headers))
            }
            None if is_allowed => Verdict::Forwarded(self.actual(origin)),
            None => Verdict::Untouched,
        }
    }

    /// Returns the treatment of a request in words.
    #[cfg(feature = "istio")]
    pub(crate) fn effect_on(&self, head: RequestHead<'_>) -> &'static str {
        match self.decide(head) {
            Verdict::Preflight(_) => "preflight answered here",
            Verdict::Forwarded(_) => "origin allowed",
            Verdict::Untouched => "no header added",
        }
    }

    fn preflight(
        &self,
        origin: Option<HeaderValue>,
        method: HeaderValue,
        asked: &HeaderMap,
    ) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        }
        if self.allow_credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(allowed) = &self.allow_methods {
            let allowed = if allowed == "*" {
                method
            } else {
                allowed.clone()
            };
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, allowed);
        }
        if let Some(allowed) = &self.allow_headers {
            let asked = || value(asked, &ACCESS_CONTROL_REQUEST_HEADERS);
            let none = || HeaderValue::from_static("");
            let allowed = if allowed == "*" {
                asked().unwrap_or_else(none)
            } else {
                allowed.clone()
            };
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, allowed);
        }
        if let Some(age) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, age.clone());
        }
        headers
    }

    fn actual(&self, origin: HeaderValue) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if self.allow_credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, TRUE);
        }
        if let Some(exposed) = &self.expose_headers {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
        headers
    }
}

/// Returns the value of a header; several are joined by commas, as Envoy keeps these.
fn value(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let rest: Vec<_> = values.collect();
    if rest.is_empty() {
        return Some(first.clone());
    }
    let all: Vec<_> = [first]
        .into_iter()
        .chain(rest)
        .map(HeaderValue::as_bytes)
        .collect();
    HeaderValue::from_bytes(&all.join(&b',')).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;
    use crate::foundation::matching::StringMatch;

    fn decide(policy: &CorsPolicy, method: &str, headers: &[(&str, &str)]) -> String {
        let mut request = Request::builder().method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let (kind, headers) = match policy.decide(RequestHead::of(&request)) {
            Verdict::Preflight(headers) => ("preflight", headers),
            Verdict::Forwarded(headers) => ("forwarded", headers),
            Verdict::Untouched => ("untouched", HeaderMap::new()),
        };
        let mut lines: Vec<_> = headers
            .iter()
            .map(|(name, value)| {
                let name = name.as_str().replace("access-control-", "");
                format!(" {name}={}", value.to_str().unwrap())
            })
            .collect();
        lines.sort();
        format!("{kind}{}", lines.concat())
    }

    const ASKS: [(&str, &str); 2] = [
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "x-a,x-b"),
    ];

    #[test]
    fn responses_are_those_of_envoy() {
        let a = || {
            CorsPolicy::new([
                StringMatch::exact("http://a"),
                StringMatch::prefix("http://b"),
            ])
        };
        let full = a()
            .with_allow_credentials(true)
            .with_allow_methods(["GET", "PUT"])
            .with_allow_headers(["x-a", "x-c"])
            .with_expose_headers(["x-d"])
            .with_max_age(Duration::from_millis(61_900));
        let any = CorsPolicy::new([StringMatch::exact("*")])
            .with_allow_methods(["*"])
            .with_allow_headers(["*"]);
        let ignoring = full
            .clone()
            .with_unmatched_preflights(UnmatchedPreflights::Ignore);
        let preflight = |origin| [[("origin", origin)].as_slice(), &ASKS].concat();
        for (policy, method, headers, expected) in [
            (&full, "GET", vec![], "untouched"),
            (&full, "GET", vec![("origin", "")], "untouched"),
            (&full, "GET", vec![("origin", "http://c")], "untouched"),
            (
                &full,
                "GET",
                vec![("origin", "http://a")],
                "forwarded allow-credentials=true allow-origin=http://a expose-headers=x-d",
            ),
            (
                &full,
                "OPTIONS",
                preflight("http://b.com"),
                "preflight allow-credentials=true allow-headers=x-a,x-c allow-methods=GET,PUT \
                 allow-origin=http://b.com max-age=61",
            ),
            (&full, "OPTIONS", preflight("http://c"), "untouched"),
            (
                &ignoring,
                "OPTIONS",
                preflight("http://c"),
                "preflight allow-credentials=true allow-headers=x-a,x-c allow-methods=GET,PUT max-age=61",
            ),
            // Without the method that is asked for it is no preflight.
            (
                &full,
                "OPTIONS",
                vec![("origin", "http://a")],
                "forwarded allow-credentials=true allow-origin=http://a expose-headers=x-d",
            ),
            (
                &any,
                "OPTIONS",
                preflight("null"),
                "preflight allow-headers=x-a,x-b allow-methods=PUT allow-origin=null",
            ),
            (
                &any,
                "OPTIONS",
                vec![("origin", "http://x"), ASKS[0]],
                "preflight allow-headers= allow-methods=PUT allow-origin=http://x",
            ),
            (
                &CorsPolicy::default(),
                "GET",
                vec![("origin", "http://a")],
                "untouched",
            ),
        ] {
            let headers: Vec<_> = headers;
            assert_eq!(
                decide(policy, method, &headers),
                expected,
                "{method} {headers:?}"
            );
        }
    }
}
