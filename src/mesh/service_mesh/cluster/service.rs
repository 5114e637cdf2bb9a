use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tower_layer::Layer;

use super::connect::connector::{Connector, MakeTransport, TransportKey};
use super::dns::wait_for_dns::WaitForDns;
use super::endpoint_service::EndpointService;
use super::key::ClusterKey;
use super::source::source;
use super::state::ClusterState;
use crate::istio::config::{ClusterConfig, ClusterDiscovery};
use crate::mesh::service_mesh::options::Options;
use crate::policies::concurrency_limit::ConcurrencyLimit;
use crate::policies::load_balance::{LoadBalance, LoadBalancePolicy};

/// Service of a cluster: its concurrency limit around its balanced endpoints.
pub(in crate::mesh) type LimitedCluster<S> = ConcurrencyLimit<BalancedEndpoints<S>>;

/// Balanced endpoints of a cluster, behind the wait for their names.
pub(in crate::mesh) type BalancedEndpoints<S> = WaitForDns<LoadBalance<EndpointService<S>>>;

/// The proxy that a cluster belongs to, as far as its endpoints depend on it.
#[derive(Clone, Copy, Debug)]
pub(in crate::mesh) struct Owner<'a> {
    /// True for a gateway: it forwards requests of others, under their addresses and names.
    pub(in crate::mesh) is_gateway: bool,
    pub(in crate::mesh) namespace: &'a str,
    pub(in crate::mesh) options: &'a Options,
}

/// One cluster as one client reaches it: its own balancer and transports around the state that all clients share.
#[derive(Debug)]
pub(in crate::mesh) struct Cluster<S> {
    balance: LoadBalance<EndpointService<S>>,
    config: Arc<ClusterConfig>,
    endpoints: BalancedEndpoints<S>,
    /// Number that changes with the balancer or the transport.
    id: u64,
    state: Arc<ClusterState>,
    transport_key: TransportKey,
}

impl<S> Cluster<S> {
    pub(in crate::mesh) const fn id(&self) -> u64 {
        self.id
    }

    pub(in crate::mesh) fn state(&self) -> &ClusterState {
        &self.state
    }

    /// Returns the endpoints without the cluster's concurrency limit, for attempts, which have it in the gate of
    /// their span.
    pub(in crate::mesh) fn endpoints(&self) -> BalancedEndpoints<S> {
        self.endpoints.clone()
    }

    /// Returns the endpoints behind the cluster's concurrency limit, for requests without attempts of their own.
    pub(in crate::mesh) fn limited(&self) -> LimitedCluster<S> {
        self.state.limit().layer(self.endpoints())
    }

    /// Returns true if it was made of `state` and its current configuration.
    pub(in crate::mesh) fn is_current(&self, state: &Arc<ClusterState>) -> bool {
        Arc::ptr_eq(&self.state, state) && Arc::ptr_eq(&self.config, &state.config())
    }
}

impl<S: Clone + Send + Sync + 'static> Cluster<S> {
    /// Creates a cluster and keeps the balancer of `old`, if that has the same state and transport. Returns `None`
    /// if the cluster is unknown.
    pub(in crate::mesh) fn new(
        key: &ClusterKey,
        state: Arc<ClusterState>,
        old: Option<&Self>,
        connector: &Connector<S>,
        owner: Owner<'_>,
    ) -> Option<Self> {
        let config = state.config();
        if config.endpoints == ClusterDiscovery::Unknown {
            return None;
        }
        let transport_key = TransportKey::new(key.destination().host(), &config);
        #[cfg(feature = "mtls")]
        let transport_key = {
            let has_some = owner.options.certificates.is_some();
            transport_key.with_certificates(has_some, connector.is_own)
        };
        let mut transport_key = transport_key;
        if owner.is_gateway
            && let Some(tls) = &mut transport_key.tls
        {
            // Strangers call a gateway by a name that is not in the certificate of the service behind it.
            tls.sni
                .get_or_insert_with(|| key.destination().host().into());
        }
        let old =
            old.filter(|old| Arc::ptr_eq(&old.state, &state) && old.transport_key == transport_key);
        let (id, balance) = if let Some(old) = old {
            old.balance.reconfigure(policy(&config, owner));
            let origin = config.origins.load_balancer.as_ref();
            old.balance.emitter().set_origin(origin);
            (old.id, old.balance.clone())
        } else {
            let transport = connector.connect(&transport_key, &state);
            let policy = policy(&config, owner);
            let transport = (&transport_key, transport);
            let balance = balance(key, &state, (&config, policy), transport, owner);
            (next_id(), balance)
        };
        let watched = balance.clone();
        let watched = if config.outlier.is_on() {
            watched.with_endpoint_observer(state.detector().clone())
        } else {
            watched
        };
        Some(Self {
            balance,
            config,
            endpoints: WaitForDns::new(state.follow_dns(), watched, Arc::clone(&state)),
            id,
            state,
            transport_key,
        })
    }
}

/// Returns how endpoints are chosen. What a workload sends itself has no caller's address: it comes from
/// the workload's own, as a sidecar sees it.
fn policy(config: &ClusterConfig, owner: Owner<'_>) -> LoadBalancePolicy {
    let policy = config.load_balancer.clone();
    if owner.is_gateway {
        policy
    } else {
        policy.with_source(source)
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn balance<S: Clone + Send + Sync + 'static>(
    key: &ClusterKey,
    state: &ClusterState,
    (config, policy): (&ClusterConfig, LoadBalancePolicy),
    (transport_key, transport): (&TransportKey, MakeTransport<S>),
    owner: Owner<'_>,
) -> LoadBalance<EndpointService<S>> {
    let host = key.destination().host();
    let is_by_name = config.endpoints == ClusterDiscovery::ByName;
    // Passthrough of an unnamed host connects to the request's authority. For a host with a `*`, too, only the
    // request has the full name.
    let as_addressed = is_by_name && (key.is_unnamed() || host.starts_with('*'));
    let aliases: Arc<[Box<str>]> = if is_by_name {
        aliases(host, owner.namespace).into()
    } else {
        [].into()
    };
    let transport_key = transport_key.clone();
    let balance = LoadBalance::with_emitter(
        policy,
        state.endpoints().clone(),
        move |endpoint| {
            let address = (!as_addressed).then(|| endpoint.address().clone());
            let tls = transport_key.is_tls(endpoint);
            EndpointService::new(address, Arc::clone(&aliases), tls, transport(endpoint))
        },
        state.emitter(config.origins.load_balancer.clone()),
    );
    match owner
        .options
        .seed(&format!("balance {}", key.destination()))
    {
        Some(seed) => balance.with_seed(seed),
        None => balance,
    }
}

/// Returns the other names by which a workload of `namespace` may call a service of Kubernetes.
///
/// If only the name of a host is known, a request keeps the name that its caller wrote: outside Kubernetes
/// the short name may be the only one that resolves.
fn aliases(host: &str, namespace: &str) -> Vec<Box<str>> {
    let Some((service, _)) = host.split_once(".svc.") else {
        return Vec::new();
    };
    let Some((name, own)) = service.split_once('.') else {
        return Vec::new();
    };
    let mut aliases = vec![service.into(), format!("{service}.svc").into()];
    if own == namespace {
        aliases.push(name.into());
    }
    aliases
}
