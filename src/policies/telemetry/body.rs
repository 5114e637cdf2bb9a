use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project::pin_project;

use super::context::current::Scope;
use super::{Instrumented, SpanTicket};
use crate::foundation::admission::{Ticket, WatchedBody};

/// Response body of a trace layer: each of its frames is produced inside the trace, so that calls
/// made by the body carry the trace.
#[pin_project]
#[derive(Debug)]
pub struct TracedBody<R, T = SpanTicket> {
    #[pin]
    inner: Instrumented<WatchedBody<R, T>>,
}

impl<R, T> TracedBody<R, T> {
    #[inline]
    pub(crate) const fn new(inner: WatchedBody<R, T>, scope: Scope) -> Self {
        Self {
            inner: Instrumented::new(inner, scope),
        }
    }

    /// Wraps `inner` while the scope is entered; it [follows](Self::set_scope).
    #[inline]
    pub(super) const fn without_scope(inner: WatchedBody<R, T>) -> Self {
        Self::new(inner, Scope::none())
    }

    #[inline]
    pub(super) fn set_scope(&mut self, scope: Scope) {
        self.inner.set_scope(scope);
    }
}

impl<R, T> Default for TracedBody<R, T> {
    fn default() -> Self {
        Self::new(WatchedBody::default(), Scope::none())
    }
}

impl<R, T> Body for TracedBody<R, T>
where
    R: Body<Data = Bytes>,
    R::Error: 'static,
    T: Ticket,
{
    type Data = Bytes;
    type Error = R::Error;

    #[inline]
    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, R::Error>>> {
        self.project().inner.with(|inner| inner.poll_frame(cx))
    }

    #[inline]
    fn is_end_stream(&self) -> bool {
        self.inner.get().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner
            .get()
            .map_or_else(SizeHint::default, Body::size_hint)
    }
}
