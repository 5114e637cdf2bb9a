use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Request, Version};
use tower_layer::Layer;
use tower_service::Service;

use super::destination::{ClusterKey, ClusterState};
use super::endpoint_service::EndpointService;
use super::wait_for_dns::WaitForDns;
use crate::istio::config::{ClusterConfig, ClusterDiscovery};
use crate::mesh::RequestBody;
use crate::mesh::options::Options;
use crate::mesh::proxy::source::source;
use crate::mesh::proxy::state::{Proxy, Role};
use crate::mesh::router::consumed;
use crate::mesh::router::mirrors::MirroredBody;
use crate::mesh::transport::{Connector, MakeTransport, TransportKey};
use crate::policies::concurrency_limit::ConcurrencyLimit;
use crate::policies::load_balance::{LoadBalance, LoadBalancePolicy};
use crate::policies::mirror::CopyBody;
use crate::policies::retry::ReplayBody;

/// Service of a cluster: its concurrency limit around its balanced endpoints.
pub(in crate::mesh) type LimitedCluster<S> = ConcurrencyLimit<BalancedEndpoints<S>>;

/// Balanced endpoints of a cluster, behind the wait for their names.
pub(in crate::mesh) type BalancedEndpoints<S> = WaitForDns<LoadBalance<EndpointService<S>>>;

/// One client's handle of a cluster.
#[derive(Debug)]
pub(in crate::mesh) struct ClusterHandle<S> {
    balance: LoadBalance<EndpointService<S>>,
    config: Arc<ClusterConfig>,
    key: TransportKey,
    service: ClusterService<S>,
}

/// One client's service of a cluster.
#[derive(Clone, Debug)]
pub(in crate::mesh) struct ClusterService<S> {
    /// Number that changes with the balancer or the transport.
    pub(in crate::mesh) id: u64,
    pub(in crate::mesh) endpoints: BalancedEndpoints<S>,
    pub(in crate::mesh) state: Arc<ClusterState>,
}

impl<S> ClusterService<S> {
    /// Returns the service with the cluster's concurrency limit, for requests without attempts of their own.
    pub(in crate::mesh) fn service(self) -> LimitedCluster<S> {
        self.state.limit().layer(self.endpoints)
    }
}

impl<S: Clone + Send + Sync + 'static> ClusterHandle<S> {
    /// Creates the handle of a cluster and keeps the balancer of `old`, if that has the same state and
    /// transport. Returns `None` if the cluster is unknown.
    pub(in crate::mesh) fn new(
        key: &ClusterKey,
        state: Arc<ClusterState>,
        old: Option<&Self>,
        connector: &Connector<S>,
        proxy: &Proxy,
    ) -> Option<Self> {
        let (namespace, options) = (&proxy.workload.namespace, &proxy.options);
        let config = state.config();
        if config.endpoints == ClusterDiscovery::Unknown {
            return None;
        }
        let mut transport_key = TransportKey::new(key.destination().host(), &config);
        if proxy.role == Role::Gateway
            && let Some(tls) = &mut transport_key.tls
        {
            // Strangers call a gateway by a name that is not in the certificate of the service behind it.
            tls.sni
                .get_or_insert_with(|| key.destination().host().into());
        }
        let old =
            old.filter(|old| Arc::ptr_eq(&old.service.state, &state) && old.key == transport_key);
        let (id, balance) = if let Some(old) = old {
            old.balance.reconfigure(policy(&config, proxy.role));
            (old.service.id, old.balance.clone())
        } else {
            let transport = connector.connect(&transport_key, &state);
            let policy = policy(&config, proxy.role);
            let cluster = balance(
                key,
                &state,
                (&config, policy),
                transport,
                namespace,
                options,
            );
            (next_id(), cluster)
        };
        let watched = balance.clone();
        let watched = if config.outlier.is_on() {
            watched.with_endpoint_observer(state.detector().clone())
        } else {
            watched
        };
        let targets = WaitForDns::new(state.follow_dns(), watched, Arc::clone(&state));
        Some(Self {
            balance,
            config,
            key: transport_key,
            service: ClusterService {
                id,
                endpoints: targets,
                state,
            },
        })
    }

    pub(in crate::mesh) fn service(&self) -> ClusterService<S> {
        self.service.clone()
    }

    /// Returns the service if the handle is for `state` and its current configuration.
    pub(in crate::mesh) fn current(&self, state: &Arc<ClusterState>) -> Option<ClusterService<S>> {
        let is_same = Arc::ptr_eq(&self.service.state, state);
        (is_same && Arc::ptr_eq(&self.config, &state.config())).then(|| self.service())
    }
}

/// Returns the load-balancing policy. A workload's own requests have no caller's address: the source is the
/// workload's own address, as a sidecar sees it.
fn policy(config: &ClusterConfig, role: Role) -> LoadBalancePolicy {
    let policy = config.load_balancer.clone();
    match role {
        Role::Gateway => policy,
        Role::Workload => policy.with_source(source),
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
    transport: MakeTransport<S>,
    namespace: &str,
    options: &Options,
) -> LoadBalance<EndpointService<S>> {
    let host = key.destination().host();
    let is_by_name = config.endpoints == ClusterDiscovery::ByName;
    // Passthrough of an unnamed host connects to the request's authority. For a host with a `*`, too, only the
    // request has the full name.
    let as_addressed = is_by_name && (key.is_unnamed() || host.starts_with('*'));
    let aliases: Arc<[Box<str>]> = if is_by_name {
        aliases(host, namespace).into()
    } else {
        [].into()
    };
    let tls = config.tls.is_some();
    let balance = LoadBalance::with_observer(
        policy,
        state.endpoints().clone(),
        move |endpoint| {
            let address = (!as_addressed).then(|| endpoint.address().clone());
            EndpointService::new(address, Arc::clone(&aliases), tls, transport(endpoint))
        },
        Arc::clone(&options.observe),
    );
    match options.seed(&format!("balance {}", key.destination())) {
        Some(seed) => balance.with_seed(seed),
        None => balance,
    }
}

/// Returns the other names by which a workload of `namespace` may call a service of Kubernetes.
///
/// Where only the name of a host is known, a request keeps the name that its caller wrote: outside Kubernetes
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

/// Converts attempts to the body of the transport, and to the HTTP version that the transport uses unless it
/// negotiates another: the caller's version belongs to another connection.
#[derive(Clone, Debug)]
pub struct ToTransport<S> {
    inner: S,
}

impl<S> ToTransport<S> {
    pub(in crate::mesh) const fn new(inner: S) -> Self {
        Self { inner }
    }
}

impl<S, B> Service<Request<ReplayBody<MirroredBody<B>>>> for ToTransport<S>
where
    S: Service<Request<RequestBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<ReplayBody<MirroredBody<B>>>) -> Self::Future {
        self.inner
            .call(of_this_hop(request.map(RequestBody::request)))
    }
}

fn of_this_hop<B>(mut request: Request<B>) -> Request<B> {
    // reqwest treats HTTP/3 as a preference, and the other versions as a requirement on the connection.
    if request.version() != Version::HTTP_3 {
        *request.version_mut() = Version::HTTP_11;
    }
    request
}

/// Converts mirrored copies to the body of the transport.
#[derive(Debug)]
pub struct ToMirror<S, B> {
    inner: S,
    body: PhantomData<fn(B)>,
}

impl<S, B> ToMirror<S, B> {
    pub(in crate::mesh) const fn new(inner: S) -> Self {
        Self {
            inner,
            body: PhantomData,
        }
    }
}

impl<S: Clone, B> Clone for ToMirror<S, B> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone())
    }
}

impl<S, B> Service<Request<CopyBody>> for ToMirror<S, B>
where
    S: Service<Request<RequestBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<CopyBody>) -> Self::Future {
        let mut request = of_this_hop(request.map(RequestBody::copy));
        // A copy is made outside the retry, so no layer counts its attempts: it has exactly one.
        consumed::tell_only_try(request.headers_mut());
        self.inner.call(request)
    }
}
