use std::net::SocketAddr;
use std::sync::Arc;

use super::dns_task::start;
use super::lookup::Lookup;
use super::lookup::hickory::HickoryLookup;
use super::{DnsName, DnsPolicy, DnsTask, InvalidName};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::outcome::BoxError;
use crate::foundation::sync::rng::Rng;

/// A DNS resolver that keeps the endpoints of names up to date.
///
/// Clones share connections to the name servers. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Resolver {
    pub(super) rng: Rng,
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) emitter: Emitter,
    pub(super) policy: DnsPolicy,
}

impl Resolver {
    /// Creates a resolver with the system's name servers and hosts file.
    ///
    /// `resolv.conf` and the hosts file are read once, by this call.
    ///
    /// # Errors
    ///
    /// If the system's configuration cannot be read.
    pub fn system(policy: DnsPolicy) -> Result<Self, DnsError> {
        let hickory = HickoryLookup::system(policy.timeout())?;
        Ok(Self::of(policy, Arc::new(hickory)))
    }

    /// Creates a resolver with the given name servers, over UDP, and over TCP for truncated
    /// answers. It uses no hosts file and no search domains.
    ///
    /// # Errors
    ///
    /// If no resolver can be created with them.
    pub fn new(
        policy: DnsPolicy,
        servers: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, DnsError> {
        let hickory = HickoryLookup::of(servers, policy.timeout())?;
        Ok(Self::of(policy, Arc::new(hickory)))
    }

    /// Reports resolution events to `observe`. The default is [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn with_observer(self, observe: Arc<dyn Observe>) -> Self {
        self.with_emitter(Emitter::new(observe))
    }

    /// Reports resolution events to `emitter`, apart from the other clones.
    pub(crate) fn with_emitter(self, emitter: Emitter) -> Self {
        Self { emitter, ..self }
    }

    named!(self => self.emitter.clone());

    /// Resolves a host to a set of endpoints with this port, kept up to date until the handle is
    /// dropped.
    ///
    /// # Errors
    ///
    /// If the text is not a valid name.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn follow(
        &self,
        host: impl Into<Box<str>>,
        port: u16,
    ) -> Result<(Endpoints, DnsTask), InvalidName> {
        Ok(self.follow_all([DnsName::host(host, port)?]))
    }

    /// Resolves the SRV records of a service to a set of endpoints, kept up to date until the
    /// handle is dropped.
    ///
    /// # Errors
    ///
    /// If the text is not a valid name.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn follow_srv(
        &self,
        service: impl Into<Box<str>>,
    ) -> Result<(Endpoints, DnsTask), InvalidName> {
        Ok(self.follow_all([DnsName::srv(service)?]))
    }

    /// Resolves several names to one set of endpoints, kept up to date until the handle is dropped.
    ///
    /// The set is empty until each name has had an answer or a failure, so that no endpoint counts
    /// as newer than the others. After that each name is refreshed independently.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn follow_all(&self, names: impl IntoIterator<Item = DnsName>) -> (Endpoints, DnsTask) {
        let endpoints = Endpoints::fixed(Vec::<Endpoint>::new());
        let task = start(self, names.into_iter().collect(), &endpoints);
        (endpoints, task)
    }

    /// Keeps a set that there is already, of addresses that can be reached.
    #[cfg(feature = "istio")]
    pub(crate) fn spawn_refresh(
        &self,
        endpoints: &Endpoints,
        names: impl IntoIterator<Item = DnsName>,
    ) -> DnsTask {
        let resolver = Self {
            policy: self.policy.with_working_family(true),
            ..self.clone()
        };
        start(&resolver, names.into_iter().collect(), endpoints)
    }

    #[cfg(feature = "istio")]
    pub(crate) const fn policy(&self) -> &DnsPolicy {
        &self.policy
    }

    pub(super) fn of(policy: DnsPolicy, lookup: Arc<dyn Lookup>) -> Self {
        Self {
            rng: Rng::default(),
            lookup,
            emitter: Emitter::default(),
            policy,
        }
    }
}

/// Error of creating a [`Resolver`].
#[derive(Debug, thiserror::Error)]
#[error("no name servers to ask")]
pub struct DnsError(#[source] BoxError);

impl DnsError {
    pub(super) fn of(source: impl Into<BoxError>) -> Self {
        Self(source.into())
    }
}
