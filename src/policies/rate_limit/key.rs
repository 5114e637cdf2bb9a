use std::fmt::{self, Debug, Formatter};
use std::hash::{DefaultHasher, Hash};
use std::sync::Arc;

use http::HeaderName;

use crate::foundation::http::cookie::cookie;
use crate::foundation::http::{ClientAddress, RequestHead};

/// Whom a limit is counted for.
///
/// Keys are hashed straight from the request, with a hash that differs in every limiter, so that
/// nobody can choose a key that meets another's. Requests that do not have what a key asks for share
/// one count.
#[non_exhaustive]
#[derive(Clone, Debug, Default)]
pub enum Key {
    /// Several together: their combination counts.
    All(Vec<Self>),
    /// The address of the caller.
    ClientAddress(ClientAddress),
    /// The first cookie of this name.
    Cookie(String),
    /// Whatever a function makes of the request; see [`Key::function`].
    Function(KeyFunction),
    /// Everybody together.
    #[default]
    Global,
    /// The first header of this name.
    Header(HeaderName),
    /// The method.
    Method,
    /// The path, without the query.
    Path,
}

/// What a request's key is hashed with.
type Hashing = dyn Fn(RequestHead<'_>, &mut DefaultHasher) + Send + Sync;

/// A function that makes a key of a request.
#[derive(Clone)]
pub struct KeyFunction(Arc<Hashing>);

impl Key {
    /// Counts for everybody together.
    #[must_use]
    pub const fn global() -> Self {
        Self::Global
    }

    /// Counts for each address of a caller, as `address` finds it.
    ///
    /// Where it is not known, because the server was started without
    /// `into_make_service_with_connect_info` and no [`PeerAddress`](crate::PeerAddress) was put into
    /// the request, all callers share one count; a warning is logged once.
    #[must_use]
    pub const fn client_address(address: ClientAddress) -> Self {
        Self::ClientAddress(address)
    }

    /// Counts for each value of a header, such as an API key's.
    #[must_use]
    pub const fn header(name: HeaderName) -> Self {
        Self::Header(name)
    }

    /// Counts for each value of a cookie.
    #[must_use]
    pub fn cookie(name: impl Into<String>) -> Self {
        Self::Cookie(name.into())
    }

    /// Counts for each path, without its query.
    ///
    /// Where paths hold identifiers there are many: take the route's pattern instead, with
    /// [`Key::function`].
    #[must_use]
    pub const fn path() -> Self {
        Self::Path
    }

    /// Counts for each method.
    #[must_use]
    pub const fn method() -> Self {
        Self::Method
    }

    /// Counts for each value that `function` returns.
    #[must_use]
    pub fn function<T: Hash>(
        function: impl Fn(RequestHead<'_>) -> T + Send + Sync + 'static,
    ) -> Self {
        Self::hashing(move |head, hasher| function(head).hash(hasher))
    }

    /// Counts for whatever `function` feeds to the hasher: a key that is borrowed from the request.
    #[must_use]
    pub fn hashing(
        function: impl Fn(RequestHead<'_>, &mut DefaultHasher) + Send + Sync + 'static,
    ) -> Self {
        Self::Function(KeyFunction(Arc::new(function)))
    }

    /// Counts for each combination of `keys`.
    #[must_use]
    pub fn all(keys: impl IntoIterator<Item = Self>) -> Self {
        Self::All(keys.into_iter().collect())
    }

    pub(super) const fn is_global(&self) -> bool {
        matches!(self, Self::Global)
    }

    /// Hashes the key of a request; says whether the caller's address was asked for and not known.
    pub(super) fn hash(&self, head: RequestHead<'_>, hasher: &mut DefaultHasher) -> bool {
        match self {
            Self::All(keys) => {
                let hash = |nowhere, key: &Self| nowhere | key.hash(head, hasher);
                return keys.iter().fold(false, hash);
            }
            Self::ClientAddress(policy) => {
                let address = policy.of(head);
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
