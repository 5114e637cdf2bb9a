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
        Ok(Client::new(outbound(self.proxy(), connector(make)?)))
    }
}
