//! What a concurrency limit costs a request with 8 headers: answered at once and after one wait, on a service
//! that lives long and on one cloned for each call.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use tokio::runtime::Runtime;
use tower::{Layer, Service, ServiceExt, service_fn};

const NAMES: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "host",
    "origin",
    "user-agent",
    "x-request-id",
];

fn request() -> Request<()> {
    let mut request = Request::new(());
    for name in NAMES {
        let value = HeaderValue::from_static("some value");
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value);
    }
    request
}

async fn ready(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    black_box(request);
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

async fn pending_once(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    tokio::task::yield_now().await;
    ready(request).await
}

/// Sends a request and reads the response to its end.
async fn exchange<S, R>(service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible>,
    R: http_body::Body,
{
    let response = service.ready().await.expect("ready").call(request).await;
    let body = response.expect("answered").into_body();
    black_box(body.collect().await.ok());
}

fn measure<S, R>(criterion: &mut Criterion, runtime: &Runtime, name: &str, mut service: S)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible> + Clone,
    R: http_body::Body,
{
    let mut group = criterion.benchmark_group("concurrency_limit");
    let template = request();
    group.bench_function(format!("{name}, long-lived"), |b| {
        b.iter_batched(
            || template.clone(),
            |request| runtime.block_on(exchange(&mut service, request)),
            BatchSize::SmallInput,
        );
    });
    group.bench_function(format!("{name}, cloned"), |b| {
        b.iter_batched(
            || template.clone(),
            |request| runtime.block_on(exchange(&mut service.clone(), request)),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (ready, pending) = (service_fn(ready), service_fn(pending_once));
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(100).with_max_pending(10));
    let tower = tower::limit::ConcurrencyLimitLayer::new(100);

    measure(criterion, &runtime, "bare, ready", ready);
    measure(criterion, &runtime, "limit, ready", limit.layer(ready));
    measure(criterion, &runtime, "tower's, ready", tower.layer(ready));
    measure(criterion, &runtime, "bare, pending once", pending);
    measure(
        criterion,
        &runtime,
        "limit, pending once",
        limit.layer(pending),
    );
    measure(
        criterion,
        &runtime,
        "tower's, pending once",
        tower.layer(pending),
    );

    criterion.bench_function("concurrency_limit/permit", |b| {
        b.iter(|| black_box(limit.try_acquire()));
    });
    let full =
        ConcurrencyLimitLayer::observed(ConcurrencyLimitPolicy::new(1), std::sync::Arc::new(()));
    let _permit = full.try_acquire();
    criterion.bench_function("concurrency_limit/refused", |b| {
        b.iter(|| black_box(full.try_acquire()));
    });
}

criterion_group!(concurrency_limit, benches);
criterion_main!(concurrency_limit);
