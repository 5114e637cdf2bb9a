//! How large state is.

use std::fmt::Debug;
use std::time::Duration;

use http::Response;
use http_body::Body;
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Window};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy, RateLimiter};
use meshless::retry::RetryLayer;
use meshless::timeout::TimeoutLayer;
use peers_bench::load::exchange;
use peers_bench::message::{Req, request};
use peers_bench::peers::{
    IN_FLIGHT, MANY, WINDOW, context, hourly, quota, seatbelt_breaker, tr_breaker, tr_bulkhead,
    tr_rate_limit, tr_retry, tr_timeout,
};
use peers_bench::upstream::Upstream;
use recloser::{AsyncRecloser, Recloser};
use tower::{Layer, Service, ServiceBuilder, service_fn};

use super::counting::live;

const INSTANCES: u32 = 500;
const CALLS: u32 = 200;
const KEYS: u32 = 1_000_000;
const UPSTREAM: Upstream = Upstream { pending: false };

/// Prints how many bytes each kind of state takes.
pub(crate) fn table() {
    println!("{INSTANCES} instances each, after {CALLS} calls; {KEYS} keys.\n");
    println!("| | what | the service itself, B | heap, B |\n|---|---|---|---|");
    breakers();
    limits();
    keys();
    stacks();
}

fn breakers() {
    let rate = || CircuitBreakerPolicy::default().with_failure_rate(Percent::new(50));
    let breaker = |policy| CircuitBreakerLayer::new(policy).layer(UPSTREAM);
    service("circuit breaker", "meshless, in a row", || {
        breaker(CircuitBreakerPolicy::default())
    });
    service("circuit breaker", "meshless, 100 calls", || {
        breaker(rate().with_window(Window::Count(WINDOW)))
    });
    service("circuit breaker", "meshless, 30 s", || breaker(rate()));
    service("circuit breaker", "tower-resilience, 100 calls", || {
        tr_breaker().layer(UPSTREAM)
    });
    let shared = context();
    service("circuit breaker", "seatbelt, 30 s", || {
        seatbelt_breaker(&shared).layer(UPSTREAM)
    });
    service("circuit breaker", "failsafe (default)", || {
        use failsafe::futures::CircuitBreaker as _;
        let (breaker, mut upstream) = (failsafe::Config::new().build(), UPSTREAM);
        service_fn(move |request: Req| breaker.call(upstream.call(request)))
    });
    service("circuit breaker", "recloser, 100 calls", || {
        let breaker = Recloser::custom().closed_len(WINDOW as usize).build();
        let (breaker, mut upstream) = (AsyncRecloser::from(breaker), UPSTREAM);
        service_fn(move |request: Req| breaker.call(upstream.call(request)))
    });
}

fn limits() {
    let bucket = || RateLimitPolicy::token_bucket(u64::from(MANY), 1, Duration::from_hours(1));
    service("rate limit", "meshless, token bucket", || {
        RateLimitLayer::new(bucket()).layer(UPSTREAM)
    });
    service("rate limit", "meshless, at most 1000 a minute", || {
        RateLimitLayer::new(RateLimitPolicy::per_minute(1_000)).layer(UPSTREAM)
    });
    service("rate limit", "tower-resilience", || {
        tr_rate_limit().layer(UPSTREAM)
    });
    service("concurrency limit", "meshless", || {
        ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(IN_FLIGHT)).layer(UPSTREAM)
    });
    service("concurrency limit", "tower", || {
        ServiceBuilder::new()
            .concurrency_limit(IN_FLIGHT as usize)
            .service(UPSTREAM)
    });
    service("concurrency limit", "tower-resilience", || {
        tr_bulkhead().layer(UPSTREAM)
    });
}

fn keys() {
    keyed("meshless", |keys| {
        let policy = RateLimitPolicy::token_bucket(10, 1, Duration::from_hours(1))
            .with_max_keys(keys as usize);
        let limiter = RateLimiter::new(policy);
        for key in 0..u64::from(keys) {
            drop(limiter.admit_for(&key, 1).expect("room"));
        }
        limiter
    });
    keyed("governor, DashMap, u64", |keys| {
        let limiter = governor::RateLimiter::dashmap(hourly());
        for key in 0..u64::from(keys) {
            limiter.check_key(&key).expect("room");
        }
        limiter
    });
    keyed("governor, HashMap, u64", |keys| {
        let limiter = governor::RateLimiter::hashmap(hourly());
        for key in 0..u64::from(keys) {
            limiter.check_key(&key).expect("room");
        }
        limiter
    });
    instances("rate limit", "governor, one", || {
        governor::RateLimiter::direct(quota())
    });
}

fn stacks() {
    service("retry", "meshless", || {
        RetryLayer::new(meshless::retry::RetryPolicy::default()).layer(UPSTREAM)
    });
    service("timeout", "meshless", || {
        TimeoutLayer::new(meshless::timeout::TimeoutPolicy::default()).layer(UPSTREAM)
    });
    service("stack", "meshless, `outbound()`", || {
        meshless::outbound().layer(UPSTREAM)
    });
    service("stack", "meshless, `inbound()`", || {
        meshless::inbound().layer(UPSTREAM)
    });
    service("stack", "tower-resilience, the five", || {
        ServiceBuilder::new()
            .layer(tr_bulkhead())
            .layer(tr_rate_limit())
            .layer(tr_breaker())
            .layer(tr_retry())
            .layer(tr_timeout())
            .service(UPSTREAM)
    });
}

/// A service that was called, so that what is made at first use is there.
fn service<S, R>(what: &str, by: &str, make: impl Fn() -> S)
where
    S: Service<Req, Response = Response<R>>,
    S::Error: Debug,
    R: Body,
    R::Error: Debug,
{
    instances(what, by, || {
        let mut service = make();
        for _ in 0..CALLS {
            exchange(&mut service, request());
        }
        service
    });
}

fn instances<T>(what: &str, by: &str, make: impl Fn() -> T) {
    // What is made once for all of them.
    drop(make());
    let mut kept = Vec::with_capacity(INSTANCES as usize);
    let before = live();
    kept.extend((0..INSTANCES).map(|_| make()));
    let each = per(live() - before, INSTANCES);
    println!("| {what} | {by} | {} | {each:.0} |", size_of::<T>());
}

fn keyed<T>(by: &str, make: impl Fn(u32) -> T) {
    let before = live();
    let limiter = make(KEYS);
    let each = per(live() - before, KEYS);
    println!("| key of a rate limit | {by} | – | {each:.1} |");
    drop(limiter);
}

#[expect(clippy::cast_precision_loss, reason = "some millions at most")]
fn per(bytes: i64, instances: u32) -> f64 {
    bytes as f64 / f64::from(instances)
}
