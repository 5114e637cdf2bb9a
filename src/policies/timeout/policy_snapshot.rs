use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::body::limits::CallLimits;
use super::machine::{self, HeaderTimeouts, TimeBudget};
use super::policy::Extent;
use super::{Elapsed, TimeoutPolicy};
use crate::foundation::deadline::Deadline;
use crate::foundation::deadline::headers as time_left;
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::HeaderScan;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::sharded_arc::ShardedArc;
use crate::foundation::time::clock;

static INSTEAD_OF_TOTAL: HeaderName = HeaderName::from_static("x-envoy-upstream-rq-timeout-ms");
static INSTEAD_OF_PER_TRY: HeaderName =
    HeaderName::from_static("x-envoy-upstream-rq-per-try-timeout-ms");

/// A policy snapshot with its pre-built header values, and the state that survives reconfiguration.
/// The snapshot owns a reference to that state, so a call takes a single per-thread reference.
#[derive(Debug)]
pub(super) struct PolicySnapshot {
    expected: HeaderValue,
    grpc: HeaderValue,
    state: Arc<SharedState>,
    policy: TimeoutPolicy,
}

/// State that survives reconfiguration.
#[derive(Debug)]
struct SharedState {
    emitter: Emitter,
    stream_timed_out: AtomicBool,
}

impl PolicySnapshot {
    pub(super) fn new(policy: TimeoutPolicy, emitter: Emitter) -> Self {
        let kept = SharedState {
            emitter,
            stream_timed_out: AtomicBool::new(false),
        };
        Self::with(policy, Arc::new(kept))
    }

    /// Returns a snapshot with another policy and the same state.
    pub(super) fn reconfigured(&self, policy: TimeoutPolicy) -> Self {
        Self::with(policy, Arc::clone(&self.state))
    }

    fn with(policy: TimeoutPolicy, kept: Arc<SharedState>) -> Self {
        Self {
            expected: time_left::expected_value(policy.total_timeout()),
            grpc: time_left::grpc_value(policy.total_timeout()),
            state: kept,
            policy,
        }
    }

    pub(super) const fn policy(&self) -> &TimeoutPolicy {
        &self.policy
    }

    /// Returns the limits of a call that starts now; `None` if nothing limits it.
    pub(super) fn admit(
        home: &ShardedArc<Self>,
        headers: &mut HeaderMap,
        scan: Option<HeaderScan>,
    ) -> Result<Option<CallLimits>, Rejection> {
        let this: &Self = home;
        let policy = &this.policy;
        let HeaderScan { grpc, timeouts } = scan.unwrap_or_else(|| HeaderScan::of(headers));
        let from_headers = if timeouts {
            this.read(headers, grpc)
        } else {
            HeaderTimeouts::default()
        };
        let (window, callers) = time_budget_of(policy, from_headers)?;
        // A deadline in the headers holds for the whole response, a timeout to the head does not.
        let sent = match policy.extent() {
            Extent::Head => callers,
            Extent::Attempt | Extent::Response => window,
        };
        if let Some(sent) = sent.filter(|_| policy.outgoing()) {
            this.write(headers, from_headers, sent.length, grpc);
        }
        if window.is_none() && policy.idle_timeout().is_zero() {
            return Ok(None);
        }
        let total = from_headers
            .instead
            .unwrap_or_else(|| policy.total_timeout());
        // Otherwise the caller's deadline was the shorter limit, which is not the upstream's
        // failure.
        let own = window.is_some_and(|window| window.length == total);
        Ok(Some(CallLimits::new(
            window,
            callers.map(|callers| callers.at),
            own,
            grpc,
            home.local(),
        )))
    }

    /// Reads the timeouts in the headers, and removes those addressed to this hop alone.
    #[cold]
    fn read(&self, headers: &mut HeaderMap, grpc: bool) -> HeaderTimeouts {
        let mut from_headers = HeaderTimeouts::default();
        // Removed in any case: it is addressed to this hop, as in Envoy.
        let instead = headers.remove(if self.policy.is_per_try() {
            &INSTEAD_OF_PER_TRY
        } else {
            &INSTEAD_OF_TOTAL
        });
        if self.policy.overrides() {
            from_headers.instead = instead.as_ref().and_then(time_left::parse_millis);
        }
        if self.policy.incoming() {
            from_headers.expected = time_left::parse_expected_timeout(headers);
        } else if self.policy.outgoing() {
            headers.remove(&time_left::EXPECTED);
        }
        if grpc {
            from_headers.grpc = time_left::parse_grpc_timeout(headers);
            if let Some(from_headers) = from_headers
                .grpc
                .filter(|_| time_left::is_overlong_grpc(headers))
            {
                // As Envoy: passed on in a form that every server reads.
                headers.insert(
                    &time_left::GRPC_TIMEOUT,
                    time_left::grpc_value(from_headers),
                );
            }
        }
        from_headers
    }

    /// Writes the time left, unless the headers carry the same or less.
    ///
    /// The propagation of deadlines costs this insertion: 400 instructions, and 520 more if the map
    /// has to grow.
    fn write(
        &self,
        headers: &mut HeaderMap,
        from_headers: HeaderTimeouts,
        left: Duration,
        grpc: bool,
    ) {
        let own = left == self.policy.total_timeout();
        let is_wanted = match from_headers.expected {
            Some(from_headers) => left < from_headers,
            None => self.policy.envoy_headers(),
        };
        if is_wanted {
            // The pre-built value saves formatting and an allocation for the usual case.
            let value = own.then(|| self.expected.clone());
            let value = value.unwrap_or_else(|| time_left::expected_value(left));
            headers.insert(&time_left::EXPECTED, value);
        }
        if grpc
            && from_headers
                .grpc
                .is_none_or(|from_headers| left < from_headers)
        {
            let value = own.then(|| self.grpc.clone());
            let value = value.unwrap_or_else(|| time_left::grpc_value(left));
            headers.insert(&time_left::GRPC_TIMEOUT, value);
        }
    }

    pub(super) fn emitter(&self) -> &Emitter {
        &self.state.emitter
    }

    /// Reports a body that was cut off.
    pub(super) fn report_cut_off(&self, elapsed: Elapsed, event_stream: bool) {
        let SharedState {
            emitter,
            stream_timed_out: stream_cut,
        } = &*self.state;
        emitter.emit(&EventKind::BodyTimedOut(elapsed));
        if let Elapsed::Total(total) = elapsed
            && event_stream
            // Once for each layer; Relaxed, since the flag guards nothing else.
            && !stream_cut.swap(true, Ordering::Relaxed)
        {
            emitter.emit(&EventKind::StreamTimedOut(total));
        }
    }
}

/// Returns the budget of a call that starts now, and that of the caller's deadline if the timeout ends with the head.
/// Without any limit the clock is not read.
#[inline]
fn time_budget_of(
    policy: &TimeoutPolicy,
    from_headers: HeaderTimeouts,
) -> Result<(Option<TimeBudget>, Option<TimeBudget>), Rejection> {
    let allowance = machine::allowance(policy, from_headers);
    let current = Deadline::current().map(Deadline::instant);
    if allowance.is_none() && current.is_none() {
        return Ok((None, None));
    }
    let now = clock::now();
    let budget = |allowance| {
        machine::time_budget(allowance, current, now)
            .map_err(|machine::DeadlineExceeded| Rejection::DeadlineExceeded)
    };
    let callers = match policy.extent() {
        Extent::Head => budget(machine::callers(policy, from_headers))?,
        Extent::Attempt | Extent::Response => None,
    };
    Ok((budget(allowance)?, callers))
}
