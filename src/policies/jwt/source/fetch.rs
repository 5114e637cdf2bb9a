use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body::Body;
use http_body_util::{BodyExt, Limited};
use tower_service::Service;

use super::JwksUriError;
use crate::foundation::endpoints::address_class::AddressClass;
use crate::foundation::identity::ClaimValue;
use crate::foundation::outcome::BoxError;
use crate::policies::jwt::Jwks;
use crate::policies::jwt::keys::MAX_LENGTH;
use crate::policies::jwt::token::json;

/// Path of `OpenID` Connect Discovery behind an issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// A document that is being fetched.
pub(crate) type Fetching = Pin<Box<dyn Future<Output = Result<Bytes, BoxError>> + Send>>;

/// A client that fetches documents.
pub(crate) trait Fetch: Debug + Send + Sync {
    /// Fetches the document at `uri`. `is_named` says that the configuration names its host; a host that only another document
    /// names must not be inside the network.
    fn fetch(&self, uri: Uri, is_named: bool) -> Fetching;
}

/// The place of keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Location {
    /// The document in which an issuer names the place of its keys.
    Discovery(Uri),
    Keys(Uri),
}

impl Location {
    /// Reads the place of keys.
    pub(super) fn keys(uri: &str) -> Result<Self, JwksUriError> {
        checked(uri, true).map(Self::Keys)
    }

    /// Returns the place where an issuer describes itself.
    pub(super) fn discovery(issuer: &str) -> Result<Self, JwksUriError> {
        let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
        checked(&format!("{issuer}{DISCOVERY}"), true).map(Self::Discovery)
    }

    pub(super) const fn uri(&self) -> &Uri {
        match self {
            Self::Discovery(uri) | Self::Keys(uri) => uri,
        }
    }

    /// Fetches the keys.
    pub(super) async fn fetch(&self, client: &dyn Fetch) -> Result<Jwks, BoxError> {
        let document = client.fetch(self.uri().clone(), true).await?;
        let document = match self {
            Self::Keys(_) => document,
            Self::Discovery(named) => {
                let (uri, is_named) = discovered(&document, named)?;
                client.fetch(uri, is_named).await?
            }
        };
        Ok(Jwks::from_json(std::str::from_utf8(&document)?)?)
    }
}

/// Returns the place of the keys in the description of an issuer, and whether its host is the issuer's.
fn discovered(document: &[u8], issuer: &Uri) -> Result<(Uri, bool), BoxError> {
    let members = json::object(document).ok_or("the description of the issuer is no JSON")?;
    let Some(ClaimValue::Text(uri)) = members.get("jwks_uri") else {
        return Err("the description of the issuer has no `jwks_uri`".into());
    };
    let host = |uri: &Uri| uri.host().unwrap_or_default().to_ascii_lowercase();
    let parsed: Uri = uri.parse()?;
    let is_named = host(&parsed) == host(issuer);
    let uri = checked(uri, is_named)?;
    if issuer.scheme_str() == Some("https") && uri.scheme_str() != Some("https") {
        return Err("the `jwks_uri` of an issuer with https has no https".into());
    }
    Ok((uri, is_named))
}

/// Checks a URI before anything is sent: its scheme, and its host if that is an address.
fn checked(uri: &str, is_named: bool) -> Result<Uri, JwksUriError> {
    let uri: Uri = uri.parse().map_err(|_| JwksUriError::NoUri)?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(JwksUriError::Scheme);
    }
    let host = uri.host().unwrap_or_default();
    if host.is_empty() {
        return Err(JwksUriError::NoUri);
    }
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = literal.parse::<IpAddr>()
        && !AddressClass::of(address).may_be_called(is_named)
    {
        return Err(JwksUriError::Address(address));
    }
    Ok(uri)
}

/// Fetches a document by a tower service, bounded in length; redirects are not followed.
pub(crate) async fn fetch_by<S, B, R>(mut service: S, uri: Uri) -> Result<Bytes, BoxError>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: Into<BoxError>,
    B: Default,
    R: Body,
    R::Error: Into<BoxError>,
{
    std::future::poll_fn(|cx| service.poll_ready(cx))
        .await
        .map_err(Into::into)?;
    let request = Request::get(uri)
        .header(header::ACCEPT, "application/json")
        .body(B::default())?;
    let response = service.call(request).await.map_err(Into::into)?;
    let status = response.status();
    if !status.is_success() {
        return Err(format!("the answer has the status {status}").into());
    }
    let body = Limited::new(response.into_body(), MAX_LENGTH);
    Ok(body.collect().await?.to_bytes())
}

/// A client that is a tower service; each fetch calls a clone.
pub(super) struct FetchByService<F>(pub(super) F);

impl<F> Debug for FetchByService<F> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchByService").finish_non_exhaustive()
    }
}

impl<F: Fn(Uri) -> Fetching + Send + Sync> Fetch for FetchByService<F> {
    fn fetch(&self, uri: Uri, _is_named: bool) -> Fetching {
        (self.0)(uri)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_http_and_addresses_outside_of_the_machines_own_services_are_fetched() {
        for (uri, error) in [
            ("ftp://a/b", JwksUriError::Scheme),
            ("/keys", JwksUriError::Scheme),
            (
                "http://169.254.169.254/keys",
                JwksUriError::Address("169.254.169.254".parse().unwrap()),
            ),
            (
                "http://[fe80::1]/keys",
                JwksUriError::Address("fe80::1".parse().unwrap()),
            ),
            (
                "http://[::ffff:169.254.169.254]/",
                JwksUriError::Address("::ffff:169.254.169.254".parse().unwrap()),
            ),
        ] {
            assert_eq!(Location::keys(uri), Err(error), "{uri}");
        }
        for uri in [
            "https://issuer.example/keys",
            "http://10.0.0.1:8080/keys",
            "http://localhost/keys",
        ] {
            assert!(Location::keys(uri).is_ok(), "{uri}");
        }
    }

    #[test]
    fn an_issuer_may_name_its_own_host_and_public_addresses() {
        let issuer: Uri = "https://issuer.example/.well-known/openid-configuration"
            .parse()
            .unwrap();
        let at = |uri: &str| discovered(format!(r#"{{"jwks_uri":"{uri}"}}"#).as_bytes(), &issuer);
        assert!(at("https://ISSUER.example:8443/keys").is_ok_and(|(_, is_named)| is_named));
        assert!(at("https://keys.example/keys").is_ok_and(|(_, is_named)| !is_named));
        assert!(at("https://203.0.113.1/keys").is_ok());
        for uri in [
            "https://10.0.0.1/keys",
            "https://127.0.0.1/keys",
            "https://169.254.169.254/",
            "http://issuer.example/keys",
            "file:///etc/passwd",
        ] {
            assert!(at(uri).is_err(), "{uri}");
        }
        assert!(discovered(b"{}", &issuer).is_err());
        assert!(discovered(b"<html>", &issuer).is_err());
    }
}
