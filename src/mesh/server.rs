use std::sync::Arc;

use tower_layer::Layer;

use crate::foundation::admission::{Admission, Gate, NoQueue};
use crate::foundation::events::Observe;
use crate::foundation::http::RequestHead;
use crate::mesh::OuterStack;
use crate::mesh::proxy::state::{Proxy, Role};
use crate::mesh::router::limits::{RateLimitsTicket, admit};
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

/// Rate limits of inbound requests, as the current version of the configuration sets them.
#[derive(Clone, Debug)]
pub struct InboundLimits {
    port: Option<u16>,
    proxy: Arc<Proxy>,
}

impl InboundLimits {
    pub(in crate::mesh) const fn new(port: Option<u16>, proxy: Arc<Proxy>) -> Self {
        Self { port, proxy }
    }

    pub(in crate::mesh) fn observe(&self) -> &dyn Observe {
        &*self.proxy.options.observe
    }
}

impl Gate for InboundLimits {
    type Ticket = RateLimitsTicket;
    type Wait = NoQueue<RateLimitsTicket>;

    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitsTicket, Self::Wait> {
        let gates = self.proxy.inbound();
        let is_gateway = !gates.is_empty() && self.proxy.role == Role::Gateway;
        if is_gateway && self.proxy.config().has_own_limits(head, self.port) {
            return admit([], head);
        }
        let here = gates.iter().filter(|(port, _)| {
            let (Some(port), Some(own)) = (port, self.port) else {
                return true;
            };
            *port == own
        });
        match admit(here.map(|(_, gate)| gate), head) {
            Admission::RejectedInside(ticket, rejection) if is_gateway => {
                let on_response = self.proxy.config().on_local_reply(head);
                Admission::RejectedInside(ticket.with_local_reply(on_response), rejection)
            }
            admission => admission,
        }
    }
}
