//! What it costs that a call is observed, and counted: the second less the first.

use std::sync::Arc;

use meshless::prometheus::Metrics;
use meshless::{Event, Observe};

use crate::stacks::{Case, READY, calls};

pub(crate) fn all() -> Vec<Case> {
    vec![
        ("inbound, observed", || {
            calls(meshless::inbound().with_observer(Arc::new(Silent)), READY)
        }),
        ("inbound, metrics", || {
            let metrics = Metrics::default();
            calls(meshless::inbound().with_observer(metrics.observer()), READY)
        }),
        ("outbound, observed", || {
            let stack = meshless::outbound().named("upstream");
            calls(stack.with_observer(Arc::new(Silent)), READY)
        }),
        ("outbound, metrics", || {
            let stack = meshless::outbound().named("upstream");
            calls(stack.with_observer(Metrics::default().observer()), READY)
        }),
    ]
}

/// Wants the ends of requests, and does nothing with them.
#[derive(Debug)]
struct Silent;

impl Observe for Silent {
    fn on_event(&self, _event: &Event<'_>) {}

    fn observes_requests(&self) -> bool {
        true
    }
}
