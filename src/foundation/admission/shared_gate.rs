use std::fmt::{self, Debug, Formatter};

use http::HeaderMap;

use super::{Admission, Gate};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Several gates that the clones of a service share by one reference count for each thread.
///
/// For the gates inside a retry, which clones its inner service for each request: with a count for
/// each gate that changes as many words, with a locked instruction each, twice.
pub struct SharedGate<G>(ShardedArcRef<G>);

impl<G> SharedGate<G> {
    /// Shares `gate`, such as a [`GateChain`](super::GateChain), among the clones of a service.
    #[must_use]
    pub fn new(gate: G) -> Self {
        Self(ShardedArc::new(gate).shared_ref())
    }
}

impl<G> Clone for SharedGate<G> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<G: Debug> Debug for SharedGate<G> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SharedGate").field(&*self.0).finish()
    }
}

impl<G: Gate> Gate for SharedGate<G> {
    type Ticket = G::Ticket;
    type Wait = G::Wait;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        G::admit(&self.0, head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        G::resume(&self.0, ticket, head)
    }

    fn write_headers(&self, rejection: Rejection, headers: &mut HeaderMap) {
        G::write_headers(&self.0, rejection, headers);
    }
}
