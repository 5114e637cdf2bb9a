use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use http::{Request, Version};
use tower_layer::Layer;
use tower_service::Service;

use super::RequestBody;
use super::at_endpoint::AtEndpoint;
use super::consumed;
use super::destination::{DestinationState, Key};
use super::mirrors::MirroredBody;
use super::options::Options;
use super::proxy::{Proxy, Role};
use super::resolved::Resolved;
use super::transport::{Connector, MakeTransport, Site};
use crate::concurrency_limit::ConcurrencyLimit;
use crate::istio::plan::{DestinationPlan, EndpointsPlan};
use crate::load_balance::LoadBalance;
use crate::mirror::CopyBody;
use crate::retry::ReplayBody;

/// What every request to a destination goes through: its limit, and where it is.
pub(super) type Reach<S> = ConcurrencyLimit<Targets<S>>;

/// Where a destination is: its names, its balancer, its endpoints.
pub(super) type Targets<S> = Resolved<LoadBalance<AtEndpoint<S>>>;

/// A destination as one client reaches it.
#[derive(Debug)]
pub(super) struct Reached<S> {
    balance: LoadBalance<AtEndpoint<S>>,
    plan: Arc<DestinationPlan>,
    site: Site,
    way: Way<S>,
}

/// The way to a destination.
#[derive(Clone, Debug)]
pub(super) struct Way<S> {
    /// Stays the same while its balancer and its transport do.
    pub(super) id: u64,
    pub(super) targets: Targets<S>,
    pub(super) state: Arc<DestinationState>,
}

impl<S> Way<S> {
    /// Returns the service of requests that nothing else is put around.
    pub(super) fn service(self) -> Reach<S> {
        self.state.limit().layer(self.targets)
    }
}

impl<S: Clone + Send + Sync + 'static> Reached<S> {
    /// Makes the way to a destination; what `old` has of it goes on. `None` if nobody knows what the
    /// destination is.
    pub(super) fn new(
        key: &Key,
        state: Arc<DestinationState>,
        old: Option<&Self>,
        connector: &Connector<S>,
        proxy: &Proxy,
    ) -> Option<Self> {
        let (namespace, options) = (&proxy.subject.namespace, &proxy.options);
        let plan = state.plan();
        if plan.endpoints == EndpointsPlan::Unknown {
            return None;
        }
        let mut site = Site::new(key.destination().host(), &plan);
        if proxy.role == Role::Gateway
            && let Some(tls) = &mut site.tls
        {
            // The name that strangers call a gateway by is not that of the service behind it.
            tls.sni
                .get_or_insert_with(|| key.destination().host().into());
        }
        let old = old.filter(|old| Arc::ptr_eq(&old.way.state, &state) && old.site == site);
        let (id, balance) = if let Some(old) = old {
            old.balance.reconfigure(plan.balance.clone());
            (old.way.id, old.balance.clone())
        } else {
            let transport = connector.connect(&site, &state);
            let way = balance(key, &state, &plan, transport, namespace, options);
            (next_id(), way)
        };
        let watched = balance.clone();
        let watched = if plan.outlier.is_on() {
            watched.with_observer(state.detector().clone())
        } else {
            watched
        };
        let targets = Resolved::new(state.follow_names(), watched);
        Some(Self {
            balance,
            plan,
            site,
            way: Way { id, targets, state },
        })
    }

    pub(super) fn way(&self) -> Way<S> {
        self.way.clone()
    }

    /// Returns the way if it is the one that `state` says.
    pub(super) fn current(&self, state: &Arc<DestinationState>) -> Option<Way<S>> {
        let is_same = Arc::ptr_eq(&self.way.state, state);
        (is_same && Arc::ptr_eq(&self.plan, &state.plan())).then(|| self.way())
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn balance<S: Clone + Send + Sync + 'static>(
    key: &Key,
    state: &DestinationState,
    plan: &DestinationPlan,
    transport: MakeTransport<S>,
    namespace: &str,
    options: &Options,
) -> LoadBalance<AtEndpoint<S>> {
    let host = key.destination().host();
    let is_by_name = plan.endpoints == EndpointsPlan::ByName;
    // A host that nobody names is reached as the request says: that is what passing through means. Of
    // one with a `*`, too, only the request knows which it is.
    let as_addressed = is_by_name && (key.is_unnamed() || host.starts_with('*'));
    let aliases: Arc<[Box<str>]> = if is_by_name {
        aliases(host, namespace).into()
    } else {
        [].into()
    };
    let tls = plan.tls.is_some();
    let balance = LoadBalance::observed(
        plan.balance.clone(),
        state.endpoints().clone(),
        move |endpoint| {
            let address = (!as_addressed).then(|| endpoint.address().clone());
            AtEndpoint::new(address, Arc::clone(&aliases), tls, transport(endpoint))
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
/// Where nothing but the name of a host is known, a request for it goes where it says: outside Kubernetes
/// the short name may be the only one that anybody can look up.
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

/// Gives the tries of a request the body that transports take, and the version that they speak unless they
/// negotiate another: the caller's is that of another connection.
#[derive(Clone, Debug)]
pub struct ToTransport<S> {
    inner: S,
}

impl<S> ToTransport<S> {
    pub(super) const fn new(inner: S) -> Self {
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
    // HTTP/3 is a wish that reqwest fulfils; the others it takes for what the connection must be.
    if request.version() != Version::HTTP_3 {
        *request.version_mut() = Version::HTTP_11;
    }
    request
}

/// Gives copies of requests the body that transports take.
#[derive(Debug)]
pub struct ToMirror<S, B> {
    inner: S,
    body: PhantomData<fn(B)>,
}

impl<S, B> ToMirror<S, B> {
    pub(super) const fn new(inner: S) -> Self {
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
        // A copy is made before the tries are counted, and is never tried again.
        consumed::tell_only_try(request.headers_mut());
        self.inner.call(request)
    }
}
