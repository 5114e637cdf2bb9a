//! The trace that the running code is part of.

use std::cell::Cell;
use std::mem;

use http::HeaderMap;
use tracing::Span;
use tracing::span::Entered;

use super::instrumented::Instrumented;
use super::pooled_context::PooledContext;
use crate::policies::telemetry::TraceContext;
use crate::policies::telemetry::propagation::request_id;

thread_local! {
    static CURRENT: Cell<PooledContext> = const { Cell::new(PooledContext::NONE) };
}

impl TraceContext {
    /// Returns the place in its trace of the call that the running code is part of, if it has one.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::of_current(Self::clone)
    }

    /// Returns what `f` makes of the current place.
    pub(in crate::policies::telemetry) fn of_current<T>(f: impl FnOnce(&Self) -> T) -> Option<T> {
        // The thread's own storage is gone while the thread ends: nothing runs for a request then.
        CURRENT
            .try_with(|cell| {
                let current = cell.take();
                let made = f(current.get()?);
                cell.set(current);
                Some(made)
            })
            .ok()?
    }

    /// Runs `f` as part of this trace.
    pub fn scope<T>(self, f: impl FnOnce() -> T) -> T {
        let mut scope = Scope::of(PooledContext::new(self));
        let _entered = scope.enter();
        f()
    }

    /// Wraps `future` so that each poll of it is part of this trace.
    pub fn scoped<F>(self, future: F) -> Instrumented<F> {
        Instrumented::new(future, Scope::of(PooledContext::new(self)))
    }
}

/// What some code runs in: a trace and a span of `tracing`, or the one around it if it has none.
#[derive(Debug)]
pub(crate) struct Scope {
    // Boxed: nobody listens to most spans, and a scope moves with its call.
    span: Option<Box<Span>>,
    trace: PooledContext,
}

impl Scope {
    #[inline]
    pub(in crate::policies::telemetry) fn new(trace: PooledContext, span: Span) -> Self {
        let span = (!span.is_disabled()).then(|| Box::new(span));
        Self { span, trace }
    }

    /// The scope of a trace that nobody listens to.
    #[inline]
    pub(in crate::policies::telemetry) const fn of(trace: PooledContext) -> Self {
        Self { span: None, trace }
    }

    /// The scope of what changes nothing.
    pub(crate) const fn none() -> Self {
        Self::of(PooledContext::NONE)
    }

    /// Tells the request id that goes with this trace, if it has one.
    pub(crate) fn write_request_id(&self, headers: &mut HeaderMap) {
        let trace = self.trace.get();
        if let Some(id) = trace.and_then(|trace| trace.request_id.as_ref()) {
            request_id::overwrite(id, headers);
        }
    }

    /// The scope of the running code, to be taken elsewhere.
    pub(in crate::policies::telemetry) fn current() -> Self {
        let trace = TraceContext::current().map_or(PooledContext::NONE, PooledContext::new);
        Self::new(trace, Span::current())
    }

    /// Makes this the current scope until the guard is dropped, also by a panic.
    #[inline]
    pub(crate) fn enter(&mut self) -> ScopeGuard<'_> {
        ScopeGuard {
            _trace: ContextSwap::new(&mut self.trace),
            _span: self.span.as_deref().map(Span::enter),
        }
    }
}

/// A scope that is the current one.
pub(crate) struct ScopeGuard<'a> {
    // Left in this order, the reverse of how they were entered.
    _span: Option<Entered<'a>>,
    _trace: ContextSwap<'a>,
}

/// A trace that changed places with the thread's current one, and changes back.
///
/// Nothing is copied and no count is touched: this happens twice for each poll.
struct ContextSwap<'a>(Option<&'a mut PooledContext>);

impl<'a> ContextSwap<'a> {
    #[inline]
    fn new(place: &'a mut PooledContext) -> Self {
        if place.is_none() {
            return Self(None);
        }
        swap(place);
        Self(Some(place))
    }
}

impl Drop for ContextSwap<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = &mut self.0 {
            swap(place);
        }
    }
}

#[inline]
fn swap(place: &mut PooledContext) {
    // As in `of_current`: a thread that ends has no trace to change with.
    let _ = CURRENT.try_with(|current| *place = current.replace(mem::take(place)));
}
