use std::time::Duration;

use super::transport::{Connector, Site};
use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::client::{Body, Client, Transport};
use crate::istio::plan::PoolPlan;

/// The client of a [`Workload`].
pub type MeshClient = Client<WorkloadService<Transport, Body>>;

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
    /// It is called at once, and again for each destination whose connections have limits of their own.
    /// reqwest's redirects and retries are turned off: the [client](crate::client) follows redirects,
    /// each hop through its own route.
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
pub(super) fn connector<M>(make: M) -> Result<Connector<Transport>, Error>
where
    M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
{
    let plain = Transport::build(make())?;
    Ok(Connector::new(move |site: &Site| {
        if site.is_plain() {
            return plain.clone();
        }
        let limited = with_pool(make(), &site.pool);
        Transport::build(limited).unwrap_or_else(|error| {
            tracing::warn!("no connections of their own for {}: {error}", site.host);
            plain.clone()
        })
    }))
}

/// Sets what reqwest can do of a pool's limits: how long to connect, how long to stay idle, and how many
/// idle connections to keep. It opens as many as it needs; what is in flight is limited elsewhere.
fn with_pool(builder: reqwest::ClientBuilder, pool: &PoolPlan) -> reqwest::ClientBuilder {
    let mut builder = builder;
    if let Some(timeout) = pool.connect_timeout {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = pool.idle_timeout {
        let timeout = (timeout > Duration::ZERO).then_some(timeout);
        builder = builder.pool_idle_timeout(timeout);
    }
    let max_idle = match (pool.max_connections, pool.max_requests_per_connection) {
        (_, Some(1)) => Some(0),
        (max, _) => max.and_then(|max| usize::try_from(max).ok()),
    };
    match max_idle {
        Some(max) => builder.pool_max_idle_per_host(max),
        None => builder,
    }
}
