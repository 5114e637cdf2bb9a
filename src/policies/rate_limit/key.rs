#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Debug, Formatter};
use std::hash::{DefaultHasher, Hash};
use std::sync::Arc;

use http::HeaderName;

use crate::foundation::http::cookie::cookie;
use crate::foundation::http::{ClientAddress, RequestHead};

/// The key that a limit is counted for.
///
/// Keys are hashed directly from the request, by a hash with a random seed in each limiter, so that
/// a caller cannot choose a key that collides with another's. Requests without the property of the
/// key share one count.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub enum Key {
    /// The combination of several keys.
    All(Vec<Self>),
    /// The client address.
    ClientAddress(ClientAddress),
    /// The first cookie with this name.
    Cookie(String),
    /// The result of a function of the request; see [`Key::function`].
    Function(KeyFunction),
    /// One count for all requests.
    #[default]
    Global,
    /// The first header with this name.
    Header(HeaderName),
    /// The method.
    Method,
    /// The path, without the query.
    Path,
}

/// Type of the functions that hash a request's key.
type Hashing = dyn Fn(RequestHead<'_>, &mut DefaultHasher) + Send + Sync;

/// A function from a request to its key.
#[derive(Clone)]
pub struct KeyFunction(Arc<Hashing>);

impl Key {
    /// Counts all requests together.
    #[must_use]
    pub const fn global() -> Self {
        Self::Global
    }

    /// Counts each client address, as found by `address`.
    ///
    /// The address comes from axum's `ConnectInfo<SocketAddr>` (feature `axum`, and
    /// `into_make_service_with_connect_info::<SocketAddr>`), from tonic's `TcpConnectInfo` (feature `tonic`), or from a
    /// [`PeerAddress`](crate::rate_limit::PeerAddress) in the extensions of the request. Without it all callers share
    /// one count: a warning that is logged once says what is missing, and
    /// [`unknown_address`](crate::rate_limit::RateLimitStats::unknown_address) counts such requests. A peer on a Unix
    /// socket has no address; see [`UnixPeer`](crate::rate_limit::UnixPeer).
    #[must_use]
    pub const fn client_address(address: ClientAddress) -> Self {
        Self::ClientAddress(address)
    }

    /// Counts each value of a header, such as an API key.
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self::Header(name)
    }

    /// Counts each value of a cookie.
    #[must_use]
    pub fn cookie(name: impl Into<String>) -> Self {
        Self::Cookie(name.into())
    }

    /// Counts each path, without its query.
    ///
    /// Paths that contain identifiers are numerous: use the route's pattern instead, with
    /// [`Key::function`].
    #[must_use]
    pub const fn path() -> Self {
        Self::Path
    }

    /// Counts each method.
    #[must_use]
    pub const fn method() -> Self {
        Self::Method
    }

    /// Counts each value that `function` returns.
    #[must_use]
    pub fn function<T: Hash>(
        function: impl Fn(RequestHead<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        Self::hashing(move |head, hasher| function(head).hash(hasher))
    }

    /// Counts each value that `function` feeds to the hasher, for keys borrowed from the request.
    #[must_use]
    pub fn hashing(
        function: impl Fn(RequestHead<'_>, &mut DefaultHasher) + Send + Sync + 'static,
    ) -> Self {
        Self::Function(KeyFunction(Arc::new(function)))
    }

    /// Counts each combination of `keys`.
    #[must_use]
    pub fn all(keys: impl IntoIterator<Item = Self>) -> Self {
        Self::All(keys.into_iter().collect())
    }

    pub(super) const fn is_global(&self) -> bool {
        matches!(self, Self::Global)
    }

    /// Hashes the key of a request; returns true if a client address was needed and is unknown.
    pub(super) fn hash(&self, head: RequestHead<'_>, hasher: &mut DefaultHasher) -> bool {
        match self {
            Self::All(keys) => {
                // Not short-circuited: every key has to be hashed.
                let hash = |nowhere, key: &Self| nowhere | key.hash(head, hasher);
                return keys.iter().fold(false, hash);
            }
            Self::ClientAddress(policy) => {
                let address = policy.of(head);
                // An unknown address is hashed as `None`, so that such requests share one count.
                address.hash(hasher);
                return address.is_none();
            }
            Self::Cookie(name) => cookie(head.headers(), name).hash(hasher),
            Self::Function(function) => (function.0)(head, hasher),
            Self::Global => {}
            Self::Header(name) => head.headers().get(name).hash(hasher),
            Self::Method => head.method().hash(hasher),
            Self::Path => head.uri().path().hash(hasher),
        }
        false
    }
}

impl Debug for KeyFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFunction(..)")
    }
}
