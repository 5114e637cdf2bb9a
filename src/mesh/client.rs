use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::mesh::cluster::connect::client_connector::connector;
use crate::mesh::cluster::connect::endpoint_transport::EndpointTransport;
use crate::transport::client::{Body, Client};

/// The client of a [`Workload`].
pub type MeshClient = Client<WorkloadService<EndpointTransport, Body>>;

impl Workload {
    /// Returns what it sends requests with, in reqwest's ways.
    ///
    /// # Errors
    ///
    /// [`Error::Client`] if reqwest cannot build the client.
    pub fn client(&self) -> Result<MeshClient, Error> {
        self.client_with(reqwest::Client::builder)
    }

    /// Returns a client whose connections are as `make` says.
    ///
    /// It is called at once, again for connect and idle timeouts that no destination had before, and
    /// once for the connections to all endpoints. reqwest's redirects and retries are turned off: the
    /// [client](crate::client) follows redirects, each hop through its own route.
    ///
    /// Where the name of a host is all that is known of it, reqwest sends. A destination of which the
    /// documents say more (its endpoints, limits of its connections, HTTP/2, a name for TLS) is reached
    /// over a [pool](crate::pool), whose connections reqwest's connector makes: TLS, proxies and
    /// sockets are as `make` says there too. Default headers, cookies, decompression and the timeouts of a
    /// whole request are not: set headers by
    /// [`with_default_headers`](crate::client::Client::with_default_headers), and times by routes.
    ///
    /// # Certificates of an authority of your own
    ///
    /// With TLS of reqwest's (its feature `rustls`, say), whom all connections trust is the builder's to say:
    ///
    /// ```ignore
    /// let pem = std::fs::read("ca.pem")?;
    /// let authority = reqwest::Certificate::from_pem(&pem)?;
    /// let client = workload.client_with(move || {
    ///     reqwest::Client::builder().tls_certs_only([authority.clone()])
    /// })?;
    /// ```
    ///
    /// TLS asks for the `sni` of a rule, or the service's name where the rule starts TLS, or else the
    /// name that is called, and wants a certificate for that.
    ///
    /// # Proxies
    ///
    /// As reqwest's own clients, these go through the proxies of the environment (`HTTP_PROXY`,
    /// `HTTPS_PROXY`, `ALL_PROXY`) unless `make` says `no_proxy()` or names others. `NO_PROXY` is matched against the host
    /// that is called, and against the address of the endpoint; either one passes the proxies by. A
    /// proxy is asked for the endpoint over plain HTTP, and for the name over TLS. Envoy uses none.
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
