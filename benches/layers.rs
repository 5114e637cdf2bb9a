//! What each layer alone adds to a call, in units of `Instant::now()` of the same run: admitted at once and
//! after one wait, on a service that lives long and on clones, with its policy replaced while it runs,
//! refused, and tried again.
//!
//! ```text
//! cargo bench --bench layers
//! ```
//!
//! Prints one table. The calls are those of `stacks`: 8 headers, a small body, the answer read to its end.

mod ratios;
#[allow(
    dead_code,
    reason = "the counts of instructions and of allocations use the rest of it"
)]
#[path = "stacks/mod.rs"]
mod stacks;

use std::future::{Ready, ready};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{MirrorLayer, MirrorPolicy};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Percent};
use ratios::Calls;
use stacks::{Callable, PENDING, READY, Upstream, calls, cloned};
use tower_layer::{Identity, Layer};
use tower_service::Service;

/// How many calls are made under a policy before it is replaced by the same.
const REPLACED_AFTER: u64 = 64;

fn main() {
    let runtime = ratios::runtime();
    let _guard = runtime.enter();
    ratios::print(bare().chain(admitted()).chain(others()));
    runtime.shutdown_background();
}

fn bare() -> impl Iterator<Item = (String, Calls)> {
    let refused: Calls = Box::new(|n| (0..n).for_each(|_| drop(request())));
    let cases = [
        ("bare", calls(Identity::new(), READY)),
        ("bare, pending once", calls(Identity::new(), PENDING)),
        ("bare, cloned per call", cloned(Identity::new())),
        ("bare, refused", refused),
    ];
    cases
        .into_iter()
        .map(|(name, calls)| (name.to_owned(), calls))
}

/// A name, a layer, and what replaces its policy.
macro_rules! each {
    ($($name:literal: $layer:expr, $policy:expr;)*) => {
        [$({
            let (layer, policy) = ($layer, $policy);
            let same = layer.clone();
            let replace = move || same.reconfigure(policy.clone());
            rows($name, &layer, replace)
        }),*]
    };
}

fn admitted() -> impl Iterator<Item = (String, Calls)> {
    let limit = ConcurrencyLimitPolicy::new(1_024);
    let rate = RateLimitPolicy::token_bucket(1_000_000_000, 1_000_000_000, Duration::from_secs(1));
    let total = TimeoutPolicy::total(Duration::from_secs(15));
    let faults = FaultInjectionPolicy::off().with_delay(Percent::NONE, Duration::from_secs(1));
    let quiet = MirrorPolicy::new(Percent::NONE);
    let mirror = MirrorLayer::new(quiet.clone(), UPSTREAM);
    let (breaker, retry) = (CircuitBreakerPolicy::default(), RetryPolicy::default());
    let (balance, trace) = (LoadBalancePolicy::default(), TracePolicy::default());
    each! {
        "circuit breaker": CircuitBreakerLayer::new(breaker.clone()), breaker;
        "concurrency limit": ConcurrencyLimitLayer::new(limit.clone()), limit.clone();
        "concurrency limit, 16 shards": ConcurrencyLimitLayer::new(limit.clone()).with_shards(16), limit;
        "fault injection": FaultInjectionLayer::new(faults.clone()), faults;
        "load balance": LoadBalanceLayer::new(balance.clone(), endpoints()), balance;
        "mirror": mirror.clone(), quiet;
        "rate limit": RateLimitLayer::new(rate.clone()), rate;
        "retry": RetryLayer::new(retry.clone()), retry;
        "timeout": TimeoutLayer::new(total.clone()), total;
        "trace client": TraceClientLayer::new(trace.clone()), trace.clone();
        "trace server": TraceServerLayer::new(trace.clone()), trace;
        "traffic split": TrafficSplitLayer::new(split()), split();
    }
    .into_iter()
    .flatten()
}

/// What only some of the layers do.
fn others() -> impl Iterator<Item = (String, Calls)> {
    let open = CircuitBreakerLayer::with_observer(CircuitBreakerPolicy::default(), Arc::new(()));
    open.force_open();
    let full = ConcurrencyLimitLayer::with_observer(ConcurrencyLimitPolicy::new(1), Arc::new(()));
    let permit = full.try_acquire();
    let used = RateLimitPolicy::at_most(0, Duration::from_secs(3_600));
    let used = RateLimitLayer::with_observer(used, Arc::new(()));
    let abort = Abort::Http(StatusCode::SERVICE_UNAVAILABLE);
    let abort = FaultInjectionPolicy::off().with_abort(Percent::ALL, abort);
    let abort = FaultInjectionLayer::with_observer(abort, Arc::new(()));
    let nobody = Endpoints::fixed(Vec::<Endpoint>::new());
    let nobody =
        LoadBalanceLayer::with_observer(LoadBalancePolicy::default(), nobody, Arc::new(()));
    let mut held = refused(full);
    let held: Calls = Box::new(move |n| {
        let _permit = &permit;
        held(n);
    });
    let cases = [
        ("circuit breaker, refused", refused(open)),
        ("concurrency limit, refused", held),
        ("fault injection, refused", refused(abort)),
        ("load balance, refused", refused(nobody)),
        ("rate limit, refused", refused(used)),
        ("retry, tried twice", tried_twice()),
    ];
    cases
        .into_iter()
        .map(|(name, calls)| (name.to_owned(), calls))
}

fn rows<L>(name: &str, layer: &L, replace: impl FnMut() + 'static) -> Vec<(String, Calls)>
where
    L: Layer<Upstream, Service: Callable + Clone> + Clone,
{
    let row = |how: &str, calls| (format!("{name}{how}"), calls);
    vec![
        row("", calls(layer.clone(), READY)),
        row(", pending once", calls(layer.clone(), PENDING)),
        row(", cloned per call", cloned(layer.clone())),
        row(", replaced", replaced(calls(layer.clone(), READY), replace)),
    ]
}

/// Replaces the policy again and again.
fn replaced(mut calls: Calls, mut replace: impl FnMut() + 'static) -> Calls {
    Box::new(move |n| {
        for done in (0..n).step_by(usize::try_from(REPLACED_AFTER).expect("it is small")) {
            replace();
            calls(REPLACED_AFTER.min(n - done));
        }
    })
}

const UPSTREAM: Upstream = Upstream { pending: READY };

fn request() -> Request<Full<Bytes>> {
    stacks::request(Method::PUT)
}

fn endpoints() -> Endpoints {
    let endpoints = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
    Endpoints::fixed(endpoints.map(|address| Endpoint::try_from(address).expect("an address")))
}

fn split() -> TrafficSplitPolicy {
    let versions = [("v1", 90), ("v2", 10)].map(|(name, weight)| (Destination::new(name), weight));
    TrafficSplitPolicy::new([Route::split(versions).expect("the weights are not all 0")])
}

/// Calls that the layer answers by itself.
fn refused<L, S, R>(layer: L) -> Calls
where
    L: Layer<Upstream, Service = S>,
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + 'static,
{
    let mut service = layer.layer(UPSTREAM);
    Box::new(move |n| {
        for _ in 0..n {
            assert_ne!(status(&mut service), Some(StatusCode::OK));
        }
    })
}

/// Calls of which each is answered at the second try; the first does not reach its upstream, since after an
/// answer the retry waits a moment for the connection to be free.
fn tried_twice() -> Calls {
    let policy = RetryPolicy::new(1)
        .with_budget(RetryBudget::unlimited())
        .with_backoff(Backoff::constant(Duration::ZERO));
    let mut service = RetryLayer::new(policy).layer(EverySecond { failed: false });
    Box::new(move |n| {
        for _ in 0..n {
            assert_eq!(status(&mut service), Some(StatusCode::OK));
        }
    })
}

/// Refuses every second request.
#[derive(Clone, Copy, Debug)]
struct EverySecond {
    failed: bool,
}

impl<B> Service<Request<B>> for EverySecond {
    type Response = Response<Full<Bytes>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        drop(std::hint::black_box(request));
        self.failed = !self.failed;
        if self.failed {
            return ready(Err(io::ErrorKind::ConnectionRefused.into()));
        }
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"hello")))))
    }
}

/// Makes a call; `None` is an error.
fn status<S, R>(service: &mut S) -> Option<StatusCode>
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
{
    let cx = &mut Context::from_waker(Waker::noop());
    assert!(service.poll_ready(cx).is_ready());
    let mut future = pin!(service.call(request()));
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(cx) {
            return answer.ok().map(|response| response.status());
        }
    }
}
