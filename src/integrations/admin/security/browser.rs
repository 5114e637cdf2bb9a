//! Requests that a web page elsewhere may have caused.

use std::net::{IpAddr, Ipv6Addr};

use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method, header};

/// Reason why a request is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::integrations::admin) enum Refused {
    /// Its host is a name that DNS may lead here from any page.
    Host,
    /// A page of another origin caused it.
    Origin,
}

impl Refused {
    /// Returns the text of the response.
    pub(in crate::integrations::admin) const fn text(self) -> &'static str {
        match self {
            Self::Host => {
                "This name is not one of the page's: reach it by an IP address or localhost, or name the host by \
                 `Admin::with_host`.\n"
            }
            Self::Origin => "A page of another origin caused this request.\n",
        }
    }
}

/// Refuses a request that a page elsewhere may have caused: under a name that DNS leads here (rebinding), or across
/// origins. A link may lead to `/`, which holds no data.
pub(in crate::integrations::admin) fn check(
    parts: &Parts,
    hosts: &[Box<str>],
) -> Result<(), Refused> {
    let authority = authority(parts).ok_or(Refused::Host)?;
    if !is_own(&authority, hosts) {
        return Err(Refused::Host);
    }
    if let Some(origin) = parts.headers.get(header::ORIGIN) {
        let origin = origin.to_str().ok().and_then(|origin| {
            let rest = origin.split_once("://")?.1;
            rest.parse::<Authority>().ok()
        });
        if origin.is_none_or(|origin| !is_same(&origin, &authority)) {
            return Err(Refused::Origin);
        }
    }
    let sent = |name| text(&parts.headers, name);
    match sent("sec-fetch-site") {
        None | Some("none" | "same-origin") => Ok(()),
        Some(_) if is_link(parts) => Ok(()),
        Some(_) => Err(Refused::Origin),
    }
}

/// Returns true for a link that the user follows to the page itself, in a window of its own.
fn is_link(parts: &Parts) -> bool {
    let sent = |name| text(&parts.headers, name);
    parts.method == Method::GET
        && parts.uri.path() == "/"
        && sent("sec-fetch-mode") == Some("navigate")
        && sent("sec-fetch-dest") == Some("document")
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // A header that is no text is another site's as well.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// Returns the authority of a request: that of its URI, or its only `Host`.
fn authority(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    let host = match host {
        Some(host) => Some(host.to_str().ok()?.parse::<Authority>().ok()?),
        None => None,
    };
    match (parts.uri.authority(), host) {
        (Some(uri), Some(host)) if !is_same(uri, &host) => None,
        (Some(uri), _) => Some(uri.clone()),
        (None, host) => host,
    }
}

fn is_own(authority: &Authority, hosts: &[Box<str>]) -> bool {
    // `user@host` is no host that a browser sends.
    if authority.as_str().contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_address = host.parse::<IpAddr>().is_ok()
        || (host.starts_with('[') && address.parse::<Ipv6Addr>().is_ok());
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    // Browsers resolve `localhost` and the names below it to the loopback addresses themselves.
    let is_local = name == "localhost" || name.ends_with(".localhost");
    is_address || is_local || hosts.iter().any(|own| own.eq_ignore_ascii_case(&name))
}

fn is_same(one: &Authority, two: &Authority) -> bool {
    one.as_str().eq_ignore_ascii_case(two.as_str())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn judged(method: &str, path: &str, headers: &[(&str, &str)]) -> Result<(), Refused> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        check(&parts, &["admin.internal".into()])
    }

    #[test]
    fn only_addresses_localhost_and_given_names_are_hosts_of_the_page() {
        for host in [
            "127.0.0.1:9901",
            "10.1.2.3",
            "[::1]:9901",
            "localhost:9901",
            "LOCALHOST",
            "a.localhost:1",
            "admin.internal:80",
            "Admin.Internal.",
        ] {
            assert_eq!(
                judged("GET", "/api/state", &[("host", host)]),
                Ok(()),
                "{host}"
            );
        }
        for host in [
            "attacker.example",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "user@127.0.0.1",
            "::1",
            "",
        ] {
            let judged = judged("GET", "/api/state", &[("host", host)]);
            assert_eq!(judged, Err(Refused::Host), "{host}");
        }
        assert_eq!(judged("GET", "/", &[]), Err(Refused::Host));
        let twice = [("host", "127.0.0.1"), ("host", "127.0.0.1")];
        assert_eq!(judged("GET", "/", &twice), Err(Refused::Host));
        let other = [("host", "attacker.example")];
        assert_eq!(
            judged("GET", "http://127.0.0.1/", &other),
            Err(Refused::Host)
        );
    }

    #[test]
    fn a_page_of_another_origin_gets_nothing() {
        let with = |name: &'static str, value: &'static str| {
            judged(
                "GET",
                "/api/state",
                &[("host", "127.0.0.1:9901"), (name, value)],
            )
        };
        assert_eq!(with("origin", "http://127.0.0.1:9901"), Ok(()));
        for origin in [
            "http://127.0.0.1:9902",
            "http://127.0.0.1",
            "https://attacker.example",
            "null",
            "file://",
        ] {
            assert_eq!(with("origin", origin), Err(Refused::Origin), "{origin}");
        }
        assert_eq!(with("sec-fetch-site", "same-origin"), Ok(()));
        assert_eq!(with("sec-fetch-site", "none"), Ok(()));
        for site in ["cross-site", "same-site", "strange"] {
            assert_eq!(with("sec-fetch-site", site), Err(Refused::Origin), "{site}");
        }
    }

    #[test]
    fn a_link_may_lead_to_the_page_itself_and_to_nothing_else() {
        let link = |method, path, dest| {
            let headers = [
                ("host", "127.0.0.1:9901"),
                ("sec-fetch-site", "cross-site"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", dest),
            ];
            judged(method, path, &headers)
        };
        assert_eq!(link("GET", "/", "document"), Ok(()));
        assert_eq!(link("GET", "/", "iframe"), Err(Refused::Origin));
        assert_eq!(link("POST", "/", "document"), Err(Refused::Origin));
        assert_eq!(link("GET", "/api/state", "document"), Err(Refused::Origin));
    }
}
