//! The plans under `MeshBuilder::with_envoy_behaviour`: Envoy's answer wherever this crate chose another.

use std::sync::Arc;
use std::time::Duration;

use crate::istio::config::{ClusterConfig, OutboundConfig, VirtualHostConfig};
use crate::policies::load_balance::SlowStart;
use crate::policies::retry::{RetryBudget, RetryPolicy};

/// Bytes of a request body that Envoy buffers for a replay: its default buffer limit of a connection.
const REPLAY: usize = 1 << 20;

/// Returns what becomes of requests whose routes do what Envoy's would.
pub(super) fn outbound(mut config: OutboundConfig) -> OutboundConfig {
    for host in &mut config.hosts {
        let host: &mut VirtualHostConfig = Arc::make_mut(host);
        for route in &mut host.routes {
            route.retry = retry(&route.retry);
            route.timeout = route.timeout.clone().with_incoming(false);
        }
    }
    config
}

/// Returns what stands before endpoints that are ejected and started as Envoy would; `warms_up` says that the
/// documents ask for a slow start.
pub(super) fn destination(config: ClusterConfig, warms_up: bool) -> ClusterConfig {
    let balance = if warms_up {
        config.load_balancer
    } else {
        config.load_balancer.with_slow_start(SlowStart::off())
    };
    ClusterConfig {
        load_balancer: balance,
        outlier: config.outlier.with_eject_one_always(false),
        ..config
    }
}

/// Returns retries without a budget, of POST too, that no server puts off.
fn retry(policy: &RetryPolicy) -> RetryPolicy {
    policy
        .clone()
        .with_budget(RetryBudget::unlimited())
        .with_non_idempotent(true)
        .with_replay_limit(REPLAY)
        .with_retry_after(Duration::ZERO)
}
