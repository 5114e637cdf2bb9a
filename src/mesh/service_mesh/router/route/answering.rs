use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project::pin_project;

use crate::foundation::events::local_reply;
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{
    Failure, LocalReplyBody, Rejection, ResetReason, Source, attempts,
};
use crate::policies::timeout::TimeoutBody;

/// Response future of a destination that, at a gateway, converts upstream failures to local replies.
///
/// It is inside the route's header changes, because these apply to such a
/// reply too.
#[pin_project]
#[derive(Debug)]
pub struct Answering<F> {
    caller: Caller,
    #[pin]
    inner: F,
}

/// Kind of caller, by which a failure is answered.
#[derive(Clone, Debug)]
pub(in crate::mesh) enum Caller {
    /// A caller in the same process, which gets the error itself.
    Client,
    /// A caller of a gateway, which gets a response with the source of the destination.
    Gateway { is_grpc: bool, source: Arc<Source> },
}

impl Caller {
    pub(in crate::mesh) fn of<B>(
        is_gateway: bool,
        request: &Request<B>,
        source: &Arc<Source>,
    ) -> Self {
        if is_gateway {
            Self::Gateway {
                is_grpc: RequestHead::of(request).is_grpc(),
                source: Arc::clone(source),
            }
        } else {
            Self::Client
        }
    }
}

impl<F> Answering<F> {
    pub(in crate::mesh) const fn new(inner: F, caller: Caller) -> Self {
        Self { caller, inner }
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<TimeoutBody<R>>, E>>,
    E: 'static,
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Caller::Gateway { is_grpc, source } = this.caller else {
            // Forwards the poll without a move of the response.
            return this.inner.poll(cx);
        };
        Poll::Ready(match ready!(this.inner.poll(cx)) {
            Err(error) => Ok(failed(&error, source, *is_grpc).map(TimeoutBody::local_reply)),
            answered => answered,
        })
    }
}

/// Returns Envoy's local reply for an upstream failure.
#[cold]
pub(in crate::mesh) fn failed<E: 'static>(
    error: &E,
    source: &Arc<Source>,
    is_grpc: bool,
) -> Response<LocalReplyBody> {
    let retried = attempts::take() > 1;
    let rejection = match Failure::of(error) {
        Failure::RequestBody => Rejection::RequestBody,
        failure => Rejection::UpstreamReset {
            reason: ResetReason::of(error, failure),
            retried,
        },
    };
    local_reply(source, rejection, is_grpc)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::foundation::http::GrpcStatus;

    #[test]
    fn a_failure_is_answered_with_envoys_status_and_flag() {
        for (kind, status, flag) in [
            (io::ErrorKind::BrokenPipe, 503, "UC"),
            (io::ErrorKind::ConnectionRefused, 503, "UF"),
            (io::ErrorKind::ConnectionReset, 503, "UR"),
            (io::ErrorKind::InvalidData, 502, "UPE"),
            (io::ErrorKind::TimedOut, 504, "UT"),
        ] {
            let error = io::Error::from(kind);
            let source = Arc::default();
            let plain = failed(&error, &source, false);
            let rejection = Rejection::of(&plain).expect("it says why");
            assert_eq!((plain.status().as_u16(), rejection.flag()), (status, flag));
            let grpc = failed(&error, &source, true);
            assert_eq!(grpc.status(), 200, "{kind:?}");
            let status = GrpcStatus::from_headers(grpc.headers());
            assert_eq!(status, Some(GrpcStatus::UNAVAILABLE), "{kind:?}");
        }
    }
}
