use std::collections::BTreeMap;
use std::sync::Arc;

use http::Extensions;

use super::ClaimValue;

/// The claims of a verified token, as a request extension.
///
/// A layer inserts them after it has verified the token; a request without this extension has no token. Authorization
/// policies read them as `requestPrincipals` and `request.auth.*`.
///
/// Cloning is one atomic increment.
///
/// ```
/// use meshless::identity::RequestClaims;
///
/// let claims = RequestClaims::new([("iss", "https://issuer"), ("sub", "alice")]);
/// assert_eq!(claims.principal().as_deref(), Some("https://issuer/alice"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct RequestClaims(Arc<BTreeMap<Box<str>, ClaimValue>>);

/// The error of a text that is no JSON object of claims.
#[cfg(any(
    feature = "admin",
    feature = "cli",
    feature = "jwt",
    feature = "reqwest"
))]
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("claims are a JSON object: {0}")]
pub struct ClaimsError(Box<str>);

impl RequestClaims {
    /// Creates claims by their names; of several with one name the last holds.
    pub fn new<N, V>(claims: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Box<str>>,
        V: Into<ClaimValue>,
    {
        let claims = claims.into_iter();
        Self(Arc::new(
            claims
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        ))
    }

    /// Reads claims from the text of a JSON object, the payload of a token.
    ///
    /// # Errors
    ///
    /// If the text is no JSON object.
    #[cfg(any(
        feature = "admin",
        feature = "cli",
        feature = "jwt",
        feature = "reqwest"
    ))]
    pub fn from_json(text: &str) -> Result<Self, ClaimsError> {
        let value = serde_json::from_str::<serde_json::Value>(text);
        match value.map(ClaimValue::from_json) {
            Ok(ClaimValue::Object(claims)) => Ok(Self(Arc::new(claims))),
            Ok(_) => Err(ClaimsError("the text is another value".into())),
            Err(error) => Err(ClaimsError(error.to_string().into())),
        }
    }

    /// Returns the claims from the extensions of a request.
    #[must_use]
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get()
    }

    /// Returns a claim.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ClaimValue> {
        self.0.get(name)
    }

    /// Returns all claims by their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ClaimValue)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns a claim in claims, as `request.auth.claims[a][b]` names it.
    #[must_use]
    pub fn at<'a>(&'a self, mut path: impl Iterator<Item = &'a str>) -> Option<&'a ClaimValue> {
        let first = self.get(path.next()?)?;
        path.try_fold(first, ClaimValue::get)
    }

    /// Returns the issuer (`iss`).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.get("iss")?.as_text()
    }

    /// Returns the subject (`sub`).
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.get("sub")?.as_text()
    }

    /// Returns the audiences (`aud`), one or several.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.get("aud").into_iter().flat_map(ClaimValue::texts)
    }

    /// Returns the authorized presenter (`azp`).
    #[must_use]
    pub fn presenter(&self) -> Option<&str> {
        self.get("azp")?.as_text()
    }

    /// Returns issuer and subject, joined by `/`; none without both.
    #[must_use]
    pub fn principal(&self) -> Option<String> {
        Some(format!("{}/{}", self.issuer()?, self.subject()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_are_found_by_path_and_type() {
        let roles = ClaimValue::List(vec!["a".into(), ClaimValue::Number(1.0), "b".into()]);
        let realm = ClaimValue::Object(BTreeMap::from([("roles".into(), roles)]));
        let claims = RequestClaims::new([
            ("iss", ClaimValue::from("https://issuer")),
            ("sub", "alice".into()),
            ("aud", "shop".into()),
            ("azp", ClaimValue::Bool(true)),
            ("realm", realm),
        ]);
        assert_eq!(claims.principal().as_deref(), Some("https://issuer/alice"));
        assert_eq!(claims.audiences().collect::<Vec<_>>(), ["shop"]);
        assert_eq!(claims.presenter(), None);
        let roles = claims.at(["realm", "roles"].into_iter()).unwrap();
        assert_eq!(roles.texts().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(claims.at(["realm", "roles", "a"].into_iter()), None);
        assert_eq!(claims.at(["aud", "x"].into_iter()), None);
    }

    #[cfg(feature = "reqwest")]
    #[test]
    fn claims_are_read_from_json() {
        let claims = RequestClaims::from_json(r#"{"iss": "i", "n": 2, "l": ["a", null]}"#).unwrap();
        assert_eq!(claims.issuer(), Some("i"));
        assert_eq!(claims.get("n"), Some(&ClaimValue::Number(2.0)));
        assert!(RequestClaims::from_json("[]").is_err());
        assert!(RequestClaims::from_json("{").is_err());
    }
}
