use std::net::SocketAddr;
use std::sync::Arc;

use super::dns_task::start;
use super::lookup::Lookup;
use super::lookup::hickory::HickoryLookup;
use super::{DnsError, DnsName, DnsPolicy, DnsTask, InvalidName};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::events::{Observe, TracingObserver};
use crate::foundation::sync::rng::Rng;

/// Finds the endpoints of names, and keeps them up to date.
///
/// Clones share connections to the name servers. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Resolver {
    pub(super) rng: Rng,
    pub(super) lookup: Arc<dyn Lookup>,
    pub(super) observe: Arc<dyn Observe>,
    pub(super) policy: DnsPolicy,
}

impl Resolver {
    /// Creates a resolver that asks the name servers of the system, and its file of hosts before.
    ///
    /// `resolv.conf` and the hosts are read once, now.
    ///
    /// # Errors
    ///
    /// If the system's configuration cannot be read.
    pub fn system(policy: DnsPolicy) -> Result<Self, DnsError> {
        let hickory = HickoryLookup::system(policy.timeout())?;
        Ok(Self::of(policy, Arc::new(hickory)))
    }

    /// Creates a resolver that asks these name servers, over UDP, and over TCP where an answer does not
    /// fit. It reads no file of hosts, and searches for no name elsewhere.
    ///
    /// # Errors
    ///
    /// If they cannot be used.
    pub fn new(
        policy: DnsPolicy,
        servers: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Self, DnsError> {
        let hickory = HickoryLookup::of(servers, policy.timeout())?;
        Ok(Self::of(policy, Arc::new(hickory)))
    }

    /// Tells `observe` what becomes of names. The default is [`TracingObserver`].
    #[must_use]
    pub fn with_observer(self, observe: Arc<dyn Observe>) -> Self {
        Self { observe, ..self }
    }

    /// Keeps a set of the addresses that a host has, each an endpoint with this port, until the handle
    /// is dropped.
    ///
    /// # Errors
    ///
    /// If it cannot be a name.
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

    /// Keeps a set of the hosts and ports that a service has by its SRV records, until the handle is
    /// dropped.
    ///
    /// # Errors
    ///
    /// If it cannot be a name.
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

    /// Keeps a set of the endpoints of several names, until the handle is dropped.
    ///
    /// The set is empty until each name has had an answer or a failure, so that none is new in
    /// comparison to the others. From then on each is asked for in its own time.
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
            observe: Arc::new(TracingObserver),
            policy,
        }
    }
}
