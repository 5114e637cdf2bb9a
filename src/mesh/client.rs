use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::transport::{Connector, Timing, TransportKey};
use super::workload::outbound;
use super::{Error, Workload, WorkloadService};
use crate::mesh::cluster::dialer::{Dialer, MakeBuilder};
use crate::mesh::cluster::endpoint_transport::EndpointTransport;
use crate::mesh::cluster::place::Places;
use crate::transport::client::{Body, Client, Transport};

/// Maximum number of kept transports with different timeouts.
const MAX_TIMINGS: usize = 64;

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

/// Creates the transports of all destinations.
pub(in crate::mesh) fn connector<M>(make: M) -> Result<Connector<EndpointTransport>, Error>
where
    M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
{
    let make: MakeBuilder = Arc::new(make);
    // Built at once, so that a builder which fails is an error of the caller's.
    let builder = make();
    let settings = Settings::of(&builder);
    if settings.has_default_headers {
        tracing::warn!(
            "default headers of a `reqwest::ClientBuilder` are not sent over the connections of a mesh; \
             set them by `Client::with_default_headers`"
        );
    }
    let plain = Transport::build(builder)?;
    let known = Mutex::new(HashMap::from([(Timing::default(), plain.clone())]));
    let dialer = Arc::new(Dialer::new(Arc::clone(&make), &settings));
    Ok(Connector::new(
        move |transport_key: &TransportKey, state| {
            let Some(places) = Places::new(transport_key, state, &dialer).map(Arc::new) else {
                let shared = shared(&known, &make, transport_key).unwrap_or_else(|| plain.clone());
                return Box::new(move |_| EndpointTransport::new(shared.clone(), None));
            };
            let plain = plain.clone();
            Box::new(move |_| EndpointTransport::new(plain.clone(), Some(Arc::new(places.place()))))
        },
    ))
}

/// Settings of a reqwest builder, as far as they can be read from it.
pub(in crate::mesh) struct Settings {
    has_default_headers: bool,
    /// True if the proxies of the environment are ignored.
    pub(in crate::mesh) has_proxies: bool,
}

impl Settings {
    fn of(builder: &reqwest::ClientBuilder) -> Self {
        // reqwest has no getters: the `Debug` output is the only source.
        let shown = format!("{builder:?}");
        let default = format!("{:?}", reqwest::Client::builder());
        Self {
            has_default_headers: default_headers(&shown) != default_headers(&default),
            has_proxies: shown.contains(" proxies: "),
        }
    }
}

fn default_headers(shown: &str) -> Option<&str> {
    let (_, headers) = shown.split_once("default_headers: {")?;
    headers.split('}').next()
}

/// Returns the shared transport of all destinations with the same connect and idle timeouts as
/// this one.
fn shared(
    known: &Mutex<HashMap<Timing, Transport>>,
    make: &MakeBuilder,
    transport_key: &TransportKey,
) -> Option<Transport> {
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(transport) = known.get(&transport_key.timing) {
        return Some(transport.clone());
    }
    let built = Transport::build(timed(make(), transport_key.timing));
    let built = built.inspect_err(|error| {
        tracing::warn!(
            "{} shares the default connect and idle timeouts: {error}",
            transport_key.host
        );
    });
    let transport = built.ok()?;
    // The destinations keep their transports; only the sharing starts over.
    if known.len() >= MAX_TIMINGS {
        known.clear();
    }
    known.insert(transport_key.timing, transport.clone());
    Some(transport)
}

/// Applies the limits of a connection pool that reqwest supports: the connect timeout, the idle timeout, and
/// one request per connection.
pub(in crate::mesh) fn timed(
    builder: reqwest::ClientBuilder,
    timing: Timing,
) -> reqwest::ClientBuilder {
    let mut builder = builder;
    if let Some(timeout) = timing.connect {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = timing.idle {
        // 0 disables the idle timeout, as in Istio.
        let timeout = (timeout > Duration::ZERO).then_some(timeout);
        builder = builder.pool_idle_timeout(timeout);
    }
    if timing.is_single {
        builder = builder.pool_max_idle_per_host(0);
    }
    builder
}
