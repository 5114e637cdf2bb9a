use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::connections::{ByTls, Connections, MakeBuilder};
use super::transport::{Connector, Site, Timing};
use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::client::{Body, Client, Transport};

/// How many transports are kept that differ in their times.
const MAX_TIMINGS: usize = 64;

/// The client of a [`Workload`].
pub type MeshClient = Client<WorkloadService<Connections, Body>>;

impl Workload {
    /// Returns what it sends requests with, in reqwest's ways.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn client(&self) -> Result<MeshClient, Error> {
        self.client_with(reqwest::Client::builder)
    }

    /// Returns a client whose connections are as `make` says.
    ///
    /// It is called at once, again for connect and idle timeouts that no destination had before, and
    /// once for each endpoint that is reached by TLS under another name than its address. reqwest's
    /// redirects and retries are turned off: the [client](crate::client) follows redirects, each hop
    /// through its own route.
    ///
    /// A destination whose `connectionPool` limits connections or the requests on them is reached over
    /// plain HTTP through a [pool](crate::pool) and not by reqwest, so what `make` sets does not hold
    /// there. Over TLS it is reqwest that connects, and of those fields only the times hold.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn client_with<M>(&self, make: M) -> Result<MeshClient, Error>
    where
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    {
        Ok(Client::new(outbound(self.proxy(), connector(make)?)))
    }
}

/// Makes the transports of all destinations.
pub(super) fn connector<M>(make: M) -> Result<Connector<Connections>, Error>
where
    M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
{
    let make: MakeBuilder = Arc::new(make);
    // At once, so that what cannot be built is an error of the caller's.
    let plain = Transport::build(make())?;
    let known = Mutex::new(HashMap::from([(Timing::default(), plain.clone())]));
    Ok(Connector::new(move |site: &Site, state| {
        let shared = shared(&known, &make, site).unwrap_or_else(|| plain.clone());
        let pool = site.is_limited.then(|| state.pool());
        let by_tls = ByTls::new(&make, site);
        Box::new(move |endpoint| {
            let own = by_tls.as_ref().map(|by_tls| by_tls.at(endpoint));
            Connections::new(pool.clone(), shared.clone(), own)
        })
    }))
}

/// Returns the transport of all destinations whose connections are made and kept for as long as those of
/// this one.
fn shared(
    known: &Mutex<HashMap<Timing, Transport>>,
    make: &MakeBuilder,
    site: &Site,
) -> Option<Transport> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(transport) = known.get(&site.timing) {
        return Some(transport.clone());
    }
    let built = Transport::build(timed(make(), site.timing));
    let built = built.inspect_err(|error| {
        tracing::warn!("no connections of their own for {}: {error}", site.host);
    });
    let transport = built.ok()?;
    if known.len() >= MAX_TIMINGS {
        known.clear();
    }
    known.insert(site.timing, transport.clone());
    Some(transport)
}

/// Sets what reqwest can do of a pool's limits: how long to connect, how long to stay idle, and whether to
/// keep connections at all.
pub(super) fn timed(builder: reqwest::ClientBuilder, timing: Timing) -> reqwest::ClientBuilder {
    let mut builder = builder;
    if let Some(timeout) = timing.connect {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = timing.idle {
        let timeout = (timeout > Duration::ZERO).then_some(timeout);
        builder = builder.pool_idle_timeout(timeout);
    }
    if timing.is_single {
        builder = builder.pool_max_idle_per_host(0);
    }
    builder
}
