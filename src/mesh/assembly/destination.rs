use std::sync::Arc;

use arc_swap::ArcSwap;
use http::uri::Authority;
#[cfg(feature = "reqwest")]
use hyper_util::client::legacy::connect::HttpConnector;

use super::names::{First, Names, is_followed};
use super::options::Options;
use crate::Endpoints;
use crate::base::{Cause, Endpoint};
use crate::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use crate::istio::plan::{
    DestinationPlan, DnsPlan, EndpointPlan, EndpointsPlan, PoolPlan, RetriesPlan,
};
use crate::load_balance::LoadBalancePolicy;
use crate::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
#[cfg(feature = "reqwest")]
use crate::pool::{Pool, PoolPolicy};
use crate::retry::{RetryBudget, RetryPolicy};
use crate::traffic_split::Destination;

/// Which destination is meant.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    destination: Destination,
    /// Whether no route names it.
    is_unnamed: bool,
    /// That of the request, if the destination says none; none at a gateway: strangers would choose it.
    request_port: Option<u16>,
}

impl Key {
    pub(super) fn named(destination: &Destination, request_port: Option<u16>) -> Self {
        Self {
            destination: destination.clone(),
            is_unnamed: false,
            request_port: request_port.filter(|_| destination.port().is_none()),
        }
    }

    pub(super) fn unnamed(host: &str, port: u16) -> Self {
        Self {
            destination: Destination::new(host),
            is_unnamed: true,
            request_port: Some(port),
        }
    }

    pub(super) const fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(super) const fn is_unnamed(&self) -> bool {
        self.is_unnamed
    }

    pub(super) const fn request_port(&self) -> Option<u16> {
        self.request_port
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.destination.port().or(self.request_port)
    }

    /// The address that it has if nothing but its name is known.
    fn authority(&self) -> Option<Authority> {
        let host = self.destination.host();
        match self.port() {
            Some(port) => format!("{host}:{port}").parse().ok(),
            None => host.parse().ok(),
        }
    }
}

/// What a destination remembers, whichever route and client leads there, and whatever its settings
/// become.
#[derive(Debug)]
pub(super) struct DestinationState {
    budget: RetryBudget,
    detector: OutlierDetector,
    endpoints: Endpoints,
    key: Key,
    limit: ConcurrencyLimitLayer,
    names: Names,
    options: Options,
    plan: ArcSwap<DestinationPlan>,
    #[cfg(feature = "reqwest")]
    pool: std::sync::OnceLock<Pool>,
}

impl DestinationState {
    pub(super) fn new(key: Key, plan: DestinationPlan, options: &Options) -> Self {
        let endpoints = Endpoints::fixed(list(&key, &plan));
        let detector = OutlierDetector::made(
            plan.outlier.clone(),
            endpoints.clone(),
            Arc::clone(&options.observe),
            options.dice(&key.destination.to_string()),
        );
        Self {
            budget: RetryBudget::default().shared(),
            detector,
            endpoints,
            limit: ConcurrencyLimitLayer::observed(
                plan.limit.clone(),
                Arc::clone(&options.observe),
            ),
            key,
            names: Names::default(),
            options: options.clone(),
            plan: ArcSwap::from_pointee(plan),
            #[cfg(feature = "reqwest")]
            pool: std::sync::OnceLock::new(),
        }
    }

    /// What there is of a host of which no document says anything.
    pub(super) fn passing(key: Key, options: &Options) -> Self {
        let plan = DestinationPlan {
            balance: LoadBalancePolicy::off(),
            endpoints: EndpointsPlan::ByName,
            limit: ConcurrencyLimitPolicy::off(),
            outlier: OutlierDetectionPolicy::off(),
            pool: PoolPlan::default(),
            retries: RetriesPlan::default(),
            tls: None,
        };
        Self::new(key, plan, options)
    }

    /// Makes `plan` the one that counts for whoever asks from now on.
    pub(super) fn plan_anew(&self, plan: DestinationPlan) {
        self.plan.store(Arc::new(plan));
    }

    /// Does what the plan says from now on, and forgets nothing that still makes sense. It tells
    /// observers, so no lock may be held.
    pub(super) fn follow_plan(&self) {
        let plan = self.plan.load();
        let followed = followed(&plan);
        self.names.forget_all_but(followed);
        if followed.is_empty() {
            self.endpoints.update(list(&self.key, &plan));
        }
        self.detector.reconfigure(plan.outlier.clone());
        self.limit.reconfigure(plan.limit.clone());
        #[cfg(feature = "reqwest")]
        if let Some(pool) = self.pool.get() {
            pool.reconfigure(policy(&plan.pool));
        }
    }

    /// Ends the ejections of a destination that is gone: what is left of it is freed later.
    pub(super) fn retire(&self) {
        self.detector.reconfigure(OutlierDetectionPolicy::off());
    }

    /// Has its names be followed, if its endpoints are their addresses. Called where requests are, since
    /// it needs their runtime.
    pub(super) fn follow_names(&self) -> Option<Arc<First>> {
        let plan = self.plan.load();
        let followed = followed(&plan);
        if followed.is_empty() {
            return None;
        }
        self.names.follow(followed, &self.endpoints, &self.options)
    }

    /// Returns the connections of all clients to it, whose limits they share.
    #[cfg(feature = "reqwest")]
    pub(super) fn pool(&self) -> Pool {
        let policy = policy(&self.plan.load().pool);
        let pool = self.pool.get_or_init(|| {
            let mut connector = HttpConnector::new();
            connector.set_nodelay(true);
            Pool::observed(policy, connector, Arc::clone(&self.options.observe))
        });
        // The plan may be newer than the pool.
        pool.reconfigure(policy);
        pool.clone()
    }

    /// Returns why nothing of it can be reached, as far as that is known.
    pub(super) fn cause(&self) -> Option<Cause> {
        if self.endpoints.is_empty()
            && let Some(why) = self.names.unresolved()
        {
            return Some(Cause::Name(why));
        }
        #[cfg(feature = "reqwest")]
        if let Some(failure) = self.pool.get().and_then(Pool::last_failure) {
            return Some(Cause::Connection(failure.with_sources().into()));
        }
        None
    }

    pub(super) const fn detector(&self) -> &OutlierDetector {
        &self.detector
    }

    pub(super) const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    pub(super) const fn limit(&self) -> &ConcurrencyLimitLayer {
        &self.limit
    }

    pub(super) fn plan(&self) -> Arc<DestinationPlan> {
        self.plan.load_full()
    }

    /// Returns how a route's requests to it are tried again: as the route says, and no more at a time
    /// than the destination allows to all routes together.
    pub(super) fn retry(&self, route: &RetryPolicy) -> RetryPolicy {
        let retries = self.plan.load().retries;
        let budget = match retries.budget {
            Some((share, min)) => RetryBudget::concurrent(share, min),
            None => route.budget().clone(),
        };
        let policy = route
            .clone()
            .with_budget(budget.with_state_of(&self.budget));
        match retries.max_parallel {
            Some(max) => policy.with_max_parallel(max),
            None => policy,
        }
    }
}

/// Returns the names whose addresses are the endpoints.
fn followed(plan: &DestinationPlan) -> &[DnsPlan] {
    match &plan.endpoints {
        EndpointsPlan::Dns(names) if names.iter().all(is_followed) => names,
        _ => &[],
    }
}

#[cfg(feature = "reqwest")]
fn policy(plan: &PoolPlan) -> PoolPolicy {
    PoolPolicy::off()
        .with_connect_timeout(plan.connect_timeout.unwrap_or_default())
        .with_idle_timeout(plan.idle_timeout.unwrap_or_default())
        .with_max_connection_duration(plan.max_connection_duration.unwrap_or_default())
        .with_http2(plan.http2)
        .with_max_connections(plan.max_connections.unwrap_or_default())
        .with_max_pending(plan.max_pending.unwrap_or_default())
        .with_max_requests_per_connection(plan.max_requests_per_connection.unwrap_or_default())
        .with_one_per_authority(true)
}

/// Returns where a destination is reached, as far as that is known without asking for names.
///
/// Names that are not followed stand for themselves: whoever connects looks them up.
fn list(key: &Key, plan: &DestinationPlan) -> Vec<Endpoint> {
    match &plan.endpoints {
        EndpointsPlan::ByName => key.authority().map(Endpoint::from).into_iter().collect(),
        EndpointsPlan::Dns(names) => {
            let stays = names.iter().filter(|name| !is_followed(name));
            let plans = stays.map(|name| EndpointPlan {
                address: format!("{}:{}", name.name, name.port).into(),
                labels: name.labels.clone(),
                weight: name.weight,
            });
            plans.filter_map(|plan| plan.endpoint()).collect()
        }
        EndpointsPlan::Fixed(plans) => plans.iter().filter_map(EndpointPlan::endpoint).collect(),
        EndpointsPlan::Unknown => Vec::new(),
    }
}
