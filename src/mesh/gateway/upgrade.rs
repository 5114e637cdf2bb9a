//! Protocols that a caller of a gateway asks to switch to (RFC 9110, section 7.8).

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header};

use crate::foundation::outcome::Rejection;
use crate::mesh::options::Options;
use crate::mesh::options::tunnel::CallersEnd;

/// What Istio lets through a gateway.
const ALLOWED: &str = "websocket";

/// Switch of protocols that a request asks for.
#[derive(Debug)]
pub(in crate::mesh) struct Upgrade {
    caller: CallersEnd,
    protocol: HeaderValue,
}

impl Upgrade {
    /// Returns what a request asks for, if it asks for anything.
    ///
    /// # Errors
    ///
    /// As Envoy: a protocol that is not let through is refused. So is CONNECT, which no route is for. A
    /// request for HTTP/2 is no such request; it goes on without that.
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
        // HTTP/1.0 has no upgrades, and HTTP/2 has others.
        if request.version() != Version::HTTP_11 || !names_upgrade(headers) {
            return Ok(None);
        }
        let mut asked = headers.get_all(header::UPGRADE).iter();
        let (protocol, more) = (asked.next().cloned(), asked.next());
        let protocol = protocol.ok_or(Rejection::UpgradeRefused)?;
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

    /// Writes on the request, from which the headers of the caller's hop have been taken, what it asks for.
    pub(in crate::mesh) fn ask(&self, headers: &mut HeaderMap) {
        write(headers, self.protocol.clone());
    }

    /// Switches, if the upstream does; else its answer is one like any.
    ///
    /// # Errors
    ///
    /// Gives the response back: the caller's connection stays what it is.
    pub(in crate::mesh) fn switch<R: Send + 'static>(
        self,
        response: Response<R>,
    ) -> Result<Response<()>, Response<R>> {
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(response);
        }
        let protocol = response.headers().get(header::UPGRADE).cloned();
        let mut switched = self.caller.join(response)?;
        super::hop_by_hop::remove_hop_by_hop_headers(switched.headers_mut());
        write(switched.headers_mut(), protocol.unwrap_or(self.protocol));
        Ok(switched)
    }
}

#[cfg(feature = "hyper")]
const fn tunnels(options: &Options) -> &crate::mesh::options::tunnel::Tunnels {
    &options.tunnels
}

#[cfg(not(feature = "hyper"))]
const fn tunnels(_options: &Options) {}

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
