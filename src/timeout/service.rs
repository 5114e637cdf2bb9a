use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::limits::Limits;
use super::machine::{self, Told, Window};
use super::{Elapsed, TimeoutBody, TimeoutFuture, TimeoutPolicy};
use crate::base::{Answer, Live, clock, grpc, time_left};
use crate::{Deadline, Event, Observe, Rejection};

static INSTEAD_OF_TOTAL: HeaderName = HeaderName::from_static("x-envoy-upstream-rq-timeout-ms");
static INSTEAD_OF_PER_TRY: HeaderName =
    HeaderName::from_static("x-envoy-upstream-rq-per-try-timeout-ms");

/// Answers 504 for a service that takes too long.
///
/// See the [module docs](super) for an example.
#[derive(Clone, Debug)]
pub struct Timeout<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Timeout<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    pub(crate) const fn inner(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the limits of a call that starts now, which the headers tell; none if nothing limits it. The
    /// answer is for a request whose time has passed.
    #[inline]
    pub(crate) fn admit<B>(
        &self,
        request: &mut Request<B>,
    ) -> Result<Option<Limits>, Box<Response<Answer>>> {
        self.shared
            .admit(request.headers_mut())
            .map_err(|rejection| {
                self.shared.rejected(rejection);
                let grpc = grpc::is_grpc(request.headers());
                Box::new(rejection.into_response(grpc))
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
        match self.admit(&mut request) {
            Ok(limits) => {
                // Made where it will lie: a future of several layers is hundreds of bytes.
                TimeoutFuture::calling(
                    {
                        let _guard = limits.as_ref().and_then(Limits::enter);
                        self.inner.call(request)
                    },
                    limits,
                )
            }
            Err(response) => TimeoutFuture::rejected(response),
        }
    }
}

/// What all clones of a timeout have in common.
#[derive(Debug)]
pub(super) struct Shared {
    observe: Arc<dyn Observe>,
    policy: Live<Prepared>,
    stream_cut: AtomicBool,
}

/// A policy with the headers that tell its time, which most requests carry on unchanged.
#[derive(Debug)]
struct Prepared {
    expected: HeaderValue,
    grpc: HeaderValue,
    policy: TimeoutPolicy,
}

impl Prepared {
    fn new(policy: TimeoutPolicy) -> Self {
        Self {
            expected: time_left::expected_value(policy.total_timeout()),
            grpc: time_left::grpc_value(policy.total_timeout()),
            policy,
        }
    }

    fn expected(&self, left: Duration) -> HeaderValue {
        if left == self.policy.total_timeout() {
            return self.expected.clone();
        }
        time_left::expected_value(left)
    }

    fn grpc(&self, left: Duration) -> HeaderValue {
        if left == self.policy.total_timeout() {
            return self.grpc.clone();
        }
        time_left::grpc_value(left)
    }

    /// Reads what the headers say, and takes away what is addressed to us alone.
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
        }
        told
    }

    /// Tells the time that is left, where the headers do not say so, or less, already.
    ///
    /// That deadlines travel costs this insertion: 270 instructions, and 530 more if the map has to grow.
    fn write(&self, headers: &mut HeaderMap, told: Told, left: Duration, grpc: bool) {
        if told.expected.is_none_or(|told| left < told) {
            headers.insert(&time_left::EXPECTED, self.expected(left));
        }
        if grpc && told.grpc.is_none_or(|told| left < told) {
            headers.insert(&time_left::GRPC_TIMEOUT, self.grpc(left));
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
    fn at(headers: &HeaderMap) -> Self {
        let mut look = Self::default();
        for (name, value) in headers {
            if *name == CONTENT_TYPE {
                look.grpc |= grpc::names_grpc(value);
                continue;
            }
            let name = name.as_str();
            look.times |= name == "grpc-timeout"
                || name.starts_with("x-envoy-") && name.ends_with("-timeout-ms");
        }
        look
    }
}

impl Shared {
    pub(super) fn new(policy: TimeoutPolicy, observe: Arc<dyn Observe>) -> Self {
        Self {
            observe,
            policy: Live::new(Prepared::new(policy)),
            stream_cut: AtomicBool::new(false),
        }
    }

    pub(super) fn reconfigure(&self, policy: TimeoutPolicy) {
        self.policy.store(Prepared::new(policy));
    }

    /// Returns the limits of a call that starts now; none if nothing limits it.
    fn admit(self: &Arc<Self>, headers: &mut HeaderMap) -> Result<Option<Limits>, Rejection> {
        let prepared = self.policy.load();
        let policy = &prepared.policy;
        if policy.is_off() {
            return Ok(None);
        }
        let Look { grpc, times } = Look::at(headers);
        let told = if times {
            prepared.read(headers, grpc)
        } else {
            Told::default()
        };
        let window = window_of(policy, told)?;
        if let Some(window) = window.filter(|_| policy.outgoing()) {
            prepared.write(headers, told, window.length, grpc);
        }
        if window.is_none() && policy.idle_timeout().is_zero() {
            return Ok(None);
        }
        let total = told.instead.unwrap_or_else(|| policy.total_timeout());
        let mut limits = Limits::new(
            window,
            policy.idle_timeout(),
            policy.head_only(),
            window.is_some_and(|window| window.length == total),
            grpc,
            Arc::clone(self),
        );
        limits.told = window.is_some() && policy.outgoing();
        Ok(Some(limits))
    }

    /// Reports a request that was not answered in time.
    pub(super) fn rejected(&self, rejection: Rejection) {
        self.observe.event(&Event::Rejected(rejection));
    }

    /// Reports a body that was cut off.
    pub(super) fn cut(&self, elapsed: Elapsed, event_stream: bool) {
        self.observe.event(&Event::BodyTimedOut(elapsed));
        if let Elapsed::Total(total) = elapsed
            && event_stream
            && !self.stream_cut.swap(true, Ordering::Relaxed)
        {
            self.observe.event(&Event::StreamCut(total));
        }
    }
}

/// Returns the window of a call that starts now. Without any limit the clock is not read.
fn window_of(policy: &TimeoutPolicy, told: Told) -> Result<Option<Window>, Rejection> {
    let allowance = machine::allowance(policy, told);
    let current = Deadline::current();
    if allowance.is_none() && current.is_none() {
        return Ok(None);
    }
    machine::window(allowance, current.map(Deadline::instant), clock::now())
        .map_err(|machine::Passed| Rejection::DeadlinePassed)
}
