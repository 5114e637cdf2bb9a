use std::fmt::{self, Display, Formatter};
use std::net::Ipv6Addr;

use http::header;

use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{default_port, host_of, split_port, without_brackets};
use crate::foundation::sync::hash::hash_lowercase;

/// Scheme, host and port of an upstream, as RFC 6454 has them: two spellings of one origin are equal.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Origin {
    pub(super) scheme: Box<str>,
    pub(super) host: Box<str>,
    pub(super) port: u16,
}

/// Origin that a request is sent to, in the request's own spelling.
#[derive(Clone, Copy, Debug)]
pub(super) struct OriginRef<'a> {
    scheme: &'a str,
    host: HostRef<'a>,
    port: u16,
}

/// Host without brackets and without the dot of the root; IPv6 addresses have many spellings.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum HostRef<'a> {
    Address(Ipv6Addr),
    Name(&'a str),
}

impl<'a> OriginRef<'a> {
    /// Returns the origin of a request: that of its URI, which decides about the connection, or else that of its
    /// `Host`. Requests with neither have one origin, whose host is empty.
    #[inline]
    pub(super) fn of(head: &RequestHead<'a>) -> Self {
        let (host, port) = if let Some(authority) = head.uri().authority() {
            host_of(authority)
        } else {
            let host = head.headers().get(header::HOST);
            split_port(host.and_then(|host| host.to_str().ok()).unwrap_or_default())
        };
        // Not `x-forwarded-proto`: it is about another connection, and any caller can write it.
        Self::new(head.uri().scheme_str().unwrap_or("http"), host, port)
    }

    pub(super) fn new(scheme: &'a str, host: &'a str, port: Option<u16>) -> Self {
        Self {
            scheme,
            host: HostRef::new(host),
            port: port.unwrap_or_else(|| default_port(scheme)),
        }
    }

    /// Returns a hash that is the same for all spellings.
    #[inline]
    pub(super) fn hash(&self) -> u64 {
        let host = match self.host {
            HostRef::Address(address) => hash_lowercase(&address.octets()),
            HostRef::Name(name) => hash_lowercase(name.as_bytes()),
        };
        // Schemes differ in length; the comparison is exact.
        host ^ u64::from(self.port) << 16 ^ self.scheme.len() as u64
    }

    pub(super) fn to_origin(self) -> Origin {
        Origin {
            scheme: self.scheme.to_ascii_lowercase().into(),
            host: match self.host {
                HostRef::Address(address) => address.to_string().into(),
                HostRef::Name(name) => name.to_ascii_lowercase().into(),
            },
            port: self.port,
        }
    }

    /// Says whether both are one origin.
    #[inline]
    pub(super) fn is(&self, origin: &Origin) -> bool {
        self.port == origin.port
            && self.scheme.eq_ignore_ascii_case(&origin.scheme)
            && match self.host {
                HostRef::Address(address) => origin.host.parse() == Ok(address),
                HostRef::Name(name) => name.eq_ignore_ascii_case(&origin.host),
            }
    }
}

impl<'a> HostRef<'a> {
    #[inline]
    fn new(host: &'a str) -> Self {
        if host.starts_with('[')
            && let Ok(address) = without_brackets(host).parse()
        {
            return Self::Address(address);
        }
        Self::Name(host.strip_suffix('.').unwrap_or(host))
    }
}

/// Writes `https://example.com`, with the port unless it is the scheme's own.
impl Display for Origin {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]")?;
        } else {
            write!(f, "{scheme}://{host}")?;
        }
        if *port == default_port(scheme) {
            return Ok(());
        }
        write!(f, ":{port}")
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn origin(uri: &str, host: Option<&str>) -> String {
        let mut request = Request::get(uri);
        if let Some(host) = host {
            request = request.header("host", host);
        }
        let request = request.body(()).unwrap();
        let origin = OriginRef::of(&RequestHead::of(&request));
        let owned = origin.to_origin();
        assert!(origin.is(&owned), "{uri}");
        let text = owned.to_string();
        let again = text.parse::<http::Uri>().ok();
        if let Some(authority) = again.as_ref().and_then(http::Uri::authority) {
            let (host, port) = host_of(authority);
            let again = OriginRef::new(&owned.scheme, host, port);
            assert_eq!(again.hash(), origin.hash(), "{uri}");
            assert!(again.is(&owned), "{uri}");
        }
        text
    }

    #[test]
    fn spellings_of_one_origin_are_equal() {
        for uri in [
            "https://api.example.com",
            "https://API.example.COM/v1?x=1",
            "https://api.example.com:443/",
            "https://api.example.com:/",
            "https://api.example.com./",
            "https://user:secret@api.example.com/",
            "HTTPS://api.example.com/",
        ] {
            assert_eq!(origin(uri, None), "https://api.example.com", "{uri}");
        }
        for uri in [
            "http://[::1]/",
            "http://[0:0:0:0:0:0:0:1]:80/",
            "http://[0::1]/",
        ] {
            assert_eq!(origin(uri, None), "http://[::1]", "{uri}");
        }
        assert_eq!(
            origin("https://xn--bcher-kva.example/", None),
            origin("https://XN--BCHER-KVA.example:443/", None),
        );
    }

    #[test]
    fn scheme_and_port_tell_origins_apart() {
        assert_eq!(origin("http://a.example/", None), "http://a.example");
        assert_eq!(
            origin("https://a.example:80/", None),
            "https://a.example:80"
        );
        assert_eq!(
            origin("http://a.example:443/", None),
            "http://a.example:443"
        );
        assert_eq!(
            origin("http://10.0.0.1:8080/", None),
            "http://10.0.0.1:8080"
        );
    }

    #[test]
    fn the_uri_decides_before_the_host_header_and_requests_with_neither_are_one() {
        assert_eq!(
            origin("http://a.example/", Some("b.example")),
            "http://a.example"
        );
        assert_eq!(
            origin("/path", Some("B.example:8080")),
            "http://b.example:8080"
        );
        assert_eq!(origin("/path", None), "http://");
        assert_eq!(origin("/other", Some("")), "http://");
    }
}
