use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderName;

use super::StickyCookie;
use super::weights::hash;
use crate::base::cookie::cookie;
use crate::base::{ClientAddress, RequestHead};

/// What keeps a user on one version: requests with the same key go to the same destination.
///
/// The key is hashed in a way that is the same in every process and every release, so a user stays
/// on one version over all replicas of the caller. A request without the key goes by chance.
///
/// # How the choice is made
///
/// With `h` for FNV-1a of 64 bits followed by the output function of `SplitMix64`, `k` for `h(key)`
/// and `d` for `h("host|subset|port")` of a destination, each destination draws
/// `u = (mix(k ^ d) >> 12 + ½) / 2^52`, and the one with the smallest `-ln(u) / weight` is chosen.
///
/// # What moves when weights change
///
/// That is weighted rendezvous hashing. A change of one weight moves users to or from that
/// destination only, and exactly as many as its share changes; so does any change of two
/// destinations' weights. In general, when the shares change by δ in all (half the sum of the
/// differences), at most 2δ/(1 + δ) of all users move, which is the least that any choice without
/// memory can promise.
#[derive(Clone)]
pub struct Sticky(Vec<Key>);

#[derive(Clone)]
enum Key {
    Address(ClientAddress),
    Cookie(StickyCookie),
    Function(Function),
    Header(HeaderName),
    Query(Box<str>),
}

type Function = Arc<dyn for<'a> Fn(RequestHead<'a>) -> Option<Cow<'a, [u8]>> + Send + Sync>;

impl Sticky {
    /// Takes the caller's address, of which IPv6 counts to the prefix that `address` says.
    #[must_use]
    pub fn client_address(address: ClientAddress) -> Self {
        Self::of(Key::Address(address))
    }

    /// Takes the value of a cookie: of the first of this name, without quotes. A [`StickyCookie`] with
    /// a time to live is given to users who have none.
    #[must_use]
    pub fn cookie(cookie: impl Into<StickyCookie>) -> Self {
        Self::of(Key::Cookie(cookie.into()))
    }

    /// Takes what `key` returns; `None` is a request without the key.
    #[must_use]
    pub fn function<F>(key: F) -> Self
    where
        F: for<'a> Fn(RequestHead<'a>) -> Option<Cow<'a, [u8]>> + Send + Sync + 'static,
    {
        Self::of(Key::Function(Arc::new(key)))
    }

    /// Takes the first value of a header.
    #[must_use]
    pub fn header(name: HeaderName) -> Self {
        Self::of(Key::Header(name))
    }

    /// Takes a query parameter, the first of this name and as it stands in the URI.
    #[must_use]
    pub fn query(name: impl Into<Box<str>>) -> Self {
        Self::of(Key::Query(name.into()))
    }

    /// Takes the key from `other` if a request has none of this kind.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Returns the hash of the request's key, if it has one.
    pub(super) fn hash(&self, head: RequestHead<'_>) -> Option<u64> {
        self.0.iter().find_map(|key| key.hash(head))
    }

    /// Returns the cookie to give to a user who has no key.
    pub(super) fn given_out(&self) -> Option<&StickyCookie> {
        self.0.iter().find_map(|key| match key {
            Key::Cookie(cookie) if cookie.is_given_out() => Some(cookie),
            _ => None,
        })
    }

    fn of(key: Key) -> Self {
        Self(vec![key])
    }
}

impl Debug for Sticky {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

impl Key {
    fn hash(&self, head: RequestHead<'_>) -> Option<u64> {
        match self {
            Self::Address(address) => address.of(head).map(|address| match address {
                IpAddr::V4(address) => hash(&address.octets()),
                IpAddr::V6(address) => hash(&address.octets()),
            }),
            Self::Cookie(key) => cookie(head.headers(), key.name()).map(hash),
            Self::Function(key) => key(head).map(|key| hash(&key)),
            Self::Header(name) => head.headers().get(name).map(|value| hash(value.as_bytes())),
            Self::Query(name) => {
                let value = super::query::first(head.uri().query()?, name)?;
                Some(hash(value.as_bytes()))
            }
        }
    }
}

impl Debug for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => f.debug_tuple("Address").field(address).finish(),
            Self::Cookie(cookie) => f.debug_tuple("Cookie").field(cookie).finish(),
            Self::Function(_) => f.write_str("Function"),
            Self::Header(name) => f.debug_tuple("Header").field(name).finish(),
            Self::Query(name) => f.debug_tuple("Query").field(name).finish(),
        }
    }
}
