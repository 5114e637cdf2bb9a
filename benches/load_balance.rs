//! What it costs to choose among endpoints, and to report how an attempt ended. Both on two threads:
//! `cargo bench --bench threads -- choice`.

use std::convert::Infallible;
use std::hint::black_box;
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use meshless::load_balance::EndpointObserver;
use meshless::load_balance::{HashPolicy, LoadBalance, LoadBalanceLayer, LoadBalancePolicy};
use meshless::outlier_detection::{FailurePercentage, OutlierDetectionPolicy, OutlierDetector};
use meshless::{Endpoint, Endpoints, Outcome, Percent};
use tower::{Layer, Service, service_fn};

const OK: Outcome = Outcome::Status(StatusCode::OK);
const BAD: Outcome = Outcome::Status(StatusCode::BAD_GATEWAY);

fn endpoints(count: usize) -> Endpoints {
    let address = |n| format!("10.0.{}.{}:80", n / 256, n % 256);
    let endpoint = |n| Endpoint::try_from(address(n).as_str()).expect("an address");
    Endpoints::fixed((0..count).map(endpoint))
}

fn request() -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = "http://10.0.0.0:80/".parse().expect("a URI");
    let host = HeaderValue::from_static("users");
    request.headers_mut().insert(header::HOST, host);
    request
}

async fn answer(request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
    black_box(request);
    Ok(Response::new(Full::new(Bytes::from_static(b"hello"))))
}

/// Calls a service that is always ready and answers at once; the response is dropped unread.
fn exchange<S, R>(service: &mut S, request: Request<()>)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible>,
{
    black_box(service.call(request).now_or_never().is_some());
}

fn measure<S, R>(criterion: &mut Criterion, name: &str, mut service: S)
where
    S: Service<Request<()>, Response = Response<R>, Error = Infallible>,
{
    let template = request();
    criterion.bench_function(&format!("load_balance/{name}"), |b| {
        b.iter_batched(
            || template.clone(),
            |request| exchange(&mut service, request),
            BatchSize::SmallInput,
        );
    });
}

fn policies() -> [(&'static str, LoadBalancePolicy); 4] {
    [
        ("least request", LoadBalancePolicy::least_request()),
        ("round robin", LoadBalancePolicy::round_robin()),
        ("random", LoadBalancePolicy::random()),
        (
            "ring",
            LoadBalancePolicy::consistent_hash(HashPolicy::header(header::HOST)),
        ),
    ]
}

/// What is measured against nothing at all: the services are the same but for the choice.
fn choice(criterion: &mut Criterion) {
    measure(criterion, "bare", service_fn(answer));
    for count in [1, 10, 1_000] {
        for (name, policy) in policies() {
            let all = endpoints(count);
            let layer = LoadBalanceLayer::new(policy.clone(), all.clone());
            let layer = layer.layer(service_fn(answer));
            measure(criterion, &format!("layer, {name} of {count}"), layer);
            let balance = LoadBalance::new(policy, all, |_| service_fn(answer));
            measure(criterion, &format!("service, {name} of {count}"), balance);
        }
    }
}

fn detectors() -> [(&'static str, OutlierDetectionPolicy); 2] {
    let share = FailurePercentage::new(Percent::new(50));
    let policy = OutlierDetectionPolicy::default();
    let rates = policy.clone().with_failure_percentage(share);
    [("in a row", policy), ("rates", rates)]
}

fn report(criterion: &mut Criterion) {
    for (name, policy) in detectors() {
        let all = endpoints(10);
        let detector = OutlierDetector::with_observer(policy, all.clone(), Arc::new(()));
        let endpoint = all.to_vec()[0].clone();
        criterion.bench_function(&format!("load_balance/report, success, {name}"), |b| {
            b.iter(|| detector.report(black_box(&endpoint), OK));
        });
        criterion.bench_function(
            &format!("load_balance/report, failure and success, {name}"),
            |b| {
                b.iter(|| {
                    detector.report(black_box(&endpoint), BAD);
                    detector.report(black_box(&endpoint), OK);
                });
            },
        );
        let balance = LoadBalance::new(LoadBalancePolicy::default(), all, |_| service_fn(answer));
        measure(
            criterion,
            &format!("service, watched, {name}"),
            balance.with_endpoint_observer(detector),
        );
    }
}

/// The choice alone, and with its end: nothing is sent.
fn choose(criterion: &mut Criterion) {
    #[expect(clippy::disallowed_methods, reason = "what all else is compared with")]
    criterion.bench_function("load_balance/clock", |b| b.iter(std::time::Instant::now));
    for (name, policy) in policies() {
        for count in [1, 10, 1_000] {
            let layer = LoadBalanceLayer::new(policy.clone(), endpoints(count));
            criterion.bench_function(&format!("load_balance/choose, {name} of {count}"), |b| {
                // Never let go of, for that is not the choice.
                b.iter(|| mem::forget(black_box(layer.choose())));
            });
            let name = format!("load_balance/choose and let go, {name} of {count}");
            criterion.bench_function(&name, |b| b.iter(|| drop(black_box(layer.choose()))));
        }
    }
}

criterion_group!(load_balance, choose, choice, report);
criterion_main!(load_balance);
