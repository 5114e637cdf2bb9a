//! Makes the transports of clusters with reqwest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::connector::{Connector, Timing, TransportKey};
use super::dialer::{Dialer, MakeBuilder};
use super::endpoint_transport::EndpointTransport;
use super::place::Places;
use crate::transport::client::Transport;

/// Maximum number of transports that are kept and differ in their timeouts.
const MAX_TIMINGS: usize = 64;

/// Makes the transports of all destinations.
pub(in crate::mesh) fn connector<M>(make: M) -> reqwest::Result<Connector<EndpointTransport>>
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
