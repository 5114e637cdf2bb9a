use std::sync::Arc;
use std::task::{Context, Poll};

use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use tower_service::Service;

use crate::foundation::http::authority::{default_port, host_of};
use crate::policies::load_balance::set_authority;

/// Sends requests to the address of one endpoint, and leaves whom they are for in their `Host`.
#[derive(Clone, Debug)]
pub struct EndpointService<S> {
    address: Option<Authority>,
    /// Other names for the host of the address, by which a request may stay addressed.
    aliases: Arc<[Box<str>]>,
    inner: S,
    tls: bool,
}

impl<S> EndpointService<S> {
    /// Sends to `address`, or where the request is addressed to; by TLS whatever the request says, if
    /// that is wanted.
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

/// Says that a request is addressed to the place already, if not in the same words: by another name, or with
/// a port that its scheme stands for anyway.
fn is_at(uri: &Uri, address: &Authority, aliases: &[Box<str>]) -> bool {
    let Some(authority) = uri.authority() else {
        return false;
    };
    if authority == address {
        return true;
    }
    let scheme = || uri.scheme_str().map(default_port);
    // A place elsewhere mostly has another port, or is a name by which nobody calls.
    let (host, port) = host_of(authority);
    let (own, own_port) = host_of(address);
    let is_here = |name: &str| host.eq_ignore_ascii_case(name);
    port.or_else(scheme) == own_port && (is_here(own) || aliases.iter().any(|alias| is_here(alias)))
}

fn by_tls<B>(request: &mut Request<B>) {
    let uri = std::mem::take(request.uri_mut());
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(Scheme::HTTPS);
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or(uri);
}
