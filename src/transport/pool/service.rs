use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body::Body;
use hyper::rt::{Read, Write};
use hyper_util::client::legacy::connect::{Connection, HttpConnector};
use tokio::runtime::Handle;
use tower_service::Service;

use super::connection::attempt::Attempt;
use super::connection::body::{PoolBody, Sent};
use super::connection::lease::SendError;
use super::key::{PoolKey, Way};
use super::shared::{Entry, Shared};
use super::wait::WaitError;
use super::{PoolPolicy, PoolStats};
use crate::foundation::deadline::Deadline;
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{BoxError, PoolError};

/// An HTTP client service with a connection pool.
///
/// Clones share the connections and the limits: a pool is one destination. When the last clone is
/// dropped, idle connections are closed, and the others when their responses have ended. See the
/// [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Pool {
    owner: Arc<Owner>,
}

/// Shared by all clones that may still send a request; dropping the last one shuts the pool down.
/// Connections and responses hold only [`Shared`].
#[derive(Debug)]
struct Owner(Arc<Shared>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.shutdown();
    }
}

impl Pool {
    /// Creates a pool over TCP connections without TLS, which reports to the [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn http(policy: PoolPolicy) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self::new(policy, connector)
    }

    /// Creates a pool over the connections that `connector` makes, which reports to the [`TracingObserver`](crate::telemetry::TracingObserver).
    ///
    /// Any connector of hyper-util's client can be used, including TLS connectors; it is called
    /// with `scheme://host:port/`. HTTP/2 is used if the connector reports it as negotiated.
    #[must_use]
    pub fn new<C>(policy: PoolPolicy, connector: C) -> Self
    where
        C: Service<Uri, Future: Send> + Clone + Send + 'static,
        C::Response: Connection + Read + Write + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
    {
        Self::with_emitter(policy, connector, Emitter::default())
    }

    /// Creates a pool that reports rejected requests to `observe`.
    #[must_use]
    pub fn with_observer<C>(policy: PoolPolicy, connector: C, observe: Arc<dyn Observe>) -> Self
    where
        C: Service<Uri, Future: Send> + Clone + Send + 'static,
        C::Response: Connection + Read + Write + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
    {
        Self::with_emitter(policy, connector, Emitter::new(observe))
    }

    named!(self => self.owner.0.emitter().clone());

    pub(crate) fn with_emitter<C>(policy: PoolPolicy, connector: C, emitter: Emitter) -> Self
    where
        C: Service<Uri, Future: Send> + Clone + Send + 'static,
        C::Response: Connection + Read + Write + Send + Unpin + 'static,
        C::Error: Into<BoxError>,
    {
        let place = Mutex::new((connector, None::<Handle>));
        let open = move |attempt: Attempt| {
            let (connector, runtime) = {
                let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                // Dropping a body may trigger an attempt outside a runtime, so the last known
                // runtime is kept.
                if let Ok(runtime) = Handle::try_current() {
                    place.1 = Some(runtime);
                }
                (place.0.clone(), place.1.clone())
            };
            // Without a runtime the attempt is dropped, which fails it.
            if let Some(runtime) = runtime {
                runtime.spawn(attempt.run(connector));
            }
        };
        let shared = Arc::new(Shared::new(policy, emitter, Box::new(open)));
        Self {
            owner: Arc::new(Owner(shared)),
        }
    }

    /// Replaces the policy while requests run.
    ///
    /// Connections within the new limits stay. Of the surplus ones, the idle are closed at once,
    /// and the others when their requests have ended. Waiting requests keep their positions.
    pub fn reconfigure(&self, policy: PoolPolicy) {
        self.owner.0.reconfigure(policy);
    }

    /// Returns why the last connection could not be made, if none was made since.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(crate) fn last_failure(&self) -> Option<PoolError> {
        self.owner.0.last_failure()
    }

    /// Closes the connections that were made in a way: those that carry no request at once, and the
    /// others when they are done.
    #[cfg(all(feature = "istio", feature = "reqwest"))]
    pub(crate) fn forget(&self, way: &Way) {
        self.owner.0.forget(way);
    }

    /// Returns how many connections there are and were, and how many requests wait.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        self.owner.0.stats()
    }
}

impl<B> Service<Request<B>> for Pool
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<PoolBody>;
    type Error = PoolError;
    type Future = PoolFuture;

    /// Always ready: a request waits for its connection in the response future.
    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), PoolError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> PoolFuture {
        self.send(request, None)
    }
}

impl Pool {
    /// Sends a request over a connection that is made in this way, if any, and else by the pool's connector.
    pub(crate) fn send<B>(&self, request: Request<B>, way: Option<Way>) -> PoolFuture
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let Some(key) = PoolKey::of(request.uri(), way) else {
            return PoolFuture::over(Err(PoolError::NoAuthority));
        };
        let deadline = Deadline::current();
        match self.owner.0.enter(&key, deadline) {
            Entry::Rejected(rejection) => {
                let is_grpc = RequestHead::of(&request).is_grpc();
                let response = self.owner.0.emitter().local_reply(rejection, is_grpc);
                PoolFuture::over(Ok(response.map(PoolBody::local_reply)))
            }
            entry => {
                let request = request.map(Sent::new);
                // A waiting request keeps the pool open, since it still needs a connection.
                let owner = matches!(entry, Entry::Waiting(_)).then(|| Arc::clone(&self.owner));
                let shared = Arc::clone(&self.owner.0);
                let sending = send(shared, owner, (key, deadline), entry, request);
                PoolFuture(State::Sending(Box::pin(sending)))
            }
        }
    }
}

async fn send(
    shared: Arc<Shared>,
    mut owner: Option<Arc<Owner>>,
    (key, deadline): (PoolKey, Option<Deadline>),
    mut entry: Entry,
    mut request: Request<Sent>,
) -> Result<Response<PoolBody>, PoolError> {
    loop {
        let mut lease = match entry {
            Entry::Leased(lease) => lease,
            Entry::Waiting(wait) => match wait.await {
                Ok(lease) => lease,
                Err(WaitError::Failed(error)) => return Err(error),
                Err(WaitError::Rejected(rejection)) => {
                    entry = Entry::Rejected(rejection);
                    continue;
                }
            },
            Entry::Rejected(rejection) => {
                let is_grpc = RequestHead::of(&request).is_grpc();
                let response = shared.emitter().local_reply(rejection, is_grpc);
                return Ok(response.map(PoolBody::local_reply));
            }
        };
        owner.take();
        if lease.has_to_be_looked_at() {
            let Some(looked_at) = lease.looked_at().await else {
                entry = shared.enter(&key, deadline);
                continue;
            };
            lease = looked_at;
        }
        match lease.send(request).await {
            Ok(response) => return Ok(response),
            Err(SendError::Failed(error)) => return Err(PoolError::Send(Arc::new(error))),
            // The connection was closed while idle, and nothing was written: safe to send on
            // another.
            Err(SendError::Retry(unsent)) => request = *unsent,
        }
        entry = shared.enter(&key, deadline);
    }
}

/// Response future of [`Pool`].
pub struct PoolFuture(State);

enum State {
    Over(Option<Box<Result<Response<PoolBody>, PoolError>>>),
    // Boxed: the future of an `async fn` cannot be named.
    Sending(Pin<Box<dyn Future<Output = Result<Response<PoolBody>, PoolError>> + Send>>),
}

impl PoolFuture {
    fn over(result: Result<Response<PoolBody>, PoolError>) -> Self {
        Self(State::Over(Some(Box::new(result))))
    }
}

impl Future for PoolFuture {
    type Output = Result<Response<PoolBody>, PoolError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Over(result) => {
                Poll::Ready(*result.take().expect("not polled after completion"))
            }
            State::Sending(sending) => sending.as_mut().poll(cx),
        }
    }
}

impl Debug for PoolFuture {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let state = match self.0 {
            State::Over(_) => "Over",
            State::Sending(_) => "Sending",
        };
        f.debug_struct("PoolFuture").field("state", &state).finish()
    }
}
