use std::sync::Arc;

use arc_swap::ArcSwap;
#[cfg(feature = "reqwest")]
use hyper_util::client::legacy::connect::HttpConnector;

use super::dns::subscription::{DnsSubscription, FirstResolution, is_followed};
use super::key::{ClusterKey, PASSTHROUGH_CLUSTER};
use crate::foundation::endpoints::Endpoint;
use crate::foundation::endpoints::Endpoints;
use crate::foundation::events::Emitter;
use crate::foundation::outcome::{Cause, Origin, Source};
use crate::istio::config::{
    ClusterConfig, ClusterDiscovery, ClusterOrigins, ConnectionPoolConfig, DnsConfig,
    EndpointConfig, Location, RetriesConfig,
};
use crate::mesh::service_mesh::options::Options;
use crate::policies::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use crate::policies::retry::RetryBudget;
#[cfg(feature = "reqwest")]
use crate::transport::pool::{Pool, PoolPolicy};

/// State of one cluster, shared by all routes and clients that lead to it and kept across changes of its
/// configuration.
#[derive(Debug)]
pub(in crate::mesh) struct ClusterState {
    pub(super) budget: RetryBudget,
    detector: OutlierDetector,
    endpoints: Endpoints,
    key: ClusterKey,
    limit: ConcurrencyLimitLayer,
    names: DnsSubscription,
    pub(super) options: Options,
    source: Source,
    pub(super) config: ArcSwap<ClusterConfig>,
    #[cfg(feature = "reqwest")]
    pool: std::sync::OnceLock<Pool>,
}

impl ClusterState {
    /// Creates the state of a cluster of the proxy that `source` names.
    pub(in crate::mesh) fn new(
        key: ClusterKey,
        config: ClusterConfig,
        options: &Options,
        source: &Source,
    ) -> Self {
        let name = key.cluster_name();
        let source = source.clone().with_host(key.destination().host());
        Self::of(key, config, options, source.with_cluster(name))
    }

    fn of(key: ClusterKey, config: ClusterConfig, options: &Options, source: Source) -> Self {
        let emitter = |origin: &Option<Origin>| {
            let source = source.clone().with_origin(origin.clone());
            Emitter::with_source(Arc::clone(&options.observe), source)
        };
        let endpoints = Endpoints::fixed(list(&key, &config));
        let detector = OutlierDetector::from_parts(
            config.outlier.clone(),
            endpoints.clone(),
            emitter(&config.origins.outlier),
            options.rng(&key.destination().to_string()),
        );
        Self {
            budget: RetryBudget::default().shared(),
            detector,
            endpoints,
            limit: ConcurrencyLimitLayer::with_emitter(
                config.limit.clone(),
                emitter(&config.origins.pool),
            ),
            key,
            names: DnsSubscription::default(),
            options: options.clone(),
            source,
            config: ArcSwap::from_pointee(config),
            #[cfg(feature = "reqwest")]
            pool: std::sync::OnceLock::new(),
        }
    }

    /// Creates the state of a host that no document names: no policy applies.
    pub(in crate::mesh) fn passthrough(
        key: ClusterKey,
        options: &Options,
        source: &Source,
    ) -> Self {
        let config = ClusterConfig {
            load_balancer: LoadBalancePolicy::off(),
            endpoints: ClusterDiscovery::ByName,
            limit: ConcurrencyLimitPolicy::off(),
            location: Location::External,
            origins: ClusterOrigins::default(),
            outlier: OutlierDetectionPolicy::off(),
            pool: ConnectionPoolConfig::default(),
            retries: RetriesConfig::default(),
            tls: None,
        };
        let source = source.clone().with_host(key.destination().host());
        Self::of(
            key,
            config,
            options,
            source.with_cluster(PASSTHROUGH_CLUSTER),
        )
    }

    /// Publishes `config` for all later reads.
    pub(in crate::mesh) fn set_config(&self, config: ClusterConfig) {
        self.config.store(Arc::new(config));
    }

    /// Applies the published configuration to the policies and keeps their state where it is still valid. Observers
    /// are called, so the caller must hold no lock.
    pub(in crate::mesh) fn apply_config(&self) {
        let config = self.config.load();
        let followed = followed(&config);
        self.names.retain(followed);
        // With DNS refresh its task writes the endpoints.
        if followed.is_empty() {
            self.endpoints.update(list(&self.key, &config));
        }
        let origins = &config.origins;
        self.detector.reconfigure(config.outlier.clone());
        self.detector.emitter().set_origin(origins.outlier.as_ref());
        self.limit.reconfigure(config.limit.clone());
        self.limit.emitter().set_origin(origins.pool.as_ref());
        #[cfg(feature = "reqwest")]
        if let Some(pool) = self.pool.get() {
            pool.reconfigure(policy(&config.pool));
            pool.emitter().set_origin(origins.pool.as_ref());
        }
    }

    /// Ends the ejections of a removed cluster; its memory is freed later.
    pub(in crate::mesh) fn retire(&self) {
        self.detector.reconfigure(OutlierDetectionPolicy::off());
    }

    /// Starts DNS refresh of its names, if their addresses are its endpoints. Called in requests, because the
    /// refresh task needs their runtime.
    pub(in crate::mesh) fn follow_dns(&self) -> Option<Arc<FirstResolution>> {
        let config = self.config.load();
        let followed = followed(&config);
        if followed.is_empty() {
            return None;
        }
        let emitter = || self.emitter(None);
        self.names
            .follow(followed, &self.endpoints, &self.options, emitter)
    }

    /// Returns the connection pool that all clients share, so that its limits hold for all of them.
    #[cfg(feature = "reqwest")]
    pub(in crate::mesh) fn pool(&self) -> Pool {
        let config = self.config.load();
        let policy = policy(&config.pool);
        let pool = self.pool.get_or_init(|| {
            let mut connector = HttpConnector::new();
            // Nagle's algorithm would delay small requests; Envoy disables it as well.
            connector.set_nodelay(true);
            Pool::with_emitter(policy, connector, self.emitter(config.origins.pool.clone()))
        });
        // The pool may have been made under an older configuration.
        pool.reconfigure(policy);
        pool.clone()
    }

    /// Returns the known reason why no endpoint of it is reachable.
    pub(in crate::mesh) fn cause(&self) -> Option<Cause> {
        if self.endpoints.is_empty()
            && let Some(reason) = self.names.unresolved()
        {
            return Some(Cause::Name(reason));
        }
        #[cfg(feature = "reqwest")]
        if let Some(failure) = self.pool.get().and_then(Pool::last_failure) {
            return Some(Cause::Connection(failure.with_sources().into()));
        }
        None
    }

    /// Returns the connection pool, unless no client has asked for one.
    #[cfg(feature = "reqwest")]
    pub(in crate::mesh) fn known_pool(&self) -> Option<&Pool> {
        self.pool.get()
    }

    pub(in crate::mesh) const fn key(&self) -> &ClusterKey {
        &self.key
    }

    /// Returns its source, without the place of a policy.
    pub(in crate::mesh) const fn source(&self) -> &Source {
        &self.source
    }

    /// Returns an emitter for one of its policies.
    pub(in crate::mesh) fn emitter(&self, origin: Option<Origin>) -> Emitter {
        let source = self.source.clone().with_origin(origin);
        Emitter::with_source(Arc::clone(&self.options.observe), source)
    }

    #[cfg(all(feature = "mtls", feature = "reqwest"))]
    pub(in crate::mesh) const fn certificates(
        &self,
    ) -> Option<&crate::transport::mtls::Certificates> {
        self.options.certificates.as_ref()
    }

    pub(in crate::mesh) const fn detector(&self) -> &OutlierDetector {
        &self.detector
    }

    pub(in crate::mesh) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(in crate::mesh) const fn limit(&self) -> &ConcurrencyLimitLayer {
        &self.limit
    }

    pub(in crate::mesh) fn config(&self) -> Arc<ClusterConfig> {
        self.config.load_full()
    }

    /// Returns its place, as far as the headers of requests depend on it.
    pub(in crate::mesh) fn location(&self) -> Location {
        self.options.location(self.config.load().location)
    }
}

/// Returns the names whose addresses are the endpoints.
fn followed(config: &ClusterConfig) -> &[DnsConfig] {
    match &config.endpoints {
        ClusterDiscovery::Dns(names) if names.iter().all(is_followed) => names,
        _ => &[],
    }
}

#[cfg(feature = "reqwest")]
fn policy(config: &ConnectionPoolConfig) -> PoolPolicy {
    let (interval, timeout) = config.http2_keep_alive.unwrap_or_default();
    PoolPolicy::off()
        .with_connect_timeout(config.connect_timeout.unwrap_or_default())
        .with_idle_timeout(config.idle_timeout.unwrap_or_default())
        .with_max_connection_duration(config.max_connection_duration.unwrap_or_default())
        .with_http2(config.http2)
        .with_http2_keep_alive(interval, timeout)
        .with_max_connections(config.max_connections.unwrap_or_default())
        .with_max_pending(config.max_pending.unwrap_or_default())
        .with_max_requests_per_connection(config.max_requests_per_connection.unwrap_or_default())
        .with_one_per_authority(true)
}

/// Returns the endpoints as far as they are known without DNS.
///
/// A name without DNS refresh is one endpoint, and is resolved for each connection.
fn list(key: &ClusterKey, config: &ClusterConfig) -> Vec<Endpoint> {
    match &config.endpoints {
        ClusterDiscovery::ByName => key.authority().map(Endpoint::from).into_iter().collect(),
        ClusterDiscovery::Dns(names) => {
            let stays = names.iter().filter(|name| !is_followed(name));
            let configs = stays.map(|name| EndpointConfig {
                address: format!("{}:{}", name.name, name.port).into(),
                labels: name.labels.clone(),
                weight: name.weight,
            });
            configs.filter_map(|config| config.endpoint()).collect()
        }
        ClusterDiscovery::Fixed(configs) => configs
            .iter()
            .filter_map(EndpointConfig::endpoint)
            .collect(),
        ClusterDiscovery::Unknown => Vec::new(),
    }
}
