//! What the retry layer costs a request with 8 headers.

use std::convert::Infallible;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use meshless::retry::{Backoff, ReplayBody, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use tower::{Layer, Service, service_fn};

fn request(method: Method, body: &'static [u8]) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(body)));
    *request.method_mut() = method;
    let headers = request.headers_mut();
    for name in [
        "accept",
        "accept-language",
        "authorization",
        "content-type",
        "host",
        "origin",
        "user-agent",
        "x-request-id",
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static("some value"),
        );
    }
    request
}

type Reply = Result<Response<Empty<Bytes>>, Infallible>;

async fn reply<B>(request: Request<B>) -> Reply {
    black_box(request);
    Ok(Response::new(Empty::new()))
}

/// Fails every second request without having looked at it.
async fn every_second(
    request: Request<ReplayBody<Full<Bytes>>>,
) -> Result<Response<Empty<Bytes>>, std::io::Error> {
    static REQUESTS: AtomicU64 = AtomicU64::new(0);
    black_box(request);
    if REQUESTS.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
        return Err(std::io::ErrorKind::ConnectionRefused.into());
    }
    Ok(Response::new(Empty::new()))
}

fn serve<S, R>(service: &mut S, request: Request<Full<Bytes>>)
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>>,
    S::Error: std::fmt::Debug,
    R: http_body::Body,
{
    let response = service
        .call(request)
        .now_or_never()
        .expect("ready")
        .expect("answered");
    black_box(response.into_body().collect().now_or_never());
}

fn benches(criterion: &mut Criterion) {
    let _runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let _guard = _runtime.enter();
    let mut group = criterion.benchmark_group("retry");
    let answers = RetryOn::none().with_status(StatusCode::SERVICE_UNAVAILABLE);
    let policies = [
        ("off", RetryPolicy::off(), Method::GET),
        (
            "not retriable",
            RetryPolicy::new(2).with_retry_on(answers),
            Method::POST,
        ),
        ("armed, no body", RetryPolicy::default(), Method::GET),
        ("armed, a body", RetryPolicy::default(), Method::PUT),
    ];
    let body = |method: &Method| -> &'static [u8] {
        if *method == Method::GET {
            b""
        } else {
            b"some body"
        }
    };
    for (name, policy, method) in policies {
        let layer = RetryLayer::new(policy);
        let template = request(method.clone(), body(&method));
        let mut bare = service_fn(reply::<Full<Bytes>>);
        group.bench_function(format!("{name}/bare"), |b| {
            b.iter(|| serve(&mut bare, template.clone()));
        });
        let mut service = layer.layer(service_fn(reply::<ReplayBody<Full<Bytes>>>));
        group.bench_function(format!("{name}/long-lived"), |b| {
            b.iter(|| serve(&mut service, template.clone()));
        });
        group.bench_function(format!("{name}/cloned"), |b| {
            b.iter(|| serve(&mut service.clone(), template.clone()));
        });
    }

    let once = RetryPolicy::new(1)
        .with_budget(RetryBudget::unlimited())
        .with_backoff(Backoff::constant(Duration::ZERO));
    let mut service = RetryLayer::new(once).layer(service_fn(every_second));
    let template = request(Method::GET, b"");
    group.bench_function("retried once", |b| {
        b.iter(|| serve(&mut service, template.clone()));
    });
    group.finish();
}

criterion_group!(retry, benches);
criterion_main!(retry);
