use std::fmt::{self, Debug, Formatter};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;
use tower_service::Service;

use super::client::timed;
use super::transport::{Site, Timing};
use crate::BoxError;
use crate::base::authority::{authority, split_port, with_authority};
use crate::base::{Endpoint, RequestHead};
use crate::client::{Body as ReqwestBody, Transport, TransportFuture};
use crate::pool::{Pool, PoolBody, PoolFuture};

/// Begins a client.
pub(super) type MakeBuilder = Arc<dyn Fn() -> reqwest::ClientBuilder + Send + Sync>;

/// Sends the requests to one endpoint: with reqwest; or, if the number of connections to its destination
/// is limited and the request is not to be encrypted, over a [pool](crate::pool).
///
/// Clones share the connections.
#[derive(Clone, Debug)]
pub struct Connections {
    own: Option<Arc<Own>>,
    pool: Option<Pool>,
    shared: Transport,
}

impl Connections {
    pub(super) const fn new(pool: Option<Pool>, shared: Transport, own: Option<Arc<Own>>) -> Self {
        Self { own, pool, shared }
    }
}

impl<B> Service<Request<B>> for Connections
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ConnectionsBody>;
    type Error = BoxError;
    type Future = ConnectionsFuture;

    /// It is always ready, as what it sends with is.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> ConnectionsFuture {
        let inner = if request.uri().scheme() == Some(&Scheme::HTTPS) {
            let own = self.own.as_ref();
            match own.and_then(|own| own.transport(&mut request)) {
                Some(mut transport) => Inner::Reqwest(transport.call(request)),
                None => Inner::Reqwest(self.shared.call(request)),
            }
        } else if let Some(pool) = &mut self.pool {
            Inner::Pool(pool.call(request))
        } else {
            Inner::Reqwest(self.shared.call(request))
        };
        ConnectionsFuture { inner }
    }
}

/// How the endpoints of a destination are reached by TLS.
pub(super) struct ByTls {
    make: MakeBuilder,
    name: Option<Authority>,
    timing: Timing,
}

impl ByTls {
    /// Returns nothing where a request's address is also its name.
    pub(super) fn new(make: &MakeBuilder, site: &Site) -> Option<Self> {
        if site.is_by_name && site.tls.is_none() {
            return None;
        }
        let sni = site.tls.as_ref().and_then(|tls| tls.sni.as_ref());
        Some(Self {
            make: Arc::clone(make),
            name: sni.and_then(|sni| sni.parse().ok()),
            timing: site.timing,
        })
    }

    pub(super) fn at(&self, endpoint: &Endpoint) -> Arc<Own> {
        Arc::new(Own {
            endpoint: endpoint.clone(),
            make: Arc::clone(&self.make),
            name: self.name.clone(),
            timing: self.timing,
            transport: OnceLock::new(),
        })
    }
}

/// What connects to one endpoint under another name than its address; made when it is first needed.
pub(super) struct Own {
    endpoint: Endpoint,
    make: MakeBuilder,
    /// The name that is written, in place of the request's own.
    name: Option<Authority>,
    timing: Timing,
    transport: OnceLock<Option<Transport>>,
}

impl Own {
    /// Returns what a request is sent with, and names in it whose certificate is wanted; `None` if that
    /// is whom it is addressed to already.
    fn transport<B>(&self, request: &mut Request<B>) -> Option<Transport> {
        let name = if let Some(name) = &self.name {
            name.clone()
        } else {
            let (host, _) = split_port(authority(&RequestHead::of(request)));
            host.parse().ok()?
        };
        let (address, _) = split_port(self.endpoint.address().as_str());
        let is_ip = name.host().trim_matches(['[', ']']).parse::<IpAddr>();
        if is_ip.is_ok() || name.host().eq_ignore_ascii_case(address) {
            return None;
        }
        let transport = self.transport.get_or_init(|| {
            let builder = timed((self.make)(), self.timing);
            let built = Transport::to_endpoint(builder, &self.endpoint);
            let built = built.inspect_err(|error| {
                tracing::warn!("no connections of its own for {}: {error}", self.endpoint);
            });
            built.ok()
        });
        let transport = transport.clone()?;
        let headers = request.headers_mut();
        if headers
            .get(header::HOST)
            .is_some_and(|host| host.as_bytes() == name.as_str().as_bytes())
        {
            // The client says it by itself, over HTTP/2 in its own words.
            headers.remove(header::HOST);
        }
        let uri = std::mem::take(request.uri_mut());
        *request.uri_mut() = with_authority(uri, name, Scheme::HTTPS);
        Some(transport)
    }
}

impl Debug for Own {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("endpoint", &self.endpoint)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// Response future of [`Connections`].
#[pin_project]
#[derive(Debug)]
pub struct ConnectionsFuture {
    #[pin]
    inner: Inner,
}

#[pin_project(project = InnerProj)]
#[derive(Debug)]
enum Inner {
    Pool(#[pin] PoolFuture),
    Reqwest(#[pin] TransportFuture),
}

impl Future for ConnectionsFuture {
    type Output = Result<Response<ConnectionsBody>, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().inner.project() {
            InnerProj::Pool(inner) => ready!(inner.poll(cx))?.map(|body| ConnectionsBody {
                source: Source::Pool(body),
            }),
            InnerProj::Reqwest(inner) => ready!(inner.poll(cx))?.map(|body| ConnectionsBody {
                source: Source::Reqwest(body),
            }),
        }))
    }
}

/// The body of a response that came over [`Connections`].
#[pin_project]
#[derive(Debug)]
pub struct ConnectionsBody {
    #[pin]
    source: Source,
}

#[pin_project(project = SourceProj)]
#[derive(Debug)]
enum Source {
    Pool(#[pin] PoolBody),
    Reqwest(#[pin] ReqwestBody),
}

impl Body for ConnectionsBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match self.project().source.project() {
            SourceProj::Pool(body) => body.poll_frame(cx).map_err(Into::into),
            SourceProj::Reqwest(body) => body.poll_frame(cx).map_err(Into::into),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Pool(body) => body.is_end_stream(),
            Source::Reqwest(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Pool(body) => body.size_hint(),
            Source::Reqwest(body) => body.size_hint(),
        }
    }
}
