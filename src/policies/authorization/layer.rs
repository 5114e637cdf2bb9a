use std::sync::Arc;

use http::Request;
use tower_layer::Layer;

use super::gate::{AuthorizationGate, Listener};
use super::machine::{PolicyError, RemoteAddress};
use super::service::Authorization;
use super::shared::Shared;
use super::{AccessExplanation, AuthorizationPolicies, AuthorizationStats};
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::normal_path::normalize_target;
use crate::foundation::http::{ClientAddress, RequestHead};

/// Lets requests pass by authorization policies.
///
/// The services and the clones of this layer share its policies and its counters. See the [module docs](super) for an
/// example.
#[derive(Clone, Debug)]
pub struct AuthorizationLayer {
    listener: Arc<Listener>,
    shared: Arc<Shared>,
}

impl AuthorizationLayer {
    /// Creates a layer, whose denials are written to [`tracing`].
    ///
    /// # Errors
    ///
    /// The first value of a policy that nothing could match, such as an address that is none.
    pub fn new(policies: impl Into<AuthorizationPolicies>) -> Result<Self, PolicyError> {
        Self::with_emitter(policies.into(), Emitter::default())
    }

    /// Creates a layer that reports to `observe`.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_observer(
        policies: impl Into<AuthorizationPolicies>,
        observe: Arc<dyn Observe>,
    ) -> Result<Self, PolicyError> {
        Self::with_emitter(policies.into(), Emitter::new(observe))
    }

    pub(crate) fn with_emitter(
        policies: AuthorizationPolicies,
        emitter: Emitter,
    ) -> Result<Self, PolicyError> {
        Ok(Self {
            listener: Arc::default(),
            shared: Arc::new(Shared::new(policies, emitter)?),
        })
    }

    named!(self => self.shared.emitter().clone());

    /// Sets the address of the caller, for `remoteIpBlocks` and `remote.ip`. The default is that of the peer.
    ///
    /// IPv6 addresses are compared whole, whatever [their prefix](ClientAddress::with_ipv6_prefix).
    #[must_use]
    pub fn with_client_address(mut self, client: ClientAddress) -> Self {
        let client = client.with_ipv6_prefix(128);
        let listener = Arc::make_mut(&mut self.listener);
        listener.remote_address = RemoteAddress::Client(client);
        self
    }

    /// Sets the port at which the server listens, for `ports` and `destination.port`. The default is that of
    /// [`LocalAddress`](crate::identity::LocalAddress); without either, no policy that names ports allows a request.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        Arc::make_mut(&mut self.listener).port = Some(port);
        self
    }

    #[cfg(feature = "istio")]
    pub(crate) fn with_remote_address(mut self, remote_address: RemoteAddress) -> Self {
        Arc::make_mut(&mut self.listener).remote_address = remote_address;
        self
    }

    /// Replaces the policies for requests that start from now on. On an error those of before stay.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn reconfigure(
        &self,
        policies: impl Into<AuthorizationPolicies>,
    ) -> Result<(), PolicyError> {
        self.shared.reconfigure(policies.into())
    }

    /// Returns the counters since the layer was created.
    #[must_use]
    pub fn stats(&self) -> AuthorizationStats {
        self.shared.stats()
    }

    /// Explains the decision about a request, which is not counted. Its path is compared in the normal form.
    #[must_use]
    pub fn explain<B>(&self, request: &Request<B>) -> AccessExplanation {
        let mut head = Request::new(());
        *head.method_mut() = request.method().clone();
        *head.uri_mut() = request.uri().clone();
        *head.headers_mut() = request.headers().clone();
        *head.extensions_mut() = request.extensions().clone();
        // A target that cannot be normalized stays as it is, and no rule that compares paths allows it.
        let _ = normalize_target(head.uri_mut());
        self.gate().explain(RequestHead::of(&head))
    }

    /// Returns true if there is a policy.
    #[cfg(feature = "istio")]
    pub(crate) fn is_on(&self) -> bool {
        self.shared.is_on()
    }

    /// Returns the gate of this layer, to be [chained](crate::gate::GateChain) with other gates.
    #[must_use]
    pub fn gate(&self) -> AuthorizationGate {
        AuthorizationGate::new(Arc::clone(&self.shared), Arc::clone(&self.listener))
    }
}

impl<S> Layer<S> for AuthorizationLayer {
    type Service = Authorization<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Authorization::new(inner, self.gate())
    }
}
