#[cfg(feature = "serde")]
mod config;

use std::borrow::Cow;
#[cfg(feature = "istio")]
use std::fmt::Display;
use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::cookie::cookie;
use super::hash_cookie::CookieValue;
use super::{ClientAddress, HashCookie, RequestHead, query};
use crate::foundation::sync::hash::hash;

/// Hash key of a request (Istio `consistentHash`): requests with equal keys go to the same
/// destination or endpoint.
///
/// The hash is the same in every process and every release, so all replicas of a caller make the
/// same choice. A request without the key is balanced at random.
#[derive(Clone)]
// In order: the first source with a key decides.
pub struct HashPolicy(Vec<HashSource>);

#[derive(Clone)]
enum HashSource {
    Address(ClientAddress),
    Cookie(HashCookie),
    /// The hash of what is the same for every request.
    #[cfg(feature = "istio")]
    Fixed(u64),
    Function(HashFunction),
    Header(HeaderName),
    Query(Box<str>),
}

type HashFunction = Arc<dyn for<'a> Fn(RequestHead<'a>) -> Option<Cow<'a, [u8]>> + Send + Sync>;

#[cfg(feature = "istio")]
impl Display for HashPolicy {
    /// Writes the parts of the key, first the preferred one.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (n, source) in self.0.iter().enumerate() {
            f.write_str(if n == 0 { "" } else { ", or " })?;
            match source {
                HashSource::Address(_) => f.write_str("client address")?,
                HashSource::Cookie(cookie) => write!(f, "cookie {}", cookie.name())?,
                HashSource::Fixed(_) => f.write_str("a constant")?,
                HashSource::Function(_) => f.write_str("a function")?,
                HashSource::Header(name) => write!(f, "header {name}")?,
                HashSource::Query(name) => write!(f, "query parameter {name}")?,
            }
        }
        Ok(())
    }
}

impl HashPolicy {
    /// Hashes the client's address, an IPv6 one cut to the prefix length of `address`.
    #[must_use]
    pub fn client_address(address: ClientAddress) -> Self {
        Self::of(HashSource::Address(address))
    }

    /// Hashes the value of the first cookie with this name, without quotes. A [`HashCookie`] with a
    /// time to live is set for clients without one.
    #[must_use]
    pub fn cookie(cookie: impl Into<HashCookie>) -> Self {
        Self::of(HashSource::Cookie(cookie.into()))
    }

    /// Takes `key` for every request.
    #[cfg(feature = "istio")]
    pub(crate) fn fixed(key: &[u8]) -> Self {
        Self::of(HashSource::Fixed(hash(key)))
    }

    /// Says whether the caller's address is part of the key.
    #[cfg(feature = "istio")]
    pub(crate) fn is_by_address(&self) -> bool {
        self.0
            .iter()
            .any(|key| matches!(key, HashSource::Address(_)))
    }

    /// Takes what `key` returns; `None` is a request without the key.
    #[must_use]
    pub fn function<F>(key: F) -> Self
    where
        F: for<'a> Fn(RequestHead<'a>) -> Option<Cow<'a, [u8]>> + Send + Sync + 'static,
    {
        Self::of(HashSource::Function(Arc::new(key)))
    }

    /// Takes the value of a header; of one that comes several times all values, sorted, so that their order
    /// does not matter (as Envoy).
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self::of(HashSource::Header(name))
    }

    /// Hashes the first query parameter with this name, undecoded.
    #[must_use]
    pub fn query(name: impl Into<Box<str>>) -> Self {
        Self::of(HashSource::Query(name.into()))
    }

    /// Falls back to `other` for requests that have no key of this kind.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the hash of the request's key, or `None` if it has no key.
    pub(crate) fn hash(&self, head: RequestHead<'_>) -> Option<u64> {
        self.0.iter().find_map(|key| key.hash(head))
    }

    /// Returns the cookie to set for a client without a key, its value, and the hash of that value;
    /// the client's next request carries it and leads to the same choice.
    pub(crate) fn new_cookie(&self, random: u64) -> Option<(u64, &HashCookie, CookieValue)> {
        let cookie = self.cookie_to_set()?;
        let value = CookieValue::of(random);
        Some((hash(value.as_str().as_bytes()), cookie, value))
    }

    /// Returns the first cookie with a time to live.
    pub(crate) fn cookie_to_set(&self) -> Option<&HashCookie> {
        self.0.iter().find_map(|key| match key {
            // Envoy generates a cookie only if it has a time to live.
            HashSource::Cookie(cookie) if cookie.is_generated() => Some(cookie),
            _ => None,
        })
    }

    fn of(key: HashSource) -> Self {
        Self(vec![key])
    }
}

impl Debug for HashPolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl HashSource {
    fn hash(&self, head: RequestHead<'_>) -> Option<u64> {
        match self {
            Self::Address(address) => address.of(head).map(|address| match address {
                // Octets instead of text: no allocation, and one spelling for an address.
                IpAddr::V4(address) => hash(&address.octets()),
                IpAddr::V6(address) => hash(&address.octets()),
            }),
            Self::Cookie(key) => cookie(head.headers(), key.name()).map(hash),
            #[cfg(feature = "istio")]
            Self::Fixed(hash) => Some(*hash),
            Self::Function(key) => key(head).map(|key| hash(&key)),
            Self::Header(name) => of_header(head.headers(), name),
            Self::Query(name) => {
                let value = query::first(head.uri().query()?, name)?;
                Some(hash(value.as_bytes()))
            }
        }
    }
}

/// Returns the hash of all values of a header together.
fn of_header(headers: &HeaderMap, name: &HeaderName) -> Option<u64> {
    let mut values = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let (first, second) = (values.next()?, values.next());
    let Some(second) = second else {
        return Some(hash(first));
    };
    let mut all: Vec<_> = [first, second].into_iter().chain(values).collect();
    all.sort_unstable();
    Some(hash(&all.concat()))
}

impl Debug for HashSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.debug_tuple("Address").field(address).finish(),
            Self::Cookie(cookie) => f.debug_tuple("Cookie").field(cookie).finish(),
            #[cfg(feature = "istio")]
            Self::Fixed(hash) => f.debug_tuple("Fixed").field(hash).finish(),
            Self::Function(_) => f.write_str("Function"),
            Self::Header(name) => f.debug_tuple("Header").field(name).finish(),
            Self::Query(name) => f.debug_tuple("Query").field(name).finish(),
        }
    }
}
