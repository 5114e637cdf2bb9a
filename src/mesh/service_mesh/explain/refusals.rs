//! Local replies that a request may get.

use std::time::Duration;

use http::StatusCode;

use super::explained::ExplainedCluster;
use super::values::counting;
use crate::foundation::http::{GrpcStatus, RequestHead};
use crate::foundation::outcome::Origin;
use crate::foundation::outcome::{Overflow, RateLimited, Rejection};
use crate::foundation::sync::Percent;
use crate::istio::config::{ClusterConfig, ClusterDiscovery, LocalRateLimitConfig, RouteConfig};
use crate::mesh::service_mesh::router::route::virtual_host_stack::HostContext;

/// Answer of a policy in place of an endpoint's: its status, and the condition.
#[derive(Clone, Debug)]
pub struct LocalReply {
    condition: Box<str>,
    is_certain: bool,
    origin: Option<Origin>,
    rejection: Rejection,
}

/// Local replies of one request, in the order in which it may meet them.
#[derive(Debug, Default)]
pub(super) struct Replies(Vec<LocalReply>);

impl LocalReply {
    /// Creates the reply to every request.
    pub(super) const fn always(rejection: Rejection, condition: Box<str>) -> Self {
        Self {
            condition,
            is_certain: true,
            origin: None,
            rejection,
        }
    }

    fn new(rejection: Rejection, condition: String, origin: Option<&Origin>) -> Self {
        Self {
            condition: condition.into(),
            is_certain: false,
            origin: origin.cloned(),
            rejection,
        }
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.rejection.status()
    }

    /// Returns the status for a gRPC caller, whose HTTP status is 200.
    #[must_use]
    pub const fn grpc_status(&self) -> GrpcStatus {
        self.rejection.grpc_status()
    }

    /// Returns Envoy's response flag, such as `UO`.
    #[must_use]
    pub const fn flag(&self) -> &'static str {
        self.rejection.flag()
    }

    /// Returns the name of the policy, as [`Rejection::policy`](crate::Rejection::policy) does.
    #[must_use]
    pub const fn policy(&self) -> &'static str {
        self.rejection.policy()
    }

    /// Returns the condition under which a request gets the reply.
    #[must_use]
    pub fn condition(&self) -> &str {
        &self.condition
    }

    /// Returns true if every such request gets it.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.is_certain
    }

    /// Returns the place of the policy in the documents; `None` for a default.
    #[must_use]
    pub const fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

impl Replies {
    /// Returns the replies of a route's own gate: its rate limits, then its faults.
    pub(super) fn of_route(
        host: HostContext<'_>,
        config: &RouteConfig,
        head: RequestHead<'_>,
    ) -> Self {
        let mut replies = Self::default();
        replies
            .0
            .extend(counting(host, config, head).filter_map(rate_limited));
        if let Some((share, abort)) = config.fault.abort() {
            let rejection = abort.rejection(false);
            let origin = config.origins.fault.as_ref();
            let is_certain = share == Percent::ALL;
            let condition = if is_certain {
                "all requests of the route are aborted".to_owned()
            } else {
                format!("it is among the {share} of the requests that are aborted")
            };
            let mut reply = LocalReply::new(rejection, condition, origin);
            reply.is_certain = is_certain;
            replies.0.push(reply);
        }
        replies
    }

    /// Returns the replies of rate limits.
    pub(super) fn of_limits<'a>(
        limits: impl IntoIterator<Item = &'a LocalRateLimitConfig>,
    ) -> Self {
        Self(limits.into_iter().filter_map(rate_limited).collect())
    }

    /// Adds the replies of a cluster; `config` is `None` for a host that no document names.
    pub(super) fn of_cluster(
        &mut self,
        cluster: &ExplainedCluster,
        config: Option<&ClusterConfig>,
    ) {
        let Some(config) = config else { return };
        let name = cluster.name();
        let origins = &config.origins;
        let is_only = u64::from(cluster.weight) == cluster.total_weight;
        let unreachable = match &config.endpoints {
            ClusterDiscovery::Unknown => Some((
                Rejection::UnknownDestination,
                format!("{name} has a subset or port that no document defines"),
                origins.rule.as_ref(),
            )),
            ClusterDiscovery::Fixed(all) if all.is_empty() => Some((
                Rejection::NoHealthyUpstream,
                format!("{name} has no endpoint"),
                origins.endpoints.as_ref(),
            )),
            _ => None,
        };
        if let Some((rejection, condition, origin)) = unreachable {
            let mut reply = LocalReply::new(rejection, condition, origin);
            reply.is_certain = is_only;
            return self.0.push(reply);
        }
        let pool = origins.pool.as_ref();
        let in_flight = config.limit.max_in_flight();
        if in_flight > 0 {
            let condition = format!("{name} has {in_flight} requests in flight");
            let rejection = Rejection::Overflow(Overflow::InFlight(in_flight));
            self.0.push(LocalReply::new(rejection, condition, pool));
        }
        if let Some(pending) = config.pool.max_pending {
            let condition = format!("{pending} requests wait for a connection to {name}");
            let rejection = Rejection::Overflow(Overflow::Connection(pending));
            self.0.push(LocalReply::new(rejection, condition, pool));
        }
        if config.outlier.is_on() {
            let condition = format!("all endpoints of {name} are ejected");
            let origin = origins.outlier.as_ref();
            self.0.push(LocalReply::new(
                Rejection::NoHealthyUpstream,
                condition,
                origin,
            ));
        }
    }

    pub(super) fn of_timeout(&mut self, config: &RouteConfig) {
        let total = config.timeout.total_timeout();
        if total > Duration::ZERO && !config.route.destinations().is_empty() {
            let condition = format!("no response within {total:?}, all attempts included");
            let origin = config.origins.timeout.as_ref();
            self.0.push(LocalReply::new(
                Rejection::TimedOut(total),
                condition,
                origin,
            ));
        }
    }

    pub(super) fn into_vec(self) -> Vec<LocalReply> {
        self.0
    }
}

fn rate_limited(limit: &LocalRateLimitConfig) -> Option<LocalReply> {
    let policy = &limit.policy;
    if policy.enabled() == Percent::NONE || policy.enforced() == Percent::NONE {
        return None;
    }
    let settings = policy.settings();
    let (_, tokens) = settings.first()?;
    let rejection = Rejection::RateLimited(RateLimited {
        grpc_status: policy.grpc_status(),
        limit: tokens.parse().unwrap_or_default(),
        remaining: 0,
        reset: Duration::ZERO,
        retry_after: None,
        status: policy.status(),
    });
    let condition = format!("the rate limit of {tokens} is used up");
    Some(LocalReply::new(rejection, condition, limit.origin.as_ref()))
}
