//! A request with 8 headers, upstreams that answer at once or after one wait, and how a layer's bench
//! drives them.

use std::convert::Infallible;
use std::hint::black_box;

use bytes::Bytes;
use criterion::{BatchSize, Criterion};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use tokio::runtime::Runtime;
use tower::{Service, ServiceExt};

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

pub(crate) fn request() -> Request<()> {
    let mut request = Request::new(());
    for name in NAMES {
        let value = HeaderValue::from_static("some value");
        let name = HeaderName::from_static(name);
        request.headers_mut().insert(name, value);
    }
    request
}

pub(crate) async fn ready(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    black_box(request);
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

pub(crate) async fn pending_once(
    request: Request<()>,
) -> Result<Response<Full<Bytes>>, Infallible> {
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

/// Measures `service`, long-lived and cloned for each call, as `name` in `group`.
pub(crate) fn measure<S, R>(
    criterion: &mut Criterion,
    runtime: &Runtime,
    group: &str,
    name: &str,
    mut service: S,
) where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible> + Clone,
    R: http_body::Body,
{
    let mut group = criterion.benchmark_group(group);
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
