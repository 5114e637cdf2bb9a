use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use tower_service::Service;

use crate::foundation::http::authority::{default_port, host_of};
use crate::policies::load_balance::set_authority;

/// Service that sends requests to the address of one endpoint and keeps their host in `Host`.
#[derive(Clone, Debug)]
pub struct EndpointService<S> {
    address: Option<Authority>,
    /// Other names of the address's host; a request for one of them keeps its authority.
    aliases: Arc<[Box<str>]>,
    inner: S,
    tls: bool,
}

impl<S> EndpointService<S> {
    /// Creates a service that sends to `address`, or to the request's own authority without one; with `tls` over
    /// TLS, whatever the request's scheme.
    pub(in crate::mesh) const fn new(
        address: Option<Authority>,
        aliases: Arc<[Box<str>]>,
        tls: bool,
        inner: S,
    ) -> Self {
        Self {
            address,
            aliases,
            inner,
            tls,
        }
    }
}

impl<S, B> Service<Request<B>> for EndpointService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(address) = &self.address
            && !is_at(request.uri(), address, &self.aliases)
        {
            set_authority(&mut request, address);
        }
        if self.tls && request.uri().scheme() != Some(&Scheme::HTTPS) {
            by_tls(&mut request);
        }
        self.inner.call(request)
    }
}

/// Returns true if the request's authority is the address already, spelled differently: by an alias, or with
/// the default port of its scheme.
fn is_at(uri: &Uri, address: &Authority, aliases: &[Box<str>]) -> bool {
    let Some(authority) = uri.authority() else {
        return false;
    };
    if authority == address {
        return true;
    }
    // The names first: most other authorities are not as long, and their ports need not be read.
    let (host, port) = host_of(authority);
    let (own, own_port) = host_of(address);
    let is_here = |name: &str| host.eq_ignore_ascii_case(name);
    (is_here(own) || aliases.iter().any(|alias| is_here(alias)))
        && port.or_else(|| uri.scheme_str().map(default_port)) == own_port
}

fn by_tls<B>(request: &mut Request<B>) {
    let uri = std::mem::take(request.uri_mut());
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or(uri);
}
