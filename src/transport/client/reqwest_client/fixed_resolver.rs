use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use http::uri::Authority;
use http::{HeaderValue, Request, header};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::foundation::endpoints::Endpoint;
use crate::foundation::http::authority::{default_port, split_port, with_authority};

/// Resolves every name to one endpoint.
#[derive(Debug)]
pub(in crate::transport::client) struct FixedResolver {
    host: Box<str>,
    /// The endpoint's port; 0 if it has none, and the default port of the request's scheme applies.
    port: u16,
}

impl FixedResolver {
    pub(in crate::transport::client) fn new(endpoint: &Endpoint) -> Self {
        let (host, port) = split_port(endpoint.address().as_str());
        let host = host.trim_start_matches('[').trim_end_matches(']');
        Self {
            host: host.into(),
            port: port.unwrap_or(0),
        }
    }
}

impl Resolve for FixedResolver {
    fn resolve(&self, _name: Name) -> Resolving {
        look_up(self.host.clone(), self.port)
    }
}

/// Returns the addresses of a host, which may be an address itself, with a port.
pub(crate) fn look_up(host: Box<str>, port: u16) -> Resolving {
    Box::pin(async move {
        if let Ok(ip) = host.parse() {
            let address = SocketAddr::new(ip, port);
            return Ok(Box::new(std::iter::once(address)) as Addrs);
        }
        let found = tokio::task::spawn_blocking(move || (&*host, port).to_socket_addrs());
        let addresses = found.await.map_err(io::Error::other)??;
        Ok(Box::new(addresses) as Addrs)
    })
}

/// Takes the port out of a request's URI, since reqwest would connect to it, and leaves it in `Host`.
pub(in crate::transport::client) fn leave_port_to_host<B>(request: &mut Request<B>) {
    let uri = request.uri();
    let (Some(authority), Some(scheme)) = (uri.authority(), uri.scheme()) else {
        return;
    };
    let Some(port) = authority.port_u16() else {
        return;
    };
    let is_default = port == default_port(scheme.as_str());
    let (text, scheme) = (authority.as_str(), scheme.clone());
    // User information before `@` is kept.
    let (user, place) = text.rsplit_once('@').map_or(("", text), |(_, place)| {
        (&text[..text.len() - place.len()], place)
    });
    let (host, _) = split_port(place);
    let Ok(portless) = Authority::try_from(format!("{user}{host}")) else {
        return;
    };
    if !is_default
        && !request.headers().contains_key(header::HOST)
        && let Ok(host) = HeaderValue::from_str(place)
    {
        request.headers_mut().insert(header::HOST, host);
    }
    let uri = std::mem::take(request.uri_mut());
    *request.uri_mut() = with_authority(uri, portless, scheme);
}
