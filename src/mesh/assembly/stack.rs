use std::sync::Arc;

use tower_layer::Layer;

use super::forward::{Forward, Sent, Shared};
use super::limits::Limits;
use super::mirrors::Mirrors;
use super::proxy::Role;
use super::reach::ToTransport;
use super::routes::{Copier, Routes};
use crate::base::RequestHead;
use crate::fault_injection::{FaultGate, FaultInjectionLayer};
use crate::gate::And;
use crate::istio::plan::{HostPlan, LimitPlan, RoutePlan};
use crate::retry::RetryLayer;
use crate::timeout::TimeoutLayer;
use crate::traffic_split::{Destination, Prepared};

/// What lets the requests of one route in: its limits, and its faults behind them.
pub(super) type RouteGate = Arc<And<Limits, FaultGate>>;

/// The routes of one host on one port, each with its own stack.
pub(super) struct HostStack<S, B> {
    prepared: Arc<Prepared>,
    routes: Box<[RouteStack<S, B>]>,
}

struct RouteStack<S, B> {
    gate: RouteGate,
    shared: Arc<Shared<S, B>>,
}

impl<S, B> HostStack<S, B> {
    /// Returns the gate of the route that a request takes, and a service of what is behind it: the one
    /// clone that finding it costs.
    pub(super) fn service(&self, head: RequestHead<'_>) -> Option<(&RouteGate, Forward<S, B>)> {
        let place = self.prepared.find(head)?;
        let route = self.routes.get(place.route)?;
        let forward = Forward::new(place, Arc::clone(&route.shared));
        Some((&route.gate, forward))
    }
}

/// What a host's stack is made for.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    pub(super) plan: &'a HostPlan,
    pub(super) port: u16,
    /// Whether no document names it, so that it is not changed in any way.
    pub(super) is_unnamed: bool,
    /// The limits that hold whatever the route.
    pub(super) limits: &'a [LimitPlan],
}

impl<'a> Host<'a> {
    pub(super) const fn unnamed(plan: &'a HostPlan, port: u16, limits: &'a [LimitPlan]) -> Self {
        Self {
            plan,
            port,
            is_unnamed: true,
            limits,
        }
    }
}

impl<S: Clone + Send + Sync + 'static, B> HostStack<S, B> {
    pub(super) fn new(host: Host<'_>, routes: &Routes<S, B>) -> Self {
        let plans = &host.plan.routes;
        let all = plans.iter().map(|plan| plan.route.clone());
        let prepared = Prepared::new(all, !host.is_unnamed).at_ports(routes.listener_ports());
        let prepared = Arc::new(prepared);
        let services = plans
            .iter()
            .enumerate()
            .map(|(place, plan)| stack(host, place, plan, &prepared, routes));
        Self {
            routes: services.collect(),
            prepared,
        }
    }
}

fn stack<S: Clone + Send + Sync + 'static, B>(
    host: Host<'_>,
    route: usize,
    plan: &RoutePlan,
    prepared: &Arc<Prepared>,
    routes: &Routes<S, B>,
) -> RouteStack<S, B> {
    let options = routes.options();
    let layers = Layers::new(host, route, plan, routes);
    let destinations = plan.route.destinations().iter();
    let shared = Arc::new(Shared {
        answers: routes.proxy().role == Role::Gateway,
        destinations: destinations
            .map(|one| layers.sent(host, one.destination(), plan, routes))
            .collect(),
        dice: routes.dice(),
        is_unnamed: host.is_unnamed,
        is_tried_once: plan.retry.attempts() == 0 && plan.retry.per_try_timeout().is_none(),
        observe: Arc::clone(&options.observe),
        prepared: Arc::clone(prepared),
    });
    let fault = FaultInjectionLayer::made(
        plan.fault.clone(),
        Arc::clone(&options.observe),
        options.dice(&format!("fault {} {route}", host.plan.id)),
    );
    let everywhere = host.limits.iter().filter(|_| !plan.limits_replace);
    let limits = everywhere
        .chain(&plan.limits)
        .filter(|limit| limit.port.is_none_or(|port| port == host.port));
    let limits: Vec<_> = limits
        .map(|limit| routes.proxy().limit(limit, &host.plan.id))
        .collect();
    let gate = And::new(Limits::new(&limits), fault.gate());
    RouteStack {
        gate: Arc::new(gate),
        shared,
    }
}

/// The layers that a route's destinations share.
struct Layers<S, B> {
    mirrors: Arc<[Copier<S, B>]>,
    timeout: TimeoutLayer,
}

impl<S: Clone + Send + Sync + 'static, B> Layers<S, B> {
    fn new(host: Host<'_>, route: usize, plan: &RoutePlan, routes: &Routes<S, B>) -> Self {
        let observe = Arc::clone(&routes.options().observe);
        let mirrors = plan.mirrors.iter();
        Self {
            mirrors: mirrors
                .filter_map(|(to, policy)| routes.mirror(host, route, to, policy))
                .collect(),
            timeout: TimeoutLayer::observed(plan.timeout.clone(), observe),
        }
    }

    /// Makes the stack to one destination, if anybody knows what it is.
    fn sent(
        &self,
        host: Host<'_>,
        destination: &Destination,
        plan: &RoutePlan,
        routes: &Routes<S, B>,
    ) -> Option<Sent<S, B>> {
        let way = routes.way(host, destination)?;
        let options = routes.options();
        let policy = way.state.retry(&plan.retry);
        let retry = RetryLayer::observed(policy, Arc::clone(&options.observe));
        let retry = match options.seed(&format!("retry {destination}")) {
            Some(seed) => retry.with_seed(seed),
            None => retry,
        };
        let limit = way.state.limit().gate();
        let trace = routes.trace_try();
        let each_try = trace.gated(ToTransport::new(way.targets), limit);
        let inner = self.timeout.layer(retry.layer(each_try));
        Some(Mirrors::new(inner, Arc::clone(&self.mirrors)))
    }
}
