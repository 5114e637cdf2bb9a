//! Redirect policy: a pure function of a request and its response.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use reqwest::Url;

/// Reason for failing a redirect.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(in crate::transport::client) enum RedirectError {
    #[error("its scheme is not http or https")]
    Scheme,
    #[error("more than {0} redirects")]
    TooMany(usize),
}

/// Decision about a response.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::transport::client) enum Verdict {
    /// Send the next request.
    Follow(Next),
    /// Return this response.
    Keep,
    /// Return an error.
    Fail(RedirectError),
}

/// Target, method and body handling of the next request.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::transport::client) struct Next {
    /// True if the body is sent again.
    pub(in crate::transport::client) body: bool,
    pub(in crate::transport::client) method: Method,
    pub(in crate::transport::client) url: Url,
}

/// The parts of a request that decide about a redirect.
#[derive(Clone, Copy, Debug)]
pub(in crate::transport::client) struct RedirectContext<'a> {
    /// Number of redirects followed so far.
    pub(in crate::transport::client) hops: usize,
    /// True if the request has no body, or a body that can be sent again.
    pub(in crate::transport::client) repeatable: bool,
    pub(in crate::transport::client) method: &'a Method,
    pub(in crate::transport::client) url: &'a Url,
}

/// Decides about a response to a request, following at most `max` redirects.
pub(in crate::transport::client) fn decide(
    context: RedirectContext<'_>,
    status: StatusCode,
    headers: &HeaderMap,
    max: usize,
) -> Verdict {
    let (method, body) = match status {
        // RFC 9110 15.4.2 and 15.4.3: user agents make a GET of a POST.
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if *context.method == Method::POST => {
            (Method::GET, false)
        }
        // RFC 9110 15.4.4: 303 asks for a retrieval request, but a HEAD stays a HEAD.
        StatusCode::SEE_OTHER if *context.method == Method::HEAD => (Method::HEAD, false),
        StatusCode::SEE_OTHER => (Method::GET, false),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => (context.method.clone(), true),
        _ => return Verdict::Keep,
    };
    // 307 and 308 require the same body: without one, the caller gets the redirect itself.
    if body && !context.repeatable {
        return Verdict::Keep;
    }
    let location = headers.get(header::LOCATION);
    let Some(mut url) = location.and_then(|location| resolve(location, context.url)) else {
        return Verdict::Keep;
    };
    // After the checks above: a redirect that cannot be followed anyway is no error.
    if context.hops >= max {
        return Verdict::Fail(RedirectError::TooMany(max));
    }
    if !matches!(url.scheme(), "http" | "https") {
        return Verdict::Fail(RedirectError::Scheme);
    }
    if url.fragment().is_none() {
        // RFC 9110 10.2.2: the fragment of the request's URL is inherited.
        url.set_fragment(context.url.fragment());
    }
    Verdict::Follow(Next { body, method, url })
}

/// Removes the headers that the next origin must not see and those of a dropped body, and sets
/// `Referer`.
pub(in crate::transport::client) fn adapt(headers: &mut HeaderMap, from: &Url, next: &Next) {
    if !next.body {
        for name in [
            header::CONTENT_ENCODING,
            header::CONTENT_LENGTH,
            header::CONTENT_TYPE,
            header::TRANSFER_ENCODING,
        ] {
            headers.remove(name);
        }
    }
    // Credentials and the authority belong to the origin that they were set for.
    if from.origin() != next.url.origin() {
        for name in [
            header::AUTHORIZATION,
            header::COOKIE,
            header::HOST,
            header::PROXY_AUTHORIZATION,
            header::WWW_AUTHENTICATE,
        ] {
            headers.remove(name);
        }
        headers.remove("cookie2");
    }
    if let Some(referer) = referer(from, &next.url) {
        headers.insert(header::REFERER, referer);
    }
}

fn resolve(location: &HeaderValue, base: &Url) -> Option<Url> {
    let location = std::str::from_utf8(location.as_bytes()).ok()?;
    base.join(location).ok()
}

/// Returns the `Referer` without user information and fragment; `None` from `https` to `http`.
fn referer(from: &Url, next: &Url) -> Option<HeaderValue> {
    // RFC 9110 10.1.3: no `Referer` in an unencrypted request from a secure page.
    if from.scheme() == "https" && next.scheme() == "http" {
        return None;
    }
    let mut referer = from.clone();
    referer.set_fragment(None);
    referer.set_username("").ok()?;
    referer.set_password(None).ok()?;
    referer.as_str().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn judged(method: &Method, repeatable: bool, status: u16, location: &'static str) -> Verdict {
        let context = RedirectContext {
            hops: 0,
            repeatable,
            method,
            url: &url("http://a/1"),
        };
        let headers =
            HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static(location))]);
        decide(context, StatusCode::from_u16(status).unwrap(), &headers, 10)
    }

    fn follow(method: Method, body: bool, to: &str) -> Verdict {
        let url = url(to);
        Verdict::Follow(Next { body, method, url })
    }

    #[test]
    fn a_post_becomes_a_get_unless_the_status_keeps_it() {
        for (status, expected) in [
            (301, follow(Method::GET, false, "http://a/2")),
            (302, follow(Method::GET, false, "http://a/2")),
            (303, follow(Method::GET, false, "http://a/2")),
            (307, follow(Method::POST, true, "http://a/2")),
            (308, follow(Method::POST, true, "http://a/2")),
            (304, Verdict::Keep),
            (300, Verdict::Keep),
        ] {
            assert_eq!(
                judged(&Method::POST, true, status, "/2"),
                expected,
                "{status}"
            );
        }
        let put = follow(Method::PUT, true, "http://a/2");
        assert_eq!(judged(&Method::PUT, true, 301, "/2"), put);
        let head = follow(Method::HEAD, false, "http://a/2");
        assert_eq!(judged(&Method::HEAD, true, 303, "/2"), head);
    }

    #[test]
    fn a_body_that_cannot_be_sent_again_is_not_asked_for_again() {
        assert_eq!(judged(&Method::POST, false, 307, "/2"), Verdict::Keep);
        let get = follow(Method::GET, false, "http://a/2");
        assert_eq!(judged(&Method::POST, false, 303, "/2"), get);
    }

    #[test]
    fn what_leads_nowhere_is_kept_or_refused() {
        assert_eq!(
            judged(&Method::GET, true, 302, "http://[nonsense"),
            Verdict::Keep
        );
        let scheme = Verdict::Fail(RedirectError::Scheme);
        assert_eq!(
            judged(&Method::GET, true, 302, "file:///etc/passwd"),
            scheme
        );
    }

    #[test]
    fn secrets_stay_with_the_host_that_they_were_meant_for() {
        let from = url("http://user:secret@a/1#part");
        for (to, kept) in [
            ("http://a/2", true),
            ("http://b/2", false),
            ("http://a:81/2", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static("secret"));
            headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
            let next = Next {
                body: false,
                method: Method::GET,
                url: url(to),
            };
            adapt(&mut headers, &from, &next);
            assert_eq!(headers.contains_key(header::AUTHORIZATION), kept, "{to}");
            assert!(headers.contains_key(header::ACCEPT));
            assert_eq!(headers[header::REFERER], "http://a/1");
        }
    }
}
