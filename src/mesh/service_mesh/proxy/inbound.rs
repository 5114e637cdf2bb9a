//! Rate limits of a proxy.

use std::sync::Arc;

use arc_swap::Guard;

use super::state::Proxy;
use crate::foundation::outcome::Source;
use crate::istio::config::LocalRateLimitConfig;
use crate::policies::rate_limit::{RateLimitGate, RateLimitLayer};

/// Limits, each with the port that it is for.
pub(super) type Gates = Vec<(Option<u16>, RateLimitGate)>;

impl Proxy {
    /// Returns the rate limits of inbound requests, each with the port that it is for.
    pub(in crate::mesh) fn inbound(&self) -> Guard<Arc<Gates>> {
        self.inbound.load()
    }

    /// Returns the rate limit of a host by the host's id, created on first use for `source`.
    pub(in crate::mesh) fn limit(
        &self,
        config: &LocalRateLimitConfig,
        host: &Arc<str>,
        source: &Source,
    ) -> RateLimitLayer {
        let mut state = self.lock();
        let of_host = state.limits.entry(Arc::clone(host)).or_default();
        if let Some((_, limit)) = of_host.iter().find(|(id, _)| *id == config.id) {
            return limit.clone();
        }
        let policy = config.policy.clone().with_max_queue(0);
        let source = source.clone().with_origin(config.origin.clone());
        let source = source.with_route(config.route.clone());
        let limit = RateLimitLayer::with_emitter(policy, self.emitter(source));
        of_host.push((Arc::clone(&config.id), limit.clone()));
        limit
    }

    pub(super) fn open_inbound(&self) {
        let host = Arc::from("");
        let source = self.inbound_source();
        let proxy_config = self.config();
        let gates = proxy_config.inbound.iter().map(|config| {
            let limit = self.limit(config, &host, &source);
            (config.port, limit.gate())
        });
        self.inbound.store(Arc::new(gates.collect()));
    }
}
