use std::sync::Arc;

use super::Error;
use super::core::Core;
use super::ingress::Ingress;
use super::proxy::{Proxy, Role};
use super::server::InboundLimits;
use super::transport::Connector;
use super::workload::outbound;
use crate::istio::plan::Subject;
use crate::telemetry::{TraceServerLayer, TracedGate};

/// An ingress: what comes in at a `Gateway` goes where the virtual services say that are bound to it.
///
/// A host that no server of the gateway is for, and one that no route is for, get 404. TLS is the
/// listener's affair. See the [module docs](crate::mesh) for an example.
///
/// A caller that asks for WebSocket gets it if the upstream agrees, where hyper serves the connection with
/// upgrades (`axum::serve` does) and the transport is hyper's (reqwest and the [pool](crate::pool) are):
/// the bytes are carried by a task that belongs to the mesh, and ends with either connection. Other
/// protocols are refused with 403.
#[derive(Clone, Debug)]
pub struct Gateway {
    port: Option<u16>,
    proxy: Arc<Proxy>,
}

/// A [`Gateway`] in service, ending in `S`; `B` is the body of its requests.
///
/// It answers for itself whatever goes wrong, so it fits where axum wants no errors, such as
/// `Router::fallback_service`.
pub type GatewayService<S, B> = TracedGate<Ingress<S, B>, InboundLimits>;

impl Gateway {
    pub(super) fn new(core: &Core, name: &str, namespace: &str) -> Result<Self, Error> {
        let subject = Subject {
            name: name.into(),
            namespace: namespace.into(),
            labels: std::collections::BTreeMap::new(),
        };
        if core.current().plans.gateway(name, namespace).is_none() {
            return Err(Error::NoGateway {
                name: name.into(),
                namespace: namespace.into(),
            });
        }
        Ok(Self {
            port: None,
            proxy: core.proxy(Role::Gateway, subject),
        })
    }

    /// Says which of the gateway's ports this is, so that only the servers of that port count. By
    /// default all do.
    #[must_use]
    pub const fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Sends on through a transport of any kind, of which each destination uses a clone.
    #[must_use]
    pub fn outbound<S, B>(&self, transport: S) -> GatewayService<S, B>
    where
        S: Clone + Send + Sync + 'static,
        B: 'static,
    {
        self.over(Connector::shared(transport))
    }

    pub(super) fn over<S, B>(&self, connector: Connector<S>) -> GatewayService<S, B>
    where
        S: Clone + Send + Sync + 'static,
        B: 'static,
    {
        let proxy = &self.proxy;
        let inner = outbound(Arc::clone(proxy), connector);
        let ingress = Ingress::new(inner, self.port, Arc::clone(proxy));
        let limits = InboundLimits::new(self.port, Arc::clone(proxy));
        TraceServerLayer::new(proxy.options.trace.clone()).gated(ingress, limits)
    }
}

#[cfg(feature = "reqwest")]
impl Gateway {
    /// Sends on with reqwest.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service<B: 'static>(
        &self,
    ) -> Result<GatewayService<super::pieces::Connections, B>, Error> {
        self.service_with(reqwest::Client::builder)
    }

    /// Sends on with clients that `make` begins; see [`Workload::client_with`](super::Workload::client_with).
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service_with<M, B>(
        &self,
        make: M,
    ) -> Result<GatewayService<super::pieces::Connections, B>, Error>
    where
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
        B: 'static,
    {
        Ok(self.over(super::client::connector(make)?))
    }
}
