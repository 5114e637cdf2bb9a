use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::mesh::service_mesh::cluster::connect::client_connector::connector;
use crate::mesh::service_mesh::cluster::connect::endpoint_transport::EndpointTransport;
use crate::transport::client::{Body, Client};

/// HTTP client of a [`Workload`].
pub type MeshClient = Client<WorkloadService<EndpointTransport, Body>>;

impl Workload {
    /// Returns the workload's client, with an API like reqwest's.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn client(&self) -> Result<MeshClient, Error> {
        self.client_with(reqwest::Client::builder)
    }

    /// Returns a client whose connections are configured by `make`.
    ///
    /// `make` is called at once, again for connect and idle timeouts that no destination had before, and
    /// once for the connections to all endpoints. reqwest's redirects and retries are turned off: the
    /// [client](crate::client) follows redirects, each hop through its own route.
    ///
    /// A destination of which only the host's name is known is reached by reqwest itself. A destination with
    /// more configuration (endpoints, connection limits, HTTP/2, a server name for TLS) is reached
    /// over a [pool](crate::pool), whose connections reqwest's connector makes: TLS, proxies and
    /// sockets are configured by `make` there too. Default headers, cookies, decompression and the timeouts of
    /// whole requests are not applied there: set headers by
    /// [`with_default_headers`](crate::client::Client::with_default_headers), and timeouts by routes.
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
    /// let client = HealthClient::with_origin(workload.service()?, "http://users".parse()?);
    /// # let _ = client;
    /// # Ok(())
    /// # }
    /// # #[cfg(not(all(feature = "istio", feature = "reqwest", feature = "tonic")))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn service<B: 'static>(&self) -> Result<WorkloadService<EndpointTransport, B>, Error> {
        self.service_with(reqwest::Client::builder)
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
        Ok(outbound(self.proxy(), connector(make)?))
    }
}
