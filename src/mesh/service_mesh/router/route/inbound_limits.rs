use std::sync::Arc;

use super::limits::{RateLimitsTicket, admit};
use crate::foundation::admission::{Admission, Gate, GateChain, NoQueue};
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::policies::authorization::AuthorizationGate;

/// Gates of a workload's server.
pub(in crate::mesh) type ServerGates = GateChain<AuthorizationGate, InboundLimits>;

/// The rate limits of what comes in, as the documents set them at the time.
#[derive(Clone, Debug)]
pub struct InboundLimits {
    port: Option<u16>,
    proxy: Arc<Proxy>,
}

impl InboundLimits {
    pub(in crate::mesh) const fn new(port: Option<u16>, proxy: Arc<Proxy>) -> Self {
        Self { port, proxy }
    }

    /// Returns an emitter for rejections that no limit is the reason of.
    pub(in crate::mesh) fn emitter(&self) -> Emitter {
        self.proxy.emitter(self.proxy.inbound_source())
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
