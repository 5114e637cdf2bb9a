//! Tokens of the requests to a workload or a gateway, as the documents have them.

#[cfg(feature = "reqwest")]
mod fetch;
pub(in crate::mesh) mod state;

use std::sync::Arc;

use super::proxy::state::Proxy;
use crate::foundation::admission::GateChain;
use crate::policies::jwt::{Authenticate, JwtGate};
use state::Authentication;

/// A service behind the check of tokens.
pub(in crate::mesh) type Authenticated<S> = Authenticate<S>;

/// Gates behind the check of tokens.
pub(in crate::mesh) type AuthenticatedGates<G> = GateChain<JwtGate, G>;

/// Puts the check of tokens around the stack that `make` makes with the gates in it: outside the span, since it changes the
/// request; its answers have their place inside, before the other gates.
pub(in crate::mesh) fn authenticated<S, G>(
    proxy: &Arc<Proxy>,
    gates: G,
    make: impl FnOnce(AuthenticatedGates<G>) -> S,
) -> Authenticated<S> {
    let authentication = proxy.attached(|| Authentication::new(proxy));
    let layer = authentication.layer();
    layer.authenticate(make(GateChain::new(layer.gate(), gates)))
}
