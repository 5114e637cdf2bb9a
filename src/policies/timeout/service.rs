use std::fmt::{self, Debug, Formatter};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::body::limits::CallLimits;
use super::policy_snapshot::PolicySnapshot;
use super::{TimeoutBody, TimeoutFuture, TimeoutPolicy};
use crate::foundation::events::Emitter;
use crate::foundation::http::{HeaderScan, grpc};
use crate::foundation::outcome::LocalReplyBody;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::Switchable;
use crate::foundation::sync::sharded_arc::{ShardedArc, ShardedArcRef};

/// Responds with 504 if a service takes too long.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    inner: S,
    shared: ShardedArcRef<Shared>,
}

impl<S> Timeout<S> {
    pub(super) const fn new(inner: S, shared: ShardedArcRef<Shared>) -> Self {
        Self { inner, shared }
    }

    /// Replaces the inner service.
    #[inline]
    pub(crate) fn map_inner<T>(self, map: impl FnOnce(S) -> T) -> Timeout<T> {
        Timeout {
            inner: map(self.inner),
            shared: self.shared,
        }
    }

    pub(crate) const fn inner(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the limits of a call that starts now and writes them into its headers; `None` if
    /// nothing limits it. The error is the response to a request whose deadline has passed. `scan`
    /// is of the request's headers, if an outer service has made one.
    #[inline]
    pub(crate) fn admit<B>(
        &self,
        request: &mut Request<B>,
        scan: Option<HeaderScan>,
    ) -> Result<Option<CallLimits>, Box<Response<LocalReplyBody>>> {
        let admitted = self.shared.admit(request.headers_mut(), scan);
        admitted.map_err(|rejection| {
            let grpc = grpc::is_grpc(request.headers());
            Box::new(self.shared.emitter().reject(rejection, grpc))
        })
    }
}

impl<S, B, R> Service<Request<B>> for Timeout<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body<Data = Bytes>,
{
    type Response = Response<TimeoutBody<R>>;
    type Error = S::Error;
    type Future = TimeoutFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.admit(&mut request, None) {
            Ok(limits) => {
                // Built in place: a future of several layers is hundreds of bytes, and a `let`
                // would move it.
                TimeoutFuture::calling(
                    {
                        // The inner service may send a request in `call` itself, so the deadline is
                        // set here, too.
                        let _guard = limits.as_ref().and_then(CallLimits::enter);
                        self.inner.call(request)
                    },
                    limits,
                )
            }
            Err(response) => TimeoutFuture::rejected(response),
        }
    }
}

/// True if nothing limits a call under this policy.
fn is_off(snapshot: &ShardedArc<PolicySnapshot>) -> bool {
    snapshot.policy().is_off()
}

/// State shared by all clones of a timeout.
pub(super) struct Shared {
    snapshot: Switchable<ShardedArc<PolicySnapshot>>,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("total", &self.snapshot.load().policy().total_timeout())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: TimeoutPolicy, emitter: Emitter) -> Self {
        let snapshot = ShardedArc::new(PolicySnapshot::new(policy, emitter));
        Self {
            snapshot: Switchable::new(snapshot, is_off),
        }
    }

    pub(super) fn emitter(&self) -> Emitter {
        self.snapshot.load().emitter().clone()
    }

    pub(super) fn reconfigure(&self, policy: TimeoutPolicy) {
        // Concurrent calls: the last one wins, and both keep the state.
        self.snapshot.replace(
            |current| ShardedArc::new(current.reconfigured(policy)),
            is_off,
        );
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> TimeoutPolicy {
        self.snapshot.load().policy().clone()
    }

    /// Returns the limits of a call that starts now; `None` if nothing limits it.
    #[inline]
    fn admit(
        &self,
        headers: &mut HeaderMap,
        scan: Option<HeaderScan>,
    ) -> Result<Option<CallLimits>, Rejection> {
        let current = self.snapshot.load_unless_off();
        let Some(current) = current.filter(|current| !is_off(current)) else {
            return Ok(None);
        };
        PolicySnapshot::admit(&current, headers, scan)
    }
}
