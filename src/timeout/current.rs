use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::limits::Limits;
use super::machine::{self, Told, Window};
use super::{Elapsed, TimeoutPolicy};
use crate::base::spread::Home;
use crate::base::{clock, grpc, time_left};
use crate::{Deadline, Event, Observe, Rejection};

static INSTEAD_OF_TOTAL: HeaderName = HeaderName::from_static("x-envoy-upstream-rq-timeout-ms");
static INSTEAD_OF_PER_TRY: HeaderName =
    HeaderName::from_static("x-envoy-upstream-rq-per-try-timeout-ms");

/// A policy with the headers that tell its time, which most requests carry on unchanged, and what stays when
/// it is replaced. Together, so that a call holds on to both by one count, which is its thread's.
#[derive(Debug)]
pub(super) struct Current {
    expected: HeaderValue,
    grpc: HeaderValue,
    kept: Arc<Kept>,
    policy: TimeoutPolicy,
}

/// What stays when a policy is replaced.
#[derive(Debug)]
struct Kept {
    observe: Arc<dyn Observe>,
    stream_cut: AtomicBool,
}

impl Current {
    pub(super) fn new(policy: TimeoutPolicy, observe: Arc<dyn Observe>) -> Self {
        let kept = Kept {
            observe,
            stream_cut: AtomicBool::new(false),
        };
        Self::with(policy, Arc::new(kept))
    }

    /// Returns the same with another policy.
    pub(super) fn reconfigured(&self, policy: TimeoutPolicy) -> Self {
        Self::with(policy, Arc::clone(&self.kept))
    }

    fn with(policy: TimeoutPolicy, kept: Arc<Kept>) -> Self {
        Self {
            expected: time_left::expected_value(policy.total_timeout()),
            grpc: time_left::grpc_value(policy.total_timeout()),
            kept,
            policy,
        }
    }

    pub(super) const fn policy(&self) -> &TimeoutPolicy {
        &self.policy
    }

    /// Returns the limits of a call that starts now; none if nothing limits it.
    pub(super) fn admit(
        home: &Home<Self>,
        headers: &mut HeaderMap,
    ) -> Result<Option<Limits>, Rejection> {
        let this: &Self = home;
        let policy = &this.policy;
        let Look { grpc, times } = Look::at(headers);
        let told = if times {
            this.read(headers, grpc)
        } else {
            Told::default()
        };
        let window = window_of(policy, told)?;
        if let Some(window) = window.filter(|_| policy.outgoing()) {
            this.write(headers, told, window.length, grpc);
        }
        if window.is_none() && policy.idle_timeout().is_zero() {
            return Ok(None);
        }
        let total = told.instead.unwrap_or_else(|| policy.total_timeout());
        let own = window.is_some_and(|window| window.length == total);
        Ok(Some(Limits::new(window, own, grpc, home.handle())))
    }

    /// Reads what the headers say, and takes away what is addressed to us alone.
    #[cold]
    fn read(&self, headers: &mut HeaderMap, grpc: bool) -> Told {
        let mut told = Told::default();
        let instead = headers.remove(if self.policy.head_only() {
            &INSTEAD_OF_PER_TRY
        } else {
            &INSTEAD_OF_TOTAL
        });
        if self.policy.overrides() {
            told.instead = instead.as_ref().and_then(time_left::millis);
        }
        if self.policy.incoming() {
            told.expected = time_left::told_expected(headers);
        } else if self.policy.outgoing() {
            headers.remove(&time_left::EXPECTED);
        }
        if grpc {
            told.grpc = time_left::told_grpc(headers);
            if let Some(told) = told.grpc.filter(|_| time_left::is_overlong_grpc(headers)) {
                // As Envoy: passed on in a form that every server reads.
                headers.insert(&time_left::GRPC_TIMEOUT, time_left::grpc_value(told));
            }
        }
        told
    }

    /// Tells the time that is left, where the headers do not say so, or less, already.
    ///
    /// That deadlines travel costs this insertion: 400 instructions, and 520 more if the map has to grow.
    fn write(&self, headers: &mut HeaderMap, told: Told, left: Duration, grpc: bool) {
        let own = left == self.policy.total_timeout();
        if told.expected.is_none_or(|told| left < told) {
            let value = own.then(|| self.expected.clone());
            let value = value.unwrap_or_else(|| time_left::expected_value(left));
            headers.insert(&time_left::EXPECTED, value);
        }
        if grpc && told.grpc.is_none_or(|told| left < told) {
            let value = own.then(|| self.grpc.clone());
            let value = value.unwrap_or_else(|| time_left::grpc_value(left));
            headers.insert(&time_left::GRPC_TIMEOUT, value);
        }
    }

    /// Reports a request that was not answered in time.
    pub(super) fn rejected(&self, rejection: Rejection) {
        self.kept.observe.event(&Event::Rejected(rejection));
    }

    /// Reports a body that was cut off.
    pub(super) fn cut(&self, elapsed: Elapsed, event_stream: bool) {
        let Kept {
            observe,
            stream_cut,
        } = &*self.kept;
        observe.event(&Event::BodyTimedOut(elapsed));
        if let Elapsed::Total(total) = elapsed
            && event_stream
            && !stream_cut.swap(true, Ordering::Relaxed)
        {
            observe.event(&Event::StreamCut(total));
        }
    }
}

/// What the names of the headers say. Most requests tell no time, and one look at them all costs less than a
/// search for each that finds nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    grpc: bool,
    /// Some header may tell a time.
    times: bool,
}

impl Look {
    #[inline]
    fn at(headers: &HeaderMap) -> Self {
        let mut look = Self::default();
        for (name, value) in headers {
            // Few names are as long as one of those that matter.
            let name = name.as_str();
            match name.len() {
                12 if name == CONTENT_TYPE.as_str() => look.grpc |= grpc::names_grpc(value),
                12 => look.times |= name == "grpc-timeout",
                30.. => look.times |= name.starts_with("x-envoy-") && name.ends_with("-timeout-ms"),
                _ => {}
            }
        }
        look
    }
}

/// Returns the window of a call that starts now. Without any limit the clock is not read.
#[inline]
fn window_of(policy: &TimeoutPolicy, told: Told) -> Result<Option<Window>, Rejection> {
    let allowance = machine::allowance(policy, told);
    let current = Deadline::current();
    if allowance.is_none() && current.is_none() {
        return Ok(None);
    }
    machine::window(allowance, current.map(Deadline::instant), clock::now())
        .map_err(|machine::Passed| Rejection::DeadlinePassed)
}
