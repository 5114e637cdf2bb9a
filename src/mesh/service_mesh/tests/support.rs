//! Plans that are written by hand, and upstreams that remember what they were asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use tower_service::Service;

use super::super::options::Options;
use super::super::{Change, Mesh, RequestBody};
use crate::foundation::events::Observe;
use crate::foundation::matching::HostPattern;
use crate::foundation::outcome::Rejection;
use crate::istio::Documents;
use crate::istio::config::{
    ClusterConfig, ClusterDiscovery, ClusterOrigins, ConfigScope, ConnectionPoolConfig,
    EndpointConfig, GatewayConfig, InboundConfig, LocalRateLimitConfig, Location, OutboundConfig,
    RetriesConfig, RouteConfig, RouteOrigins, VirtualHostConfig, WorkloadId,
};
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::translation::Settings;
use crate::mesh::service_mesh::proxy::config::config_source::ConfigSource;
use crate::mesh::service_mesh::state::change::Cause;
use crate::mesh::service_mesh::state::mesh_state::MeshState;
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::fault_injection::FaultInjectionPolicy;
use crate::policies::load_balance::LoadBalancePolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::{Backoff, RetryBudget, RetryOn, RetryPolicy};
use crate::policies::timeout::TimeoutPolicy;
use crate::policies::traffic_split::{Destination, Route};

pub(super) type Text = Full<Bytes>;

/// Plans as a test writes them.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) hosts: Vec<Arc<VirtualHostConfig>>,
    pub(super) destinations: HashMap<String, ClusterConfig>,
    pub(super) unnamed: HashMap<String, ClusterConfig>,
    pub(super) limits: Vec<LocalRateLimitConfig>,
    pub(super) unknown_refused: bool,
    pub(super) inbound: Vec<LocalRateLimitConfig>,
    pub(super) gateway: Option<GatewayConfig>,
}

impl Script {
    /// Adds a host with its routes.
    pub(super) fn host(
        mut self,
        name: &str,
        routes: impl IntoIterator<Item = RouteConfig>,
    ) -> Self {
        self.hosts.push(Arc::new(VirtualHostConfig {
            id: name.into(),
            host: name.into(),
            names: vec![HostPattern::parse(name).unwrap()],
            origin: None,
            routes: routes.into_iter().collect(),
        }));
        self
    }

    /// Says what a destination is, by its host or by host and subset (`host|subset`).
    pub(super) fn destination(mut self, name: &str, config: ClusterConfig) -> Self {
        self.destinations.insert(name.to_owned(), config);
        self
    }
}

impl ConfigSource for Script {
    fn scope(&self, _: &WorkloadId) -> Option<ConfigScope> {
        None
    }

    fn outbound(&self, _: &WorkloadId) -> OutboundConfig {
        OutboundConfig {
            hosts: self.hosts.clone(),
            unknown_rejected: self.unknown_refused,
            limits: self.limits.clone(),
        }
    }

    fn destination(&self, _: &WorkloadId, to: &Destination, _: Option<u16>) -> ClusterConfig {
        let name = match to.subset() {
            Some(subset) => format!("{}|{subset}", to.host()),
            None => to.host().to_owned(),
        };
        self.destinations
            .get(&name)
            .cloned()
            .unwrap_or_else(by_name)
    }

    fn unnamed(&self, _: &WorkloadId, host: &str, _: u16) -> Option<ClusterConfig> {
        self.unnamed.get(host).cloned()
    }

    fn inbound(&self, _: &WorkloadId) -> InboundConfig {
        InboundConfig {
            authorization: Vec::new(),
            limits: self.inbound.clone(),
            ..InboundConfig::default()
        }
    }

    fn gateway(&self, _: &str, _: &str) -> Option<GatewayConfig> {
        self.gateway.clone()
    }
}

pub(super) fn mesh(script: Script) -> Mesh {
    observed(script, Arc::new(()))
}

pub(super) fn observed(script: Script, observe: Arc<dyn Observe>) -> Mesh {
    let options = Options {
        observe,
        seed: Some(7),
        ..Options::default()
    };
    let documents = Documents::from_yaml("");
    let (load_options, settings) = (LoadOptions::default(), Settings::default());
    Mesh {
        state: Arc::new(MeshState::from_source(
            documents,
            Arc::new(script),
            load_options,
            settings,
            options,
        )),
    }
}

/// Puts other plans in place.
pub(super) fn change(mesh: &Mesh, script: Script) -> Change {
    let documents = Documents::from_yaml("");
    mesh.state
        .apply_source(documents, Arc::new(script), Cause::Applied)
}

pub(super) fn route(to: Route) -> RouteConfig {
    RouteConfig {
        route: to,
        cors: None,
        fault: FaultInjectionPolicy::off(),
        limits: Vec::new(),
        limits_replace: false,
        mirrors: Vec::new(),
        origins: RouteOrigins::default(),
        retry: RetryPolicy::off(),
        timeout: TimeoutPolicy::off(),
    }
}

pub(super) fn to(host: &str) -> RouteConfig {
    route(Route::to(Destination::new(host)))
}

/// Tries again at once, on 5xx.
pub(super) fn retries(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_backoff(Backoff::constant(Duration::from_millis(10)))
        .with_budget(RetryBudget::unlimited())
        .with_retry_on(RetryOn::parse("5xx").unwrap())
}

pub(super) fn by_name() -> ClusterConfig {
    ClusterConfig {
        load_balancer: LoadBalancePolicy::default(),
        endpoints: ClusterDiscovery::ByName,
        limit: ConcurrencyLimitPolicy::off(),
        location: Location::Internal,
        origins: ClusterOrigins::default(),
        outlier: OutlierDetectionPolicy::off(),
        pool: ConnectionPoolConfig::default(),
        retries: RetriesConfig::default(),
        tls: None,
    }
}

pub(super) fn at(addresses: &[&str]) -> ClusterConfig {
    let configs = addresses.iter().map(|address| EndpointConfig {
        address: (*address).into(),
        labels: std::collections::BTreeMap::new(),
        weight: 1,
    });
    ClusterConfig {
        endpoints: ClusterDiscovery::Fixed(configs.collect()),
        ..by_name()
    }
}

pub(super) fn breaker(config: ClusterConfig) -> ClusterConfig {
    let outlier = OutlierDetectionPolicy::default().with_consecutive_5xx(2);
    ClusterConfig { outlier, ..config }
}

pub(super) fn limit(id: &str, policy: RateLimitPolicy) -> LocalRateLimitConfig {
    LocalRateLimitConfig {
        id: id.into(),
        origin: None,
        policy,
        port: None,
        route: None,
    }
}

/// Request that an upstream received.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    pub(super) uri: Uri,
}

impl Asked {
    pub(super) fn host(&self) -> &str {
        self.headers
            .get("host")
            .map_or("", |host| host.to_str().unwrap())
    }
}

/// Response of an upstream to a request.
type Answers = Arc<dyn Fn(&Asked) -> Reply + Send + Sync>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) after: Duration,
    pub(super) status: StatusCode,
}

impl From<u16> for Reply {
    fn from(status: u16) -> Self {
        Self {
            after: Duration::ZERO,
            status: StatusCode::from_u16(status).unwrap(),
        }
    }
}

impl Reply {
    pub(super) fn after(self, millis: u64) -> Self {
        let after = Duration::from_millis(millis);
        Self { after, ..self }
    }
}

/// Transport to every endpoint; clones share the requests.
#[derive(Clone)]
pub(super) struct Upstream {
    answers: Answers,
    asked: Arc<Mutex<Vec<Asked>>>,
    finished: Arc<AtomicUsize>,
}

impl Upstream {
    pub(super) fn new<R: Into<Reply>>(
        answers: impl Fn(&Asked) -> R + Send + Sync + 'static,
    ) -> Self {
        Self {
            answers: Arc::new(move |asked| answers(asked).into()),
            asked: Arc::default(),
            finished: Arc::default(),
        }
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the number of answered requests.
    pub(super) fn finished(&self) -> usize {
        self.finished.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Text>, Infallible>> + Send>>;

impl Service<Request<RequestBody<Text>>> for Upstream {
    type Response = Response<Text>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<Text>>) -> Answering {
        let this = self.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let asked = Asked {
                body: body
                    .collect()
                    .await
                    .map(http_body_util::Collected::to_bytes)
                    .unwrap_or_default(),
                headers: head.headers,
                uri: head.uri,
            };
            let reply = (this.answers)(&asked);
            this.asked.lock().unwrap().push(asked);
            tokio::time::sleep(reply.after).await;
            this.finished.fetch_add(1, Ordering::Relaxed);
            let mut response = Response::new(Full::from("hello"));
            *response.status_mut() = reply.status;
            Ok(response)
        })
    }
}

pub(super) fn get(uri: &str) -> Request<Text> {
    Request::get(uri).body(Full::default()).unwrap()
}

/// Sends a request, reads the answer to its end, and returns status and rejection.
pub(super) async fn send<S, R>(service: &S, request: Request<Text>) -> (u16, Option<Rejection>)
where
    S: Service<Request<Text>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let response = tower::ServiceExt::oneshot(service.clone(), request)
        .await
        .unwrap();
    let (status, rejection) = (
        response.status().as_u16(),
        Rejection::of(&response).copied(),
    );
    response.into_body().collect().await.unwrap();
    (status, rejection)
}

pub(super) async fn status<S, R>(service: &S, uri: &str) -> u16
where
    S: Service<Request<Text>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    send(service, get(uri)).await.0
}
