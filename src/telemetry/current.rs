//! The trace that the running code is part of.

use std::cell::Cell;
use std::mem;

use http::HeaderMap;
use tracing::Span;
use tracing::span::Entered;

use super::boxed::Boxed;
use super::in_trace::InTrace;
use super::{TraceContext, request_id};

thread_local! {
    static CURRENT: Cell<Boxed> = const { Cell::new(Boxed::NONE) };
}

impl TraceContext {
    /// Returns the place in its trace of the call that the running code is part of, if it has one.
    #[must_use]
    pub fn current() -> Option<Self> {
        Self::of_current(Self::clone)
    }

    /// Returns what `f` makes of the current place.
    pub(super) fn of_current<T>(f: impl FnOnce(&Self) -> T) -> Option<T> {
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
        let mut scope = Scope::of(Boxed::new(self));
        let _entered = scope.enter();
        f()
    }

    /// Wraps `future` so that each poll of it is part of this trace.
    pub fn scoped<F>(self, future: F) -> InTrace<F> {
        InTrace::new(future, Scope::of(Boxed::new(self)))
    }
}

/// What some code runs in: a trace and a span of `tracing`, or the one around it if it has none.
#[derive(Debug)]
pub(crate) struct Scope {
    // Boxed: nobody listens to most spans, and a scope moves with its call.
    span: Option<Box<Span>>,
    trace: Boxed,
}

impl Scope {
    #[inline]
    pub(super) fn new(trace: Boxed, span: Span) -> Self {
        let span = (!span.is_disabled()).then(|| Box::new(span));
        Self { span, trace }
    }

    /// The scope of a trace that nobody listens to.
    #[inline]
    pub(super) const fn of(trace: Boxed) -> Self {
        Self { span: None, trace }
    }

    /// The scope of what changes nothing.
    pub(crate) const fn none() -> Self {
        Self::of(Boxed::NONE)
    }

    /// Tells the request id that goes with this trace, if it has one.
    pub(crate) fn tell_request_id(&self, headers: &mut HeaderMap) {
        let trace = self.trace.get();
        if let Some(id) = trace.and_then(|trace| trace.request_id.as_ref()) {
            request_id::overwrite(id, headers);
        }
    }

    /// The scope of the running code, to be taken elsewhere.
    pub(super) fn current() -> Self {
        let trace = TraceContext::current().map_or(Boxed::NONE, Boxed::new);
        Self::new(trace, Span::current())
    }

    /// Makes this the current scope until the guard is dropped, also by a panic.
    #[inline]
    pub(crate) fn enter(&mut self) -> Inside<'_> {
        Inside {
            _trace: Swapped::new(&mut self.trace),
            _span: self.span.as_deref().map(Span::enter),
        }
    }
}

/// A scope that is the current one.
pub(crate) struct Inside<'a> {
    // Left in this order, the reverse of how they were entered.
    _span: Option<Entered<'a>>,
    _trace: Swapped<'a>,
}

/// A trace that changed places with the thread's current one, and changes back.
///
/// Nothing is copied and no count is touched: this happens twice for each poll.
struct Swapped<'a>(Option<&'a mut Boxed>);

impl<'a> Swapped<'a> {
    #[inline]
    fn new(place: &'a mut Boxed) -> Self {
        if place.is_none() {
            return Self(None);
        }
        swap(place);
        Self(Some(place))
    }
}

impl Drop for Swapped<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(place) = &mut self.0 {
            swap(place);
        }
    }
}

#[inline]
fn swap(place: &mut Boxed) {
    // As in `of_current`: a thread that ends has no trace to change with.
    let _ = CURRENT.try_with(|current| *place = current.replace(mem::take(place)));
}
