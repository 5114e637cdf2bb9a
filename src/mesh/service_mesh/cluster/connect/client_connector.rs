//! Makes the transports of clusters.

use std::sync::Arc;

use super::connector::{Connector, TransportKey};
use super::dialer::{Dialer, MakeBuilder};
use super::endpoint_transport::EndpointTransport;
use super::place::Places;
use crate::transport::client::TcpConnector;

/// Makes the transports of all destinations, with connections of the crate's own.
pub(in crate::mesh) fn own_connector(connector: TcpConnector) -> Connector<EndpointTransport> {
    let connector = over(Dialer::new(connector));
    #[cfg(feature = "mtls")]
    let connector = connector.into_own();
    connector
}

/// Makes the transports of all destinations, with connections of reqwest's connector.
pub(in crate::mesh) fn reqwest_connector<M>(
    make: M,
) -> reqwest::Result<Connector<EndpointTransport>>
where
    M: Fn() -> reqwest::ClientBuilder + Send + Sync + 'static,
{
    let make: MakeBuilder = Arc::new(make);
    // At once, so that what cannot be built is an error of the caller's.
    let builder = make();
    let settings = Settings::of(&builder);
    builder.build()?;
    if settings.has_default_headers {
        tracing::warn!(
            "default headers of a `reqwest::ClientBuilder` are not sent over the connections of a mesh; \
             set them by `Client::with_default_headers`"
        );
    }
    Ok(over(Dialer::of_reqwest(make, &settings)))
}

fn over(dialer: Dialer) -> Connector<EndpointTransport> {
    let dialer = Arc::new(dialer);
    Connector::new(move |transport_key: &TransportKey, state| {
        let places = Arc::new(Places::new(transport_key, state, &dialer));
        // Of a cluster with automatic TLS, the endpoints that are not labelled for it.
        let plain = transport_key.without_automatic_tls();
        let plain = plain.map(|key| Arc::new(Places::new(&key, state, &dialer)));
        let transport_key = transport_key.clone();
        Box::new(move |endpoint| {
            let places = match &plain {
                Some(plain) if !transport_key.is_tls(endpoint) => plain,
                _ => &places,
            };
            EndpointTransport::new(Arc::new(places.place()))
        })
    })
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
