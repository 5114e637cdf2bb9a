use std::task::{Context, Poll};

use http::{Extensions, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::peer::Peer;

/// Layer that puts the identity and the addresses of the peer into the extensions of each request:
/// [`PeerIdentity`](crate::identity::PeerIdentity), [`LocalAddress`](crate::identity::LocalAddress),
/// [`ServerName`](crate::identity::ServerName).
///
/// The server of a mesh with certificates needs none. It is the outermost layer, and finds the [`Peer`] where axum and tonic put it: `ConnectInfo<Peer>` of
/// `into_make_service_with_connect_info::<Peer>()`, or `Peer`. For a connection that is served by hand it is made
/// [of its peer](Self::of).
#[derive(Clone, Debug, Default)]
pub struct PeerLayer {
    peer: Option<Peer>,
}

impl PeerLayer {
    /// Creates a layer that finds the peer in the extensions of the request.
    #[must_use]
    pub const fn new() -> Self {
        Self { peer: None }
    }

    /// Creates a layer for the requests of one connection.
    #[must_use]
    pub const fn of(peer: Peer) -> Self {
        Self { peer: Some(peer) }
    }
}

impl<S> Layer<S> for PeerLayer {
    type Service = PeerService<S>;

    fn layer(&self, inner: S) -> PeerService<S> {
        PeerService {
            inner,
            peer: self.peer.clone(),
        }
    }
}

/// Service behind a [`PeerLayer`].
#[derive(Clone, Debug)]
pub struct PeerService<S> {
    inner: S,
    peer: Option<Peer>,
}

impl<S, B> Service<Request<B>> for PeerService<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let extensions = request.extensions_mut();
        match &self.peer {
            Some(peer) => peer.write_to(extensions),
            None => identify(extensions),
        }
        self.inner.call(request)
    }
}

/// Puts the identity and the addresses of the peer into extensions that have the peer.
pub(crate) fn identify(extensions: &mut Extensions) {
    if let Some(peer) = find(extensions) {
        peer.write_to(extensions);
    }
}

fn find(extensions: &Extensions) -> Option<Peer> {
    #[cfg(feature = "axum")]
    if let Some(axum::extract::ConnectInfo(peer)) = extensions.get() {
        return Some(Peer::clone(peer));
    }
    extensions.get::<Peer>().cloned()
}
