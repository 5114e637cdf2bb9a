//! Keys that are fetched.

pub(crate) mod fetch;
mod policy;
mod schedule;
mod shared;

use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::Guard;
use http::{Request, Response, Uri};
use http_body::Body;
use tower_service::Service;

pub use policy::JwksPolicy;
pub(super) use schedule::Want;
pub(super) use shared::Waiting;

use super::keys::check_provider;
use super::{Jwks, JwksError};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::outcome::BoxError;
use crate::foundation::time::clock;
use fetch::{Fetch, FetchByService, Location, fetch_by};
use shared::{FetchedKeys, Shared};

/// Keys that are fetched from an issuer, and kept up to date.
///
/// The first request that needs keys starts a task, which fetches them, and again after 20 minutes, and which ends with the
/// last clone of the source. While the issuer is away the last keys hold, up to 24 h. A token that none of them verifies has
/// them fetched at once, every 30 s at most. There is never more than one fetch, and all requests without keys wait for it.
/// [`JwksPolicy`] has these times.
///
/// Documents over 1 MiB, answers other than 2xx, redirects among them, and link-local addresses and those of cloud metadata
/// are refused. A `jwks_uri` that an issuer describes may not lead to a private address, unless it is the issuer's own host.
/// A name that leads to such an address is the service's to refuse; that of a mesh does.
///
/// Clones share the keys.
#[derive(Clone)]
pub struct JwksSource {
    shared: Arc<Shared>,
}

/// Reason why keys cannot be fetched from a URI.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JwksUriError {
    /// The address is link-local, one of cloud metadata, or private in a `jwks_uri` that another host describes.
    #[error("keys are not fetched from {0}")]
    Address(IpAddr),
    /// The application has chosen no library for signatures, or several.
    #[error(transparent)]
    NoCryptoProvider(JwksError),
    /// The text is no URI with a host.
    #[error("this is no URI with a host")]
    NoUri,
    /// The scheme is neither `http` nor `https`.
    #[error("keys are fetched by http or https")]
    Scheme,
}

impl JwksSource {
    /// Creates a source of the keys at `uri`, a `jwks_uri`, which `service` fetches, such as a client of hyper or a
    /// `client::Transport`. Nothing is fetched yet.
    ///
    /// # Errors
    ///
    /// If the text is no URI from which keys are fetched, or no library for signatures is chosen.
    pub fn new<S, B, R>(uri: &str, policy: JwksPolicy, service: S) -> Result<Self, JwksUriError>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Default + Send + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let client = by_service(service);
        Self::create(Location::keys(uri)?, policy, client, Emitter::default())
    }

    /// Creates a source of the keys whose place `issuer` describes (`OpenID` Connect Discovery:
    /// `/.well-known/openid-configuration` behind the issuer); otherwise as [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn discover<S, B, R>(
        issuer: &str,
        policy: JwksPolicy,
        service: S,
    ) -> Result<Self, JwksUriError>
    where
        S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
        S::Error: Into<BoxError>,
        S::Future: Send,
        B: Default + Send + 'static,
        R: Body + Send + 'static,
        R::Data: Send,
        R::Error: Into<BoxError>,
    {
        let client = by_service(service);
        Self::create(
            Location::discovery(issuer)?,
            policy,
            client,
            Emitter::default(),
        )
    }

    /// Sets the observer of its fetches. The default is [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn with_observer(self, observe: Arc<dyn Observe>) -> Self {
        self.shared.emitter.set_observer(observe);
        self
    }

    named!(self => self.shared.emitter.clone());

    /// Returns the URI that is fetched first: that of the keys, or that of the issuer's description.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.shared.location.uri()
    }

    /// Returns the time since the keys were fetched; none without keys.
    #[must_use]
    pub fn age(&self) -> Option<Duration> {
        let current = self.shared.current.load();
        let fetched = current.as_ref()?.fetched();
        Some(clock::now().saturating_duration_since(fetched))
    }

    /// Returns the keys that hold now; none before the first fetch, or after an outage of the maximum age.
    #[must_use]
    pub fn keys(&self) -> Option<Jwks> {
        let current = self.shared.current.load();
        current.as_ref().map(|current| current.keys.clone())
    }

    /// Begins the first fetch, so that the first request need not wait for it; without a runtime of tokio around it does
    /// nothing.
    pub fn start(&self) {
        if self.shared.current.load().is_none() {
            let _waiting = self.ask(Want::Any);
        }
    }

    /// Creates a source of the keys at `uri` for a mesh.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(crate) fn at(
        uri: &str,
        policy: JwksPolicy,
        client: Box<dyn Fetch>,
        emitter: Emitter,
    ) -> Result<Self, JwksUriError> {
        Self::create(Location::keys(uri)?, policy, client, emitter)
    }

    /// Creates a source of the keys that an issuer describes for a mesh.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(crate) fn described_by(
        issuer: &str,
        policy: JwksPolicy,
        client: Box<dyn Fetch>,
        emitter: Emitter,
    ) -> Result<Self, JwksUriError> {
        Self::create(Location::discovery(issuer)?, policy, client, emitter)
    }

    fn create(
        location: Location,
        policy: JwksPolicy,
        client: Box<dyn Fetch>,
        emitter: Emitter,
    ) -> Result<Self, JwksUriError> {
        check_provider().map_err(JwksUriError::NoCryptoProvider)?;
        Ok(Self {
            shared: Arc::new(Shared::new(location, policy, client, emitter)),
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.shared.id
    }

    pub(super) fn current(&self) -> Guard<Option<Arc<FetchedKeys>>> {
        self.shared.current.load()
    }

    /// Asks for keys; returns the wait for a fetch, or none if it is too early for one.
    pub(super) fn ask(&self, want: Want) -> Option<Waiting> {
        Shared::ask(&self.shared, want)
    }
}

impl Debug for JwksSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("JwksSource")
            .field("location", &self.shared.location)
            .finish_non_exhaustive()
    }
}

fn by_service<S, B, R>(service: S) -> Box<dyn Fetch>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + Sync + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send,
    B: Default + Send + 'static,
    R: Body + Send + 'static,
    R::Data: Send,
    R::Error: Into<BoxError>,
{
    Box::new(FetchByService(move |uri| -> fetch::Fetching {
        Box::pin(fetch_by(service.clone(), uri))
    }))
}
