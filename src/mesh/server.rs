use std::sync::Arc;

use tower_layer::Layer;

use crate::mesh::OuterStack;
use crate::mesh::proxy::state::Proxy;
use crate::mesh::router::route::inbound_limits::InboundLimits;
use crate::policies::telemetry::TraceServerLayer;
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};

/// Inbound stack around the routes of a workload: its trace, its rate limits, its caller's deadline.
///
/// Its services and its clones share the state of the workload.
#[derive(Clone, Debug)]
pub struct ServerLayer {
    port: Option<u16>,
    proxy: Arc<Proxy>,
    timeout: TimeoutLayer,
    trace: TraceServerLayer,
}

/// A service behind a [`ServerLayer`].
pub type ServerService<S> = OuterStack<S, InboundLimits>;

impl ServerLayer {
    pub(in crate::mesh) fn new(proxy: Arc<Proxy>) -> Self {
        // A sidecar does not know how long the caller of its workload waits.
        let heeds_caller = !proxy.options.envoy_behaviour;
        let timeout = TimeoutPolicy::default().with_incoming(heeds_caller);
        Self {
            port: None,
            timeout: TimeoutLayer::with_observer(timeout, Arc::clone(&proxy.options.observe)),
            trace: TraceServerLayer::new(proxy.options.trace.clone()),
            proxy,
        }
    }

    /// Sets the port at which the service listens; rate limits for other ports are skipped. By default
    /// all apply.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        let limits = InboundLimits::new(self.port, Arc::clone(&self.proxy));
        OuterStack::new(self.trace.tracer(), limits, self.timeout.layer(inner))
    }
}
