use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::mesh::service_mesh::cluster::connect::client_connector::{
    own_connector, reqwest_connector,
};
use crate::mesh::service_mesh::cluster::connect::endpoint_transport::EndpointTransport;
use crate::transport::client::{Body, Client, TcpConnector};

/// HTTP client of a [`Workload`].
pub type MeshClient = Client<WorkloadService<EndpointTransport, Body>>;

impl Workload {
    /// Returns the workload's client, with an API like reqwest's.
    ///
    /// Each destination is reached over the [pool](crate::pool) of its cluster, so that limits of connections hold
    /// over TLS, too. The connections are those of a [`TcpConnector`]: `https`
    /// needs the feature `rustls`.
    ///
    /// [`client_with`](Self::client_with) has those of reqwest.
    #[must_use]
    pub fn client(&self) -> MeshClient {
        self.client_with_connector(TcpConnector::default())
    }

    /// Returns a [client](Self::client) whose connections are made by `connector`: without proxies, or with
    /// other roots for TLS.
    #[must_use]
    pub fn client_with_connector(&self, connector: TcpConnector) -> MeshClient {
        Client::new(outbound(self.proxy(), own_connector(connector)))
    }

    /// Returns a client whose connections are made by reqwest's connector, configured by `make`.
    ///
    /// `make` is called at once, and once more for the connections with and without proxies: TLS, proxies and
    /// sockets are configured by it. The pools of the clusters keep the connections, so its default headers,
    /// cookies, decompression and timeouts of whole requests are not applied: set headers by
    /// [`with_default_headers`](crate::client::Client::with_default_headers), and timeouts by routes. The
    /// [client](crate::client) follows redirects, each hop through its own route.
    ///
    /// # Custom certificate authorities
    ///
    /// With reqwest's TLS (its feature `rustls`, for example) the builder configures the trusted authorities:
    ///
    /// ```ignore
    /// let pem = std::fs::read("ca.pem")?;
    /// let authority = reqwest::Certificate::from_pem(&pem)?;
    /// let client = workload.client_with(move || {
    ///     reqwest::Client::builder().tls_certs_only([authority.clone()])
    /// })?;
    /// ```
    ///
    /// The server name of TLS is the `sni` of a rule, or the service's name where the rule originates TLS, or else
    /// the host of the request; the certificate must be valid for it.
    ///
    /// # Proxies
    ///
    /// Like reqwest's own clients, these use the proxies of the environment (`HTTP_PROXY`,
    /// `HTTPS_PROXY`, `ALL_PROXY`) unless `make` calls `no_proxy()` or sets others. `NO_PROXY` is matched against the
    /// host of the request and against the address of the endpoint; a match of either bypasses the proxies. A
    /// proxy is asked for the endpoint's address over plain HTTP, and for the name over TLS. Envoy uses no proxies.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn client_with<M>(&self, make: M) -> Result<MeshClient, Error>
    where
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    {
        Ok(Client::new(self.service_with(make)?))
    }

    /// Returns the workload's outbound stack with the connections of [`client`](Self::client), for requests with any
    /// body: for generated clients of tonic, say.
    ///
    /// The stack finds the route of a request by its authority, and speaks HTTP/2 to ports of the protocols `GRPC` and
    /// `HTTP2`:
    ///
    /// ```
    /// # #[cfg(all(feature = "istio", feature = "reqwest", feature = "tonic"))]
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use meshless::Mesh;
    /// use tonic_health::pb::health_client::HealthClient;
    ///
    /// let workload = Mesh::from_yaml("")?.workload("waste", "default");
    /// let client = HealthClient::with_origin(workload.service(), "http://users".parse()?);
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "istio", feature = "reqwest", feature = "tonic")))]
    /// # fn main() {}
    /// ```
    #[must_use]
    pub fn service<B: 'static>(&self) -> WorkloadService<EndpointTransport, B> {
        self.service_with_connector(TcpConnector::default())
    }

    /// Returns [`service`](Self::service) over connections of `connector`, as
    /// [`client_with_connector`](Self::client_with_connector) does.
    #[must_use]
    pub fn service_with_connector<B: 'static>(
        &self,
        connector: TcpConnector,
    ) -> WorkloadService<EndpointTransport, B> {
        outbound(self.proxy(), own_connector(connector))
    }

    /// Returns [`service`](Self::service) over connections that are configured by `make`, as those of
    /// [`client_with`](Self::client_with) are.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service_with<B, M>(
        &self,
        make: M,
    ) -> Result<WorkloadService<EndpointTransport, B>, Error>
    where
        B: 'static,
        M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
    {
        Ok(outbound(self.proxy(), reqwest_connector(make)?))
    }
}
