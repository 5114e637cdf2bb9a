use std::sync::Arc;

use super::limits::RateLimits;
use super::mirrors::MirrorsLayer;
use super::route_service::{RouteDestination, RouteService, Shared};
use crate::foundation::admission::GateChain;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Origin, Source};
use crate::istio::config::{LocalRateLimitConfig, Location, RouteConfig, VirtualHostConfig};
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::service::LimitedCluster;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::router::router_state::RouterState;
use crate::mesh::service_mesh::router::upstream::internal_headers::Withheld;
use crate::mesh::service_mesh::router::upstream::to_transport::{ToMirror, ToTransport};
use crate::mesh::stack::routed;
use crate::policies::cors::CorsGate;
use crate::policies::fault_injection::{FaultGate, FaultInjectionLayer};
use crate::policies::retry::RetryLayer;
use crate::policies::telemetry::TraceAttemptLayer;
use crate::policies::timeout::TimeoutLayer;
use crate::policies::traffic_split::{CompiledRoutes, Destination};

/// Gate of one route: its rate limits, its faults, then CORS.
pub(in crate::mesh) type RouteGate = Arc<GateChain<RateLimits, GateChain<FaultGate, CorsGate>>>;

/// Routes of one host on one port, each with its own stack.
pub(in crate::mesh) struct VirtualHostStack<S, B> {
    routes: Arc<CompiledRoutes>,
    stacks: Box<[RouteStack<S, B>]>,
}

struct RouteStack<S, B> {
    gate: RouteGate,
    shared: Arc<Shared<S, B>>,
}

impl<S, B> VirtualHostStack<S, B> {
    /// Creates the stack of a host without routes.
    #[cfg(test)]
    pub(in crate::mesh) fn empty() -> Self {
        Self {
            routes: Arc::new(CompiledRoutes::new([], false)),
            stacks: Box::default(),
        }
    }

    /// Returns the gate of the route that matches a request, and the service behind it: the lookup
    /// costs this one clone.
    pub(in crate::mesh) fn service(
        &self,
        head: RequestHead<'_>,
    ) -> Option<(&RouteGate, RouteService<S, B>)> {
        let place = self.routes.find(head)?;
        let route = self.stacks.get(place.route)?;
        let forward = RouteService::new(place, Arc::clone(&route.shared));
        Some((&route.gate, forward))
    }
}

/// Host and port of a stack, with their configuration.
#[derive(Clone, Copy)]
pub(in crate::mesh) struct HostContext<'a> {
    pub(in crate::mesh) config: &'a VirtualHostConfig,
    pub(in crate::mesh) port: u16,
    /// True if no document names the host, so that its requests pass unchanged.
    pub(in crate::mesh) is_unnamed: bool,
    /// Rate limits of all routes.
    pub(in crate::mesh) limits: &'a [LocalRateLimitConfig],
}

impl<'a> HostContext<'a> {
    pub(in crate::mesh) const fn unnamed(
        config: &'a VirtualHostConfig,
        port: u16,
        limits: &'a [LocalRateLimitConfig],
    ) -> Self {
        Self {
            config,
            port,
            is_unnamed: true,
            limits,
        }
    }

    /// Compiles the routes; `ports` replace the port of every request.
    pub(in crate::mesh) fn compiled(self, ports: Option<Arc<[u16]>>) -> CompiledRoutes {
        let routes = self.config.routes.iter();
        let routes = routes.map(|config| config.route.clone());
        CompiledRoutes::new(routes, !self.is_unnamed).at_ports(ports)
    }

    /// Returns the rate limits of a route: its own and, unless they replace those, the ones of all routes.
    pub(in crate::mesh) fn limits_of(
        self,
        route: &'a RouteConfig,
    ) -> impl Iterator<Item = &'a LocalRateLimitConfig> {
        let everywhere = self.limits.iter().filter(|_| !route.limits_replace);
        everywhere
            .chain(&route.limits)
            .filter(move |limit| limit.port.is_none_or(|port| port == self.port))
    }

    pub(in crate::mesh) fn cluster_key(
        self,
        destination: &Destination,
        is_gateway: bool,
    ) -> ClusterKey {
        if self.is_unnamed {
            ClusterKey::unnamed(destination.host(), self.port)
        } else {
            ClusterKey::named(destination, (!is_gateway).then_some(self.port))
        }
    }
}

impl<S: Clone + Send + Sync + 'static, B> VirtualHostStack<S, B> {
    pub(in crate::mesh) fn new(host: HostContext<'_>, routes: &RouterState<S, B>) -> Self {
        let configs = &host.config.routes;
        let compiled = Arc::new(host.compiled(routes.listener_ports()));
        let services = configs
            .iter()
            .enumerate()
            .map(|(place, config)| stack(host, place, config, &compiled, routes));
        Self {
            stacks: services.collect(),
            routes: compiled,
        }
    }
}

fn stack<S: Clone + Send + Sync + 'static, B>(
    host: HostContext<'_>,
    route: usize,
    config: &RouteConfig,
    compiled: &Arc<CompiledRoutes>,
    routes: &RouterState<S, B>,
) -> RouteStack<S, B> {
    let (options, proxy) = (routes.options(), routes.proxy());
    let source = proxy
        .source()
        .with_host(Arc::clone(&host.config.host))
        .with_route(config.route.name().map(Arc::from));
    let at = |origin: &Option<Origin>| source.clone().with_origin(origin.clone());
    let mirrors = at(&config.origins.mirror);
    let mirrors = config
        .mirrors
        .iter()
        .filter_map(|(to, policy)| routes.mirror(host, route, to, policy, &mirrors));
    let layers = RouteLayers {
        mirrors: MirrorsLayer {
            layers: mirrors.collect(),
        },
        source: at(&config.origins.route),
    };
    let destinations = config.route.destinations().iter();
    let shared = Arc::new(Shared {
        answers: proxy.role == Role::Gateway,
        destinations: destinations
            .map(|one| layers.destination(host, one.destination(), config, routes))
            .collect(),
        rng: routes.rng(),
        is_unnamed: host.is_unnamed,
        is_tried_once: config.retry.attempts() == 0 && config.retry.per_try_timeout().is_none(),
        emitter: proxy.emitter(at(&config.origins.route)),
        routes: Arc::clone(compiled),
    });
    let fault = FaultInjectionLayer::from_parts(
        config.fault.clone(),
        proxy.emitter(at(&config.origins.fault)),
        options.rng(&format!("fault {} {route}", host.config.id)),
    );
    let limits: Vec<_> = host
        .limits_of(config)
        .map(|limit| proxy.limit(limit, &host.config.id, &source))
        .collect();
    let gate = routed::route_gate(
        RateLimits::new(&limits),
        fault.gate(),
        CorsGate::of_route(config.cors.clone()),
    );
    RouteStack {
        gate: Arc::new(gate),
        shared,
    }
}

/// Layers that the destinations of a route share, and the source of the route.
struct RouteLayers<S, B> {
    mirrors: MirrorsLayer<ToMirror<LimitedCluster<S>, B>>,
    source: Source,
}

impl<S: Clone + Send + Sync + 'static, B> RouteLayers<S, B> {
    /// Creates the stack of one destination, without a service if the destination is unknown.
    fn destination(
        &self,
        host: HostContext<'_>,
        destination: &Destination,
        config: &RouteConfig,
        routes: &RouterState<S, B>,
    ) -> RouteDestination<S, B> {
        let Some(cluster) = routes.cluster(host, destination) else {
            let name = routes.key(host, destination).cluster_name();
            let source = self.source.clone().with_host(destination.host());
            return RouteDestination {
                location: Location::External,
                source: Arc::new(source.with_cluster(name)),
                stack: None,
            };
        };
        let route = self.source.route().map(Arc::from);
        let source = cluster.state().source().clone().with_route(route);
        let (options, origins) = (routes.options(), &config.origins);
        let emitter = |origin: &Option<Origin>| {
            let source = source.clone().with_origin(origin.clone());
            routes.proxy().emitter(source)
        };
        let location = cluster.state().location();
        let is_gateway = routes.proxy().role == Role::Gateway;
        let withheld = Withheld::from(location, &options.trace, is_gateway);
        let (timeout, trace, peers) = match location {
            // Names of workloads go to no stranger, and none are taken from one.
            Location::External => (config.timeout.clone(), options.trace.clone(), None),
            Location::Internal => (
                config.timeout.clone().with_envoy_headers(true),
                options.trace.clone().internal(),
                routes.proxy().peers.clone(),
            ),
        };
        let policy = cluster.state().retry(&config.retry);
        let retry = RetryLayer::with_emitter(policy, emitter(&origins.retry));
        let retry = match options.seed(&format!("retry {destination}")) {
            Some(seed) => retry.with_seed(seed),
            None => retry,
        };
        let stack = routed::destination(
            &self.mirrors,
            &TimeoutLayer::with_emitter(timeout, emitter(&origins.timeout)),
            &retry,
            &TraceAttemptLayer::with_peers(trace, emitter(&origins.route), peers),
            cluster.state().limit().gate(),
            ToTransport::new(cluster.endpoints(), withheld),
        );
        RouteDestination {
            location,
            source: Arc::new(source.with_origin(origins.route.clone())),
            stack: Some(stack),
        }
    }
}
