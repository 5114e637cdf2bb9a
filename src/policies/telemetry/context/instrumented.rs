use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project::{pin_project, pinned_drop};

use super::current::Scope;

/// Future whose polls, and whose drop, run inside a trace; see
/// [`in_current_trace`](InCurrentTrace::in_current_trace).
#[pin_project(PinnedDrop)]
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Instrumented<T> {
    /// Inner value; none once it is done, so that the future can be dropped inside the trace before
    /// the scope.
    #[pin]
    inner: Option<T>,
    scope: Scope,
}

impl<T> Instrumented<T> {
    #[inline]
    pub(in crate::policies::telemetry) const fn new(inner: T, scope: Scope) -> Self {
        Self {
            inner: Some(inner),
            scope,
        }
    }

    /// Runs `f` on the inner value, inside the trace.
    #[inline]
    pub(in crate::policies::telemetry) fn with<U>(
        self: Pin<&mut Self>,
        f: impl FnOnce(Pin<&mut T>) -> U,
    ) -> U {
        let this = self.project();
        let _inside = this.scope.enter();
        f(this
            .inner
            .as_pin_mut()
            .expect("not polled after completion"))
    }

    /// Polls the inner value with `f` inside the trace, and drops it there once it is done.
    #[inline]
    pub(in crate::policies::telemetry) fn poll_until_done<U>(
        self: Pin<&mut Self>,
        f: impl FnOnce(Pin<&mut T>) -> Poll<U>,
    ) -> Poll<U> {
        let mut this = self.project();
        let _inside = this.scope.enter();
        let inner = this.inner.as_mut().as_pin_mut();
        let polled = f(inner.expect("not polled after completion"));
        if polled.is_ready() {
            this.inner.set(None);
        }
        polled
    }

    /// Takes the scope after the inner value is done.
    #[inline]
    pub(in crate::policies::telemetry) fn take_scope(self: Pin<&mut Self>) -> Scope {
        mem::replace(self.project().scope, Scope::none())
    }

    /// Sets the scope of an inner value that has none.
    #[inline]
    pub(in crate::policies::telemetry) fn set_scope(&mut self, scope: Scope) {
        self.scope.set(scope);
    }

    pub(in crate::policies::telemetry) const fn get(&self) -> Option<&T> {
        self.inner.as_ref()
    }
}

#[pinned_drop]
impl<T> PinnedDrop for Instrumented<T> {
    #[inline]
    fn drop(self: Pin<&mut Self>) {
        if self.inner.is_some() {
            let mut this = self.project();
            let _inside = this.scope.enter();
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.with(|inner| inner.poll(cx))
    }
}

/// Extension of futures to carry the current trace into a task.
pub trait InCurrentTrace: Sized {
    /// Wraps this future so that it runs inside the current trace, and inside the current span of
    /// `tracing`, wherever it is polled.
    ///
    /// Futures that a handler awaits or joins are inside its trace without this. A spawned task
    /// starts without a trace:
    ///
    /// ```
    /// use meshless::telemetry::{InCurrentTrace, TraceContext};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # TraceContext::begin(true).scoped(async {
    /// let task = tokio::spawn(async { TraceContext::current() }.in_current_trace());
    /// assert!(task.await.unwrap().is_some());
    /// # }).await;
    /// # }
    /// ```
    ///
    /// The caller's [`Deadline`](crate::Deadline) is not carried along. A spawned task usually
    /// continues after the response, when no caller waits for it, and must not be cut off then. For
    /// a task that is awaited, add [`Deadline::scoped`](crate::Deadline::scoped).
    fn in_current_trace(self) -> Instrumented<Self>;
}

impl<F: Future> InCurrentTrace for F {
    fn in_current_trace(self) -> Instrumented<Self> {
        Instrumented::new(self, Scope::current())
    }
}

/// Wraps a closure so that it runs inside the current trace, and inside the current span of
/// `tracing`, on any thread.
///
/// ```
/// use meshless::telemetry::{TraceContext, in_current_trace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// # TraceContext::begin(true).scoped(async {
/// let work = in_current_trace(|| TraceContext::current());
/// assert!(tokio::task::spawn_blocking(work).await.unwrap().is_some());
/// # }).await;
/// # }
/// ```
///
/// As with [`InCurrentTrace`], the caller's deadline is not carried along.
pub fn in_current_trace<T>(f: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let mut scope = Scope::current();
    move || {
        let _inside = scope.enter();
        f()
    }
}
