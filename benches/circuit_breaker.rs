//! What a circuit breaker adds to a request, beside the service alone.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Empty;
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Window};
use tower::{Layer, Service};

/// Answers at once.
#[derive(Clone)]
struct Upstream;

impl Service<Request<Empty<Bytes>>> for Upstream {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::new(Empty::new())))
    }
}

fn request() -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    for name in [
        "accept",
        "accept-encoding",
        "authorization",
        "content-type",
        "host",
        "traceparent",
        "user-agent",
        "x-request-id",
    ] {
        let name = HeaderName::from_static(name);
        let value = HeaderValue::from_static("a value of a common length");
        request.headers_mut().insert(name, value);
    }
    request
}

/// Sends one request and lets go of the response, as a caller does who only wants its status.
fn send<S>(service: &mut S, request: Request<Empty<Bytes>>)
where
    S: Service<Request<Empty<Bytes>>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    let mut future = std::pin::pin!(service.call(request));
    match future.as_mut().poll(&mut cx) {
        Poll::Ready(response) => drop(black_box(response)),
        Poll::Pending => unreachable!("the upstream answers at once"),
    }
}

fn breaker(c: &mut Criterion) {
    let mut group = c.benchmark_group("circuit_breaker");
    let consecutive = CircuitBreakerPolicy::default();
    let rate = |window| {
        CircuitBreakerPolicy::default()
            .with_failure_rate(Percent::new(50))
            .with_window(window)
    };
    let slow = rate(Window::Count(100)).with_slow_calls(Percent::new(50), Duration::from_secs(1));
    let layers = [
        ("closed", CircuitBreakerLayer::new(consecutive.clone())),
        ("off", CircuitBreakerLayer::new(CircuitBreakerPolicy::off())),
        (
            "rate over 100 calls",
            CircuitBreakerLayer::new(rate(Window::Count(100))),
        ),
        (
            "rate over 100k calls",
            CircuitBreakerLayer::new(rate(Window::Count(100_000))),
        ),
        (
            "rate over 30 s",
            CircuitBreakerLayer::new(rate(Window::Time(Duration::from_secs(30)))),
        ),
        ("rate and slow calls", CircuitBreakerLayer::new(slow)),
        ("open", {
            let layer = CircuitBreakerLayer::with_observer(consecutive, Arc::new(()));
            layer.force_open();
            layer
        }),
    ];

    let setup = criterion::BatchSize::SmallInput;
    group.bench_function("upstream alone", |b| {
        b.iter_batched(request, |request| send(&mut Upstream, request), setup);
    });
    for (name, layer) in &layers {
        // Fill the window, so that each call pushes another one out.
        if *name != "open" {
            for _ in 0..100_000 {
                send(&mut layer.layer(Upstream), Request::new(Empty::new()));
            }
        }
        let mut service = layer.layer(Upstream);
        group.bench_function(format!("{name}, long-lived"), |b| {
            b.iter_batched(request, |request| send(&mut service, request), setup);
        });
        group.bench_function(format!("{name}, cloned per call"), |b| {
            b.iter_batched(
                request,
                |request| send(&mut service.clone(), request),
                setup,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, breaker);
criterion_main!(benches);
