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

/// How many transports are kept that differ in their times.
const MAX_TIMINGS: usize = 64;

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

/// Makes the transports of all destinations.
pub(in crate::mesh) fn connector<M>(make: M) -> Result<Connector<EndpointTransport>, Error>
where
    M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
{
    let make: MakeBuilder = Arc::new(make);
    // At once, so that what cannot be built is an error of the caller's.
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

/// Settings of a builder, as far as it shows them.
pub(in crate::mesh) struct Settings {
    has_default_headers: bool,
    /// The proxies of the environment are not asked.
    pub(in crate::mesh) has_proxies: bool,
}

impl Settings {
    fn of(builder: &reqwest::ClientBuilder) -> Self {
        // There is no other way to ask.
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

/// Returns the transport of all destinations whose connections are made and kept for as long as those of
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
            "no connections of their own for {}: {error}",
            transport_key.host
        );
    });
    let transport = built.ok()?;
    if known.len() >= MAX_TIMINGS {
        known.clear();
    }
    known.insert(transport_key.timing, transport.clone());
    Some(transport)
}

/// Sets what reqwest can do of a pool's limits: how long to connect, how long to stay idle, and whether to
/// keep connections at all.
pub(in crate::mesh) fn timed(
    builder: reqwest::ClientBuilder,
    timing: Timing,
) -> reqwest::ClientBuilder {
    let mut builder = builder;
    if let Some(timeout) = timing.connect {
        builder = builder.connect_timeout(timeout);
    }
    if let Some(timeout) = timing.idle {
        let timeout = (timeout > Duration::ZERO).then_some(timeout);
        builder = builder.pool_idle_timeout(timeout);
    }
    if timing.is_single {
        builder = builder.pool_max_idle_per_host(0);
    }
    builder
}
