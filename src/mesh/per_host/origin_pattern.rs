use http::Uri;

use super::origin::{Origin, OriginRef};
use crate::foundation::http::authority::host_of;

/// Error in the name of a host: it is not `host`, `host:port`, `scheme://host` or `scheme://host:port`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is not a host: write it as `api.example.com`, `api.example.com:8443` or `https://api.example.com`, without a path"
)]
pub struct InvalidHost(pub(super) String);

/// Host with or without scheme and port; what is not written matches any.
#[derive(Clone, Debug)]
pub(super) struct OriginPattern {
    is_any_port: bool,
    is_any_scheme: bool,
    origin: Origin,
}

impl OriginPattern {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidHost> {
        let invalid = || InvalidHost(text.to_owned());
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let authority = uri.authority().ok_or_else(invalid)?;
        let is_bare = uri.query().is_none() && matches!(uri.path(), "" | "/");
        let (host, port) = host_of(authority);
        if !is_bare || host.is_empty() || authority.as_str().contains('@') {
            return Err(invalid());
        }
        let scheme = uri.scheme_str();
        let origin = OriginRef::new(scheme.unwrap_or("http"), host, port);
        Ok(Self {
            // A scheme implies its port.
            is_any_port: port.is_none() && scheme.is_none(),
            is_any_scheme: scheme.is_none(),
            origin: origin.to_origin(),
        })
    }

    pub(super) fn matches(&self, origin: &Origin) -> bool {
        self.origin.host == origin.host
            && (self.is_any_port || self.origin.port == origin.port)
            && (self.is_any_scheme || self.origin.scheme == origin.scheme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, scheme: &str, host: &str, port: u16) -> bool {
        let origin = OriginRef::new(scheme, host, Some(port)).to_origin();
        OriginPattern::parse(pattern).unwrap().matches(&origin)
    }

    #[test]
    fn parts_that_are_not_written_match_any() {
        assert!(matches("A.example", "https", "a.example", 443));
        assert!(matches("a.example", "http", "a.example", 8080));
        assert!(matches("a.example:8080", "http", "a.example", 8080));
        assert!(!matches("a.example:8080", "https", "a.example", 443));
        assert!(matches("https://a.example", "https", "a.example.", 443));
        assert!(!matches("https://a.example", "https", "a.example", 8443));
        assert!(!matches("https://a.example/", "http", "a.example", 443));
        assert!(matches("http://[::1]:80", "http", "[0::1]", 80));
        assert!(!matches("b.example", "http", "a.example", 80));
    }

    #[test]
    fn a_text_that_is_no_host_is_an_error_with_the_mend() {
        for wrong in [
            "",
            "/",
            "https://a.example/v1",
            "a b",
            "https://u@a.example",
            "a.example?x",
            "https://",
        ] {
            let error = OriginPattern::parse(wrong).unwrap_err();
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("`{wrong}` is not a host: write it"))
            );
        }
    }
}
