use http::Uri;
use http::uri::Scheme;

use crate::integrations::admin::security::token::Token;

/// Page of another process, for [`Admin::with_fleet`](crate::admin::Admin::with_fleet).
#[derive(Clone, Debug)]
pub struct Peer {
    base: Uri,
    name: Box<str>,
    token: Option<Token>,
}

/// Reason why a text is no URL of a page.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvalidPeer {
    /// It is no absolute URL such as `http://10.0.0.7:9901`.
    #[error("`{0}` is no URL of a page, such as http://10.0.0.7:9901")]
    Url(Box<str>),
    /// It has a scheme other than `http`.
    #[error("`{0}` is not reached: pages of a fleet are asked over http, inside its network")]
    Scheme(Box<str>),
}

impl Peer {
    /// Creates a peer by the name that the page shows and the URL of its page, such as `http://10.0.0.7:9901`.
    ///
    /// # Errors
    ///
    /// If the URL has no host, has a user or a query, or is not `http`.
    pub fn new(name: impl Into<Box<str>>, url: &str) -> Result<Self, InvalidPeer> {
        let invalid = || InvalidPeer::Url(url.into());
        let base: Uri = url.parse().map_err(|_| invalid())?;
        let authority = base.authority().ok_or_else(invalid)?;
        if authority.as_str().contains('@') || base.query().is_some() {
            return Err(invalid());
        }
        if *base.scheme().ok_or_else(invalid)? != Scheme::HTTP {
            return Err(InvalidPeer::Scheme(url.into()));
        }
        Ok(Self {
            base,
            name: name.into(),
            token: None,
        })
    }

    /// Sets the token that the page asks for.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn url(&self) -> String {
        self.base.to_string()
    }

    pub(super) const fn token(&self) -> Option<&Token> {
        self.token.as_ref()
    }

    /// Returns the URL of its graph.
    pub(super) fn graph(&self) -> Option<Uri> {
        let base = self.url();
        format!("{}/api/graph", base.trim_end_matches('/'))
            .parse()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_an_absolute_url_over_http() {
        let peer = Peer::new("users", "http://10.0.0.7:9901/admin/").unwrap();
        let graph = peer.graph().unwrap().to_string();
        assert_eq!(graph, "http://10.0.0.7:9901/admin/api/graph");
        for wrong in [
            "",
            "/admin",
            "10.0.0.7",
            "http://",
            "http://ann@host/",
            "http://h/?a=b",
        ] {
            let error = Peer::new("users", wrong).unwrap_err();
            assert_eq!(error, InvalidPeer::Url(wrong.into()));
        }
        let error = Peer::new("users", "https://host/").unwrap_err();
        assert_eq!(error, InvalidPeer::Scheme("https://host/".into()));
    }
}
