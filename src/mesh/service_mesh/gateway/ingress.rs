use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use http_body::Body;
use pin_project::pin_project;
use tower_service::Service;

use super::upgrade::{Upgrade, remove_hop_by_hop_headers};
use crate::foundation::admission::{NoopTicket, WatchedBody};
use crate::foundation::events::local_reply;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, split_port};
use crate::foundation::outcome::BoxError;
use crate::foundation::outcome::{LocalReplyBody, Rejection, ResetReason, Source};
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::router::route::answering::failed;
use crate::mesh::service_mesh::router::service::{Router, RouterBody};
use crate::mesh::service_mesh::router::upstream::mesh_transport::MeshTransport;
use crate::policies::telemetry::{Traced, TracedBody};

/// Service that accepts requests for the hosts of a gateway's servers and forwards them.
#[derive(Debug)]
pub struct Ingress<S, B> {
    inner: Traced<Router<S, B>>,
    port: Option<u16>,
    proxy: Arc<Proxy>,
    /// Source of the responses that the gateway itself creates.
    source: Arc<Source>,
}

/// Body of a response of an [`Ingress`].
type IngressBody<R> = WatchedBody<TracedBody<RouterBody<R>>, NoopTicket>;

impl<S, B> Ingress<S, B> {
    pub(in crate::mesh) fn new(
        inner: Traced<Router<S, B>>,
        port: Option<u16>,
        proxy: Arc<Proxy>,
    ) -> Self {
        let source = Arc::new(proxy.source());
        Self {
            inner,
            port,
            proxy,
            source,
        }
    }

    /// Returns the local reply to a request that is not forwarded.
    fn local_reply(&self, head: RequestHead<'_>) -> Option<Response<LocalReplyBody>> {
        let proxy_config = self.proxy.config();
        let (host, _) = split_port(authority(&head));
        if proxy_config.servers_of(host, self.port).next().is_none() {
            let source = Arc::new(Source::clone(&self.source).with_host(host));
            RequestRecord::note_source(|| Arc::clone(&source));
            let emitter = self.proxy.emitter(Source::clone(&source));
            return Some(emitter.reject(Rejection::NoRoute, head.is_grpc()));
        }
        let mut response = proxy_config.https_redirect(self.port, head)?;
        self.source.write_to(response.extensions_mut());
        Some(response)
    }
}

impl<S, B> Clone for Ingress<S, B> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
            port: self.port,
            proxy: Arc::clone(&self.proxy),
            source: Arc::clone(&self.source),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Ingress<S, B>
where
    S: MeshTransport<B, ResponseBody = R>,
    B: Body + Send + 'static,
    B::Error: Into<BoxError>,
    R: Body<Data = Bytes> + Send + 'static,
    R::Error: Into<BoxError> + 'static,
{
    type Response = Response<IngressBody<R>>;
    type Error = Infallible;
    type Future = IngressFuture<<Traced<Router<S, B>> as Service<Request<B>>>::Future>;

    /// Always returns ready, as each destination does.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let head = RequestHead::of(&request);
        // First: an unknown host is answered without reading the rest of the request.
        if let Some(response) = self.local_reply(head) {
            return IngressFuture::answer(response);
        }
        let upgrade = match Upgrade::of(&mut request, &self.proxy.options) {
            Ok(upgrade) => upgrade,
            Err(rejection) => return IngressFuture::answer(self.refuse(rejection, &request)),
        };
        // After `Upgrade::of`, which reads the headers that are removed here.
        remove_hop_by_hop_headers(request.headers_mut());
        if let Some(upgrade) = &upgrade {
            upgrade.ask(request.headers_mut());
        }
        let state = State::Calling {
            inner: self.inner.call(request),
            source: Arc::clone(&self.source),
            upgrade,
        };
        IngressFuture { state }
    }
}

impl<S, B> Ingress<S, B>
where
    S: Clone + Send + Sync + 'static,
{
    /// Rejects an upgrade to another protocol and closes the connection, since the caller may already use that
    /// protocol on it.
    #[cold]
    fn refuse(&self, rejection: Rejection, request: &Request<B>) -> Response<LocalReplyBody> {
        let head = RequestHead::of(request);
        let mut response = self.inner.inner().refuse(rejection, head);
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
        response
    }
}

/// Response future of [`Ingress`].
#[pin_project]
#[derive(Debug)]
pub struct IngressFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F> {
    // Boxed: a response is 10 words, and few requests are answered here.
    LocalReply(Option<Box<Response<LocalReplyBody>>>),
    Calling {
        #[pin]
        inner: F,
        source: Arc<Source>,
        upgrade: Option<Box<Upgrade>>,
    },
}

impl<F> IngressFuture<F> {
    fn answer(response: Response<LocalReplyBody>) -> Self {
        let state = State::LocalReply(Some(Box::new(response)));
        Self { state }
    }
}

impl<F, R, E> Future for IngressFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body<Data = Bytes> + Send + 'static,
    E: 'static,
{
    type Output = Result<Response<WatchedBody<R, NoopTicket>>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(match self.project().state.project() {
            StateProj::LocalReply(response) => {
                let response = response.take().expect("not polled after completion");
                response.map(WatchedBody::local_reply)
            }
            StateProj::Calling {
                inner,
                source,
                upgrade,
            } => match ready!(inner.poll(cx)) {
                Ok(response) => answered(response, source, upgrade.take()),
                // The stack inside answers upstream failures: this is the rest.
                Err(error) => failed(&error, source, false).map(WatchedBody::local_reply),
            },
        }))
    }
}

fn answered<R>(
    mut response: Response<R>,
    source: &Arc<Source>,
    upgrade: Option<Box<Upgrade>>,
) -> Response<WatchedBody<R, NoopTicket>>
where
    R: Send + 'static,
{
    if let Some(upgrade) = upgrade {
        match upgrade.switch(response) {
            Ok(switched) => {
                return switched.map(|()| WatchedBody::local_reply(LocalReplyBody::empty()));
            }
            Err(same) => response = same,
        }
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return switched_unasked(source).map(WatchedBody::local_reply);
    }
    remove_hop_by_hop_headers(response.headers_mut());
    // The version belongs to the upstream's connection; a caller over HTTP/1.1 would see it.
    *response.version_mut() = Version::HTTP_11;
    response.map(WatchedBody::unwatched)
}

/// Answers for an upstream that switched to a protocol without a request for it, or whose connection
/// cannot be taken over.
#[cold]
fn switched_unasked(source: &Arc<Source>) -> Response<LocalReplyBody> {
    let reason = ResetReason::ProtocolError;
    let retried = false;
    local_reply(source, Rejection::UpstreamReset { reason, retried }, false)
}
