use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::uri::Authority;
use http::{Request, Uri};
use http_body::Body as HttpBody;
use pin_project::pin_project;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Channel;
use tower_service::Service;

use crate::foundation::outcome::BoxError;

/// Sends requests with a tonic [`Channel`]: the innermost service of a stack.
///
/// Accepts any request body, such as that of a retry; a channel itself takes tonic's own only. Clones share the
/// channel's connection. See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Transport<S = Channel> {
    /// Authority of the first request that had one; `None` if the service reads it itself.
    authority: Option<Arc<OnceLock<Authority>>>,
    inner: S,
}

impl Transport {
    /// Creates a transport over a channel.
    ///
    /// A channel leads to its own address, whatever the authority of a request. So that no balancer believes to
    /// send to several, a request for another authority than the first one's fails with `FAILED_PRECONDITION`:
    /// balance over one transport per endpoint, and use `Workload::service` in a mesh.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self {
            authority: Some(Arc::default()),
            inner: channel,
        }
    }
}

impl<S> Transport<S> {
    /// Creates a transport over any service that takes tonic's bodies, such as the `Routes` of a server in a test,
    /// or a client that connects to the authority of each request.
    #[must_use]
    pub const fn from_service(service: S) -> Self {
        Self {
            authority: None,
            inner: service,
        }
    }

    /// Returns the error of a request for another authority than that of the first one.
    fn misaddressed(&self, uri: &Uri) -> Option<Status> {
        let (known, asked) = (self.authority.as_ref()?, uri.authority()?);
        let known = known.get_or_init(|| asked.clone());
        (known != asked).then(|| {
            Status::failed_precondition(format!(
                "request for {asked} over the channel that was used for {known}: a tonic channel leads to one \
                 address; make one transport per endpoint, or use `Workload::service` in a mesh"
            ))
        })
    }
}

impl From<Channel> for Transport {
    fn from(channel: Channel) -> Self {
        Self::new(channel)
    }
}

impl<S, B> Service<Request<B>> for Transport<S>
where
    S: Service<Request<Body>>,
    S::Error: Into<BoxError>,
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = TransportFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> TransportFuture<S::Future> {
        let state = match self.misaddressed(request.uri()) {
            None => State::Pending(self.inner.call(request.map(Body::new))),
            Some(status) => State::Misaddressed(Some(status)),
        };
        TransportFuture { state }
    }
}

/// Response future of [`Transport`].
#[pin_project]
#[derive(Debug)]
pub struct TransportFuture<F> {
    #[pin]
    state: State<F>,
}

#[pin_project(project = StateProj)]
#[derive(Debug)]
enum State<F> {
    Misaddressed(Option<Status>),
    Pending(#[pin] F),
}

impl<F, T, E> Future for TransportFuture<F>
where
    F: Future<Output = Result<T, E>>,
    E: Into<BoxError>,
{
    type Output = Result<T, BoxError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().state.project() {
            StateProj::Misaddressed(status) => {
                let status = status.take().expect("not polled after completion");
                Poll::Ready(Err(status.into()))
            }
            StateProj::Pending(inner) => inner.poll(cx).map_err(Into::into),
        }
    }
}
