use http::Extensions;

use crate::foundation::admission::{Admission, Gate};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// Gate that rejects requests which failed sanitation before it asks the gates inside.
#[derive(Clone, Debug)]
pub struct EdgeGate<G> {
    emitter: Emitter,
    gates: G,
}

/// Request extension with the reason for a rejection at the edge.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused(pub(super) Rejection);

impl<G> EdgeGate<G> {
    pub(in crate::mesh) const fn new(emitter: Emitter, gates: G) -> Self {
        Self { emitter, gates }
    }
}

impl<G: Gate> Gate for EdgeGate<G> {
    type Ticket = G::Ticket;
    type Wait = G::Wait;

    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        if let Some(Refused(rejection)) = head.extensions().get() {
            // First: of a malformed request no token is checked, and it is compared with no policy.
            self.emitter.emit(&EventKind::Rejected(*rejection));
            return Admission::Rejected(*rejection);
        }
        self.gates.admit(head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        self.gates.resume(ticket, head)
    }

    /// Writes the source of a rejection at the edge; those of a policy and a limit are written by their tickets.
    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.emitter.write_source(extensions);
    }
}
