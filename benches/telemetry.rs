//! What a trace costs a request that is served and makes one call: requests with 8 headers, the
//! service cloned for each.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Empty};
use meshless::telemetry::{TraceClientLayer, TraceContext, TracePolicy, TraceServerLayer};
use tower::{Layer, Service, service_fn};

fn request() -> Request<()> {
    let mut request = Request::new(());
    let headers = request.headers_mut();
    for name in [
        "accept",
        "accept-language",
        "content-type",
        "host",
        "origin",
        "user-agent",
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static("some value"),
        );
    }
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    headers.insert("traceparent", HeaderValue::from_static(traceparent));
    headers.insert(
        "x-request-id",
        HeaderValue::from_static("0af76519-16cd-43dd-8448-eb211c80319c"),
    );
    request
}

async fn reply(request: Request<()>) -> Result<Response<Empty<Bytes>>, Infallible> {
    black_box(request);
    Ok(Response::new(Empty::new()))
}

/// Serves a request to the end of its body, on a clone of `service`.
fn serve<S, R>(service: &S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body,
{
    let future = service.clone().call(request);
    let response = future.now_or_never().expect("ready").expect("answered");
    black_box(response.into_body().collect().now_or_never());
}

fn benches(criterion: &mut Criterion) {
    let template = request();
    let mut group = criterion.benchmark_group("telemetry");

    let bare = service_fn(reply);
    group.bench_function("bare", |b| b.iter(|| serve(&bare, template.clone())));

    let off = TraceServerLayer::new(TracePolicy::off()).layer(bare);
    group.bench_function("server, off", |b| b.iter(|| serve(&off, template.clone())));

    let server = TraceServerLayer::default().layer(bare);
    group.bench_function("server", |b| b.iter(|| serve(&server, template.clone())));

    let client = TraceClientLayer::default().layer(bare);
    let trace = TraceContext::from_headers(template.headers())
        .expect("well formed")
        .expect("there");
    group.bench_function("client", |b| {
        trace
            .clone()
            .scope(|| b.iter(|| serve(&client, template.clone())));
    });
    group.finish();
}

criterion_group!(telemetry, benches);
criterion_main!(telemetry);
