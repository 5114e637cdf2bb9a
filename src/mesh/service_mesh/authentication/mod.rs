//! Tokens of the requests to a workload or a gateway, as the documents have them.

#[cfg(feature = "reqwest")]
mod fetch;
pub(in crate::mesh) mod state;

use std::sync::Arc;

use super::proxy::state::Proxy;
use crate::foundation::admission::GateChain;
use crate::policies::authorization::{AskFirst, AuthorizationGate};
use crate::policies::jwt::{Authenticate, JwtGate};
use state::Authentication;

/// A service behind the external authorizer and the check of tokens.
pub(in crate::mesh) type Authenticated<S> = AskFirst<Authenticate<S>>;

/// Gates behind the answers of the external authorizer and of the check of tokens.
pub(in crate::mesh) type AuthenticatedGates<G> =
    GateChain<AuthorizationGate, GateChain<JwtGate, G>>;

/// Puts the external authorizer and the check of tokens, in Istio's order, around the stack that `make` makes with the gates
/// in it: outside the span, since both change the request; their answers have their places inside, before the other
/// gates.
pub(in crate::mesh) fn authenticated<S, G>(
    proxy: &Arc<Proxy>,
    authorization: AuthorizationGate,
    gates: impl FnOnce(AuthorizationGate) -> G,
    make: impl FnOnce(AuthenticatedGates<G>) -> S,
) -> Authenticated<S> {
    let authentication = proxy.attached(|| Authentication::new(proxy));
    let layer = authentication.layer();
    let (external, own) = authorization.split();
    let gates = GateChain::new(layer.gate(), gates(own));
    let stack = make(GateChain::new(external.clone(), gates));
    AskFirst::new(external, layer.authenticate(stack))
}
