//! Without the feature `jwt`: no tokens are checked.

use std::sync::Arc;

use super::proxy::state::Proxy;
use crate::policies::authorization::AuthorizationGate;

/// A service behind the check of tokens: the service itself.
pub(in crate::mesh) type Authenticated<S> = S;

/// Gates behind the check of tokens: the gates themselves.
pub(in crate::mesh) type AuthenticatedGates<G> = G;

/// Returns the stack that `make` makes of the gates.
pub(in crate::mesh) fn authenticated<S, G>(
    _proxy: &Arc<Proxy>,
    authorization: AuthorizationGate,
    gates: impl FnOnce(AuthorizationGate) -> G,
    make: impl FnOnce(AuthenticatedGates<G>) -> S,
) -> Authenticated<S> {
    make(gates(authorization))
}
