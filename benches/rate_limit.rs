//! What a rate limit costs: the decision alone against governor's, by key, and as a layer.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter as Governor};
use http::{Request, Response};
use http_body_util::Empty;
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy, RateLimiter};
use tower::{Layer, Service};

/// Our machine itself, which is private to the crate.
#[expect(dead_code, reason = "only its decision is measured")]
#[path = "../src/policies/rate_limit/machine/token_bucket.rs"]
mod machine;

/// What the machine tells of itself.
#[derive(Debug)]
struct Status;

impl Status {
    const fn new(_limit: u64, _remaining: u64, _reset: u64, _full_in: u64) -> Self {
        Self
    }
}

const MAX: u64 = 1_000_000;
const NANOS: u64 = 10;

/// A clock that is told the time.
struct Given(Cell<u64>);

impl Clock for &Given {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.get().into()
    }
}

/// A store of one word, as ours.
#[derive(Default)]
struct Store(AtomicU64);

impl StateStore for Store {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _key: &NotKeyed, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut old = self.0.load(Ordering::Relaxed);
        loop {
            let (result, new) = f(Some(old.into()))?;
            let new = new.as_u64();
            match self
                .0
                .compare_exchange_weak(old, new, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return Ok(result),
                Err(now) => old = now,
            }
        }
    }
}

fn decision(c: &mut Criterion) {
    let mut group = c.benchmark_group("rate_limit/decision, given now");
    let quota = Quota::with_period(Duration::from_nanos(NANOS)).unwrap();
    let quota = quota.allow_burst(NonZeroU32::new(1_000_000).unwrap());

    group.bench_function("ours", |b| {
        let bucket = machine::Bucket::new(MAX, 1, NANOS);
        let word = AtomicU64::new(0);
        let mut now = 0;
        b.iter(|| {
            now += 9;
            let mut old = word.load(Ordering::Relaxed);
            loop {
                match bucket.take(old, black_box(1), now, 0) {
                    Ok(booking) => {
                        let new = booking.full_at;
                        match word.compare_exchange_weak(
                            old,
                            new,
                            Ordering::Relaxed,
                            Ordering::Relaxed,
                        ) {
                            Ok(_) => break true,
                            Err(now) => old = now,
                        }
                    }
                    Err(_) => break false,
                }
            }
        });
    });
    for cost in [1, 2] {
        group.bench_function(BenchmarkId::new("governor, cost", cost), |b| {
            let clock = Given(Cell::new(0));
            let governor: Governor<_, _, _, NoOpMiddleware<Nanos>> =
                Governor::new(quota, Store::default(), &clock);
            b.iter(|| {
                clock.0.set(clock.0.get() + 9);
                if cost == 1 {
                    governor.check().is_ok()
                } else {
                    let cost = NonZeroU32::new(black_box(1)).unwrap();
                    governor.check_n(cost).is_ok()
                }
            });
        });
    }
    group.finish();
}

fn keys(c: &mut Criterion) {
    let mut group = c.benchmark_group("rate_limit/keyed");
    for keys in [1_u64, 100_000, 1_000_000] {
        let key = move |i: &mut u64| {
            *i = i
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (*i >> 33) % keys
        };
        for (name, policy) in [
            (
                "bucket",
                RateLimitPolicy::token_bucket(MAX, 1, Duration::from_secs(1)),
            ),
            (
                "at_most",
                RateLimitPolicy::at_most(100, Duration::from_secs(60)),
            ),
        ] {
            group.bench_function(BenchmarkId::new(name, keys), |b| {
                let limiter = RateLimiter::new(policy.clone().with_max_keys(1_200_000));
                for key in 0..keys {
                    let _ = limiter.admit_for(&key, 1);
                }
                let mut i = 1;
                b.iter(|| limiter.admit_for(&key(&mut i), 1).is_ok());
            });
        }
        group.bench_function(BenchmarkId::new("governor (hash map)", keys), |b| {
            let quota = Quota::per_second(NonZeroU32::new(1).unwrap());
            let quota = quota.allow_burst(NonZeroU32::new(1_000_000).unwrap());
            let clock = governor::clock::MonotonicClock;
            let governor = Governor::hashmap_with_clock(quota, clock);
            for key in 0..keys {
                let _ = governor.check_key(&key);
            }
            let mut i = 1;
            b.iter(|| governor.check_key(&key(&mut i)).is_ok());
        });
    }
    group.finish();
}

#[derive(Clone)]
struct Upstream;

impl Service<Request<()>> for Upstream {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let mut response = Response::new(Empty::new());
        // Gives the headers back, so that the bench need not make new ones.
        *response.headers_mut() = request.into_parts().0.headers;
        ready(Ok(response))
    }
}

fn request() -> Request<()> {
    let mut request = Request::builder().uri("/api/v1/waste/analyze");
    for i in 0..8 {
        request = request.header(format!("x-header-{i}"), "a value of usual length");
    }
    request.body(()).unwrap()
}

fn run<S>(service: &mut S, request: Request<()>) -> Request<()>
where
    S: Service<Request<()>, Response: IntoHeaders, Error = Infallible>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let _ = service.poll_ready(&mut cx);
    let mut future = std::pin::pin!(service.call(request));
    let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut cx) else {
        unreachable!("the upstream answers at once");
    };
    let mut request = Request::new(());
    *request.headers_mut() = response.into_headers();
    request
}

trait IntoHeaders {
    fn into_headers(self) -> http::HeaderMap;
}

impl<R> IntoHeaders for Response<R> {
    fn into_headers(self) -> http::HeaderMap {
        self.into_parts().0.headers
    }
}

fn layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("rate_limit/layer, 8 headers");
    let endless = RateLimitPolicy::token_bucket(MAX, MAX, Duration::from_micros(1));
    let key = Key::header(http::HeaderName::from_static("x-header-3"));
    group.bench_function("bare", |b| {
        let mut request = Some(request());
        b.iter(|| request = Some(run(&mut Upstream, request.take().unwrap())));
    });
    for (name, policy) in [
        ("off", RateLimitPolicy::off()),
        ("bucket", endless.clone()),
        ("bucket by header", endless.clone().with_key(key)),
        (
            "at_most",
            RateLimitPolicy::at_most(u64::MAX, Duration::from_secs(60)),
        ),
    ] {
        let mut service = RateLimitLayer::new(policy).layer(Upstream);
        group.bench_function(BenchmarkId::new(name, "long-lived"), |b| {
            let mut request = Some(request());
            b.iter(|| request = Some(run(&mut service, request.take().unwrap())));
        });
        group.bench_function(BenchmarkId::new(name, "cloned"), |b| {
            let mut request = Some(request());
            b.iter(|| request = Some(run(&mut service.clone(), request.take().unwrap())));
        });
    }
    group.finish();
}

criterion_group!(benches, decision, keys, layers);
criterion_main!(benches);
