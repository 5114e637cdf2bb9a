//! Trace context of the running code, in a thread-local.

use std::cell::Cell;
use std::mem;

use http::HeaderMap;
use tracing::Span;
use tracing::dispatcher::Dispatch;
use tracing::span::Id;

use super::instrumented::Instrumented;
use super::pooled_context::PooledContext;
use super::request_id;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::events::request::record_ref::RecordRef;
use crate::foundation::sync::pooled::{Pooled, pool};
use crate::policies::telemetry::TraceContext;

// Set by a scope for the time of a poll, a drop or a call; read by layers further in and by
// `TraceContext::current`.
thread_local! {
    static CURRENT: Cell<PooledContext> = const { Cell::new(PooledContext::NONE) };
}

impl TraceContext {
    /// Returns the trace context of the running code, if it has one.
    #[must_use]
    pub fn current() -> Option<Self> {
        // A copy is no call's own: it lends itself to no attempt.
        Self::of_current(|current| Self {
            call_id: None,
            ..current.clone()
        })
    }

    /// Returns the result of `f` for the current context.
    pub(in crate::policies::telemetry) fn of_current<T>(f: impl FnOnce(&Self) -> T) -> Option<T> {
        // Fails only while the thread's storage is destroyed, when no request runs.
        CURRENT
            .try_with(|cell| {
                // Taken out while `f` runs, as a `Cell` lends no reference; `f` must not read the
                // current context.
                let current = cell.take();
                let made = f(current.get()?);
                cell.set(current);
                Some(made)
            })
            .ok()?
    }

    /// Returns the result of `f`, which may change the current context.
    #[inline]
    pub(in crate::policies::telemetry) fn change_current<T>(
        f: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        // As in `of_current`; `f` must not read the current context.
        CURRENT
            .try_with(|cell| {
                let mut current = cell.take();
                let made = current.get_mut().map(f);
                cell.set(current);
                made
            })
            .ok()?
    }

    /// Runs `f` inside this trace.
    pub fn scope<T>(self, f: impl FnOnce() -> T) -> T {
        let mut scope = Scope::of(PooledContext::new(self));
        let _entered = scope.enter();
        f()
    }

    /// Wraps `future` so that each poll of it runs inside this trace.
    pub fn scoped<F>(self, future: F) -> Instrumented<F> {
        Instrumented::new(future, Scope::of(PooledContext::new(self)))
    }
}

/// Trace context, `tracing` span and record to enter; without a context, the surrounding one stays
/// current.
#[derive(Debug)]
pub(crate) struct Scope {
    // Boxed: most calls are not observed, and a scope is moved with its call.
    observed: Option<Pooled<Observed>>,
    trace: PooledContext,
}

/// Parts of a scope that only an observed call has.
#[derive(Debug)]
struct Observed {
    record: Option<RecordRef>,
    /// None if no subscriber wants it.
    span: Option<Span>,
}

pool!(Observed);

impl Observed {
    #[cold]
    fn enter(&mut self) {
        RequestRecord::swap(&mut self.record);
        self.with_subscriber(Dispatch::enter);
    }

    #[cold]
    fn exit(&mut self) {
        self.with_subscriber(Dispatch::exit);
        RequestRecord::swap(&mut self.record);
    }

    fn with_subscriber(&self, f: impl FnOnce(&Dispatch, &Id)) {
        if let Some(span) = &self.span {
            span.with_subscriber(|(id, dispatch)| f(dispatch, id));
        }
    }
}

impl Scope {
    #[inline]
    pub(in crate::policies::telemetry) fn new(trace: PooledContext, span: Span) -> Self {
        if span.is_disabled() {
            return Self::of(trace);
        }
        Self::observed(trace, Some(span), None)
    }

    /// Creates the scope of a call whose end is observed.
    pub(in crate::policies::telemetry) fn recorded(
        trace: PooledContext,
        span: Span,
        record: RecordRef,
    ) -> Self {
        let span = (!span.is_disabled()).then_some(span);
        Self::observed(trace, span, Some(record))
    }

    fn observed(trace: PooledContext, span: Option<Span>, record: Option<RecordRef>) -> Self {
        Self {
            observed: Some(Pooled::new(Observed { record, span })),
            trace,
        }
    }

    /// Creates the scope of a trace without a `tracing` span.
    #[inline]
    pub(in crate::policies::telemetry) const fn of(trace: PooledContext) -> Self {
        Self {
            observed: None,
            trace,
        }
    }

    /// Creates a scope that changes nothing.
    pub(crate) const fn none() -> Self {
        Self::of(PooledContext::NONE)
    }

    /// Replaces a scope that changes nothing by `scope`.
    #[inline]
    pub(crate) fn set(&mut self, scope: Self) {
        // The empty one has nothing to drop, and looking for it would cost 15 instructions.
        mem::forget(mem::replace(self, scope));
    }

    /// Writes the trace's request id into `headers`, if it has one.
    pub(crate) fn write_request_id(&self, headers: &mut HeaderMap) {
        let trace = self.trace.get();
        if let Some(id) = trace.and_then(|trace| trace.request_id.as_ref()) {
            request_id::overwrite(id, headers);
        }
    }

    /// Returns the scope of the running code, for use elsewhere.
    pub(in crate::policies::telemetry) fn current() -> Self {
        let trace = TraceContext::current().map_or(PooledContext::NONE, PooledContext::new);
        Self::new(trace, Span::current())
    }

    /// Makes this the current scope until the guard is dropped, also by a panic.
    #[inline]
    pub(crate) fn enter(&mut self) -> ScopeGuard<'_> {
        ScopeGuard {
            _trace: ContextSwap::new(&mut self.trace),
            _observed: ObservedGuard::new(self.observed.as_deref_mut()),
        }
    }
}

/// Guard of an entered scope.
pub(crate) struct ScopeGuard<'a> {
    // Dropped in this order, the reverse of the order in which they were entered.
    _observed: ObservedGuard<'a>,
    _trace: ContextSwap<'a>,
}

/// Entered span and record; one word, as most calls have neither.
struct ObservedGuard<'a>(Option<&'a mut Observed>);

impl<'a> ObservedGuard<'a> {
    #[inline]
    fn new(mut observed: Option<&'a mut Observed>) -> Self {
        if let Some(observed) = &mut observed {
            observed.enter();
        }
        Self(observed)
    }
}

impl Drop for ObservedGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(observed) = &mut self.0 {
            observed.exit();
        }
    }
}

/// Swap of a trace context with the thread's current one, undone on drop.
///
/// It copies nothing and touches no reference count, as it happens twice for each poll.
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
    // As in `of_current`: a thread that shuts down has no current context.
    let _ = CURRENT.try_with(|current| *place = current.replace(mem::take(place)));
}
