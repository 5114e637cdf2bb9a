//! Protocol upgrades that a caller of a gateway requests (RFC 9110, section 7.8).

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version, header,
};

use crate::foundation::outcome::Rejection;
use crate::mesh::service_mesh::options::Options;
use crate::mesh::service_mesh::options::tunnel::CallersEnd;

/// Upgrade protocol that Istio enables at gateways.
const ALLOWED: &str = "websocket";

/// Protocol upgrade that a request asks for.
#[derive(Debug)]
pub(in crate::mesh) struct Upgrade {
    caller: CallersEnd,
    protocol: HeaderValue,
}

impl Upgrade {
    /// Returns the upgrade that a request asks for, if any.
    ///
    /// # Errors
    ///
    /// As in Envoy, other protocols are rejected. So is CONNECT, which no route matches. An upgrade
    /// to HTTP/2 (`h2c`) is ignored, and the request is forwarded without it.
    pub(in crate::mesh) fn of<B>(
        request: &mut Request<B>,
        options: &Options,
    ) -> Result<Option<Box<Self>>, Rejection> {
        if request.method() == Method::CONNECT {
            return Err(Rejection::NoRoute);
        }
        if !request.headers().contains_key(header::UPGRADE) {
            return Ok(None);
        }
        Self::read(request, options)
    }

    #[cold]
    fn read<B>(
        request: &mut Request<B>,
        options: &Options,
    ) -> Result<Option<Box<Self>>, Rejection> {
        let headers = request.headers();
        // HTTP/1.0 has no upgrades, and HTTP/2 has extended CONNECT instead.
        if request.version() != Version::HTTP_11 || !names_upgrade(headers) {
            return Ok(None);
        }
        let mut asked = headers.get_all(header::UPGRADE).iter();
        let (protocol, more) = (asked.next().cloned(), asked.next());
        let protocol = protocol.ok_or(Rejection::UpgradeRefused)?;
        // RFC 9113 removed the `h2c` upgrade, and a server may ignore any upgrade.
        if more.is_none() && protocol.as_bytes().eq_ignore_ascii_case(b"h2c") {
            return Ok(None);
        }
        let is_allowed = more.is_none() && is(&protocol, ALLOWED);
        let caller = is_allowed.then(|| CallersEnd::of(request, tunnels(options)));
        let Some(Some(caller)) = caller else {
            return Err(Rejection::UpgradeRefused);
        };
        Ok(Some(Box::new(Self { caller, protocol })))
    }

    /// Writes the upgrade headers for the next hop; those of the caller's hop have been removed.
    pub(in crate::mesh) fn ask(&self, headers: &mut HeaderMap) {
        write(headers, self.protocol.clone());
    }

    /// Completes the upgrade if the upstream switched protocols.
    ///
    /// # Errors
    ///
    /// Returns the response unchanged if the upstream did not switch: the caller's connection stays HTTP.
    pub(in crate::mesh) fn switch<R: Send + 'static>(
        self,
        response: Response<R>,
    ) -> Result<Response<()>, Response<R>> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(response);
        }
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let mut switched = self.caller.join(response)?;
        // The upstream's `Connection` is about its own hop; the caller's is written next.
        remove_hop_by_hop_headers(switched.headers_mut());
        write(switched.headers_mut(), protocol.unwrap_or(self.protocol));
        Ok(switched)
    }
}

#[cfg(feature = "hyper")]
const fn tunnels(options: &Options) -> &crate::mesh::service_mesh::options::tunnel::Tunnels {
    &options.tunnels
}

#[cfg(not(feature = "hyper"))]
const fn tunnels(
    _options: &Options,
) -> &'static crate::mesh::service_mesh::options::tunnel::Tunnels {
    &crate::mesh::service_mesh::options::tunnel::Tunnels
}

fn names_upgrade(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::CONNECTION).iter();
    let names = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    names
        .map(<[u8]>::trim_ascii)
        .any(|name| name.eq_ignore_ascii_case(b"upgrade"))
}

fn is(value: &HeaderValue, protocol: &str) -> bool {
    value
        .as_bytes()
        .trim_ascii()
        .eq_ignore_ascii_case(protocol.as_bytes())
}

fn write(headers: &mut HeaderMap, protocol: HeaderValue) {
    let connection = HeaderValue::from_static("upgrade");
    headers.insert(header::CONNECTION, connection);
    headers.insert(header::UPGRADE, protocol);
}

/// Removes the hop-by-hop headers (RFC 9110, section 7.6.1) except `te: trailers`, which
/// gRPC requires of every hop.
pub(in crate::mesh) fn remove_hop_by_hop_headers(headers: &mut HeaderMap) {
    let named = |value: &HeaderValue| {
        let names = value.to_str().unwrap_or_default().split(',');
        names
            .filter_map(|name| HeaderName::try_from(name.trim()).ok())
            .collect::<Vec<_>>()
    };
    if headers.contains_key(header::CONNECTION) {
        let connection = headers.get_all(header::CONNECTION).iter();
        for name in connection.flat_map(named).collect::<Vec<_>>() {
            // `TE` is decided by its value below.
            if name != header::TE {
                headers.remove(name);
            }
        }
    }
    for name in [
        header::CONNECTION,
        HeaderName::from_static("keep-alive"),
        HeaderName::from_static("proxy-connection"),
        header::TRANSFER_ENCODING,
        header::UPGRADE,
    ] {
        headers.remove(name);
    }
    if headers.get(header::TE).is_some_and(|te| te != "trailers") {
        headers.remove(header::TE);
    }
}
