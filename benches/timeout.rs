//! What a timeout costs a request with 8 headers: answered at once and after one wait, on a service
//! that lives long and on one cloned for each call.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
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
    let mut group = criterion.benchmark_group("timeout");
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
    let second = Duration::from_secs(1);
    let total = TimeoutLayer::new(TimeoutPolicy::total(second));
    let quiet = TimeoutLayer::new(TimeoutPolicy::total(second).with_outgoing(false));
    let off = TimeoutLayer::new(TimeoutPolicy::off());

    measure(criterion, &runtime, "bare, ready", ready);
    measure(criterion, &runtime, "off, ready", off.layer(ready));
    measure(
        criterion,
        &runtime,
        "no header written, ready",
        quiet.layer(ready),
    );
    measure(criterion, &runtime, "total, ready", total.layer(ready));
    measure(criterion, &runtime, "bare, pending once", pending);
    measure(
        criterion,
        &runtime,
        "total, pending once",
        total.layer(pending),
    );
}

criterion_group!(timeout, benches);
criterion_main!(timeout);
