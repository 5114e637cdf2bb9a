//! Makes the transports of clusters.

use std::sync::Arc;

use super::connector::{Connector, TransportKey};
use super::dialer::{Dialer, MakeBuilder};
use super::endpoint_transport::EndpointTransport;
use super::place::Places;
use crate::transport::client::TcpConnector;

/// Makes the transports of all destinations, with connections of the crate's own.
pub(in crate::mesh) fn own_connector(connector: TcpConnector) -> Connector<EndpointTransport> {
    over(Dialer::new(connector))
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
        Box::new(move |_| EndpointTransport::new(Arc::new(places.place())))
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
