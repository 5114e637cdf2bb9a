//! What a traffic split costs: the choice by itself, and a request through layer and service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Empty;
use meshless::gate::RequestHead;
use meshless::traffic_split::{
    Destination, HashPolicy, HeaderMatch, HeaderOperations, Match, Route, StringMatch,
    TrafficSplit, TrafficSplitLayer, TrafficSplitPolicy,
};
use tower::{Layer, Service};

/// A request with 8 headers.
fn request() -> Request<()> {
    Request::builder()
        .uri("http://waste:8000/api/v1/waste/analyze?user=jason")
        .header("accept", "application/json")
        .header("authorization", "Bearer 0123456789abcdef")
        .header("content-type", "application/json")
        .header("cookie", "session=0123456789abcdef; user=jason")
        .header(
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        )
        .header("user-agent", "bench")
        .header("version", "v1")
        .header("x-request-id", "0af76519-16cd-43dd-8448-eb211c80319c")
        .body(())
        .expect("a request")
}

fn v1() -> Destination {
    Destination::new("waste-v1").with_port(8000)
}

fn v2() -> Destination {
    Destination::new("waste-v2").with_port(8000)
}

fn weighted() -> Route {
    Route::split([(v1(), 90), (v2(), 10)]).expect("weights")
}

/// So many routes, of which the last is taken: each asks for a path and a header.
fn routes(count: usize) -> TrafficSplitPolicy {
    let version = HeaderName::from_static("version");
    let others = (1..count).map(|n| {
        let header = HeaderMatch::new(version.clone(), StringMatch::exact(format!("v{}", n + 1)));
        let path = StringMatch::prefix("/api/v1/waste");
        Route::to(v2()).with_match(Match::default().with_path(path).with_header(header))
    });
    TrafficSplitPolicy::new(others.chain([weighted()]))
}

#[derive(Clone, Debug)]
struct Client;

impl Service<Request<()>> for Client {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        black_box(request);
        ready(Ok(Response::default()))
    }
}

fn call<S: Service<Request<()>>>(service: &mut S, request: Request<()>) {
    let mut cx = Context::from_waker(Waker::noop());
    assert!(service.poll_ready(&mut cx).is_ready());
    assert!(pin!(service.call(request)).poll(&mut cx).is_ready());
}

fn choice(c: &mut Criterion) {
    let request = request();
    let head = RequestHead::of(&request);
    let mut group = c.benchmark_group("traffic_split/choose");
    let mut roll = 0_u64;
    let mut bench = |name: &str, policy: &TrafficSplitPolicy| {
        group.bench_function(name, |b| {
            b.iter(|| {
                roll = roll.wrapping_add(0x9e37_79b9_7f4a_7c15);
                black_box(policy.choose(head, roll));
            });
        });
    };
    for count in [1, 10, 100] {
        bench(&format!("{count} routes"), &routes(count));
    }
    let sticky = |key| TrafficSplitPolicy::new([weighted().with_hash_policy(key)]);
    bench(
        "sticky by header",
        &sticky(HashPolicy::header(HeaderName::from_static("x-request-id"))),
    );
    bench("sticky by cookie", &sticky(HashPolicy::cookie("user")));
    let regex = StringMatch::regex("^(.*?;)?(user=jason)(;.*)?$").expect("a regex");
    let cookie = HeaderMatch::new(http::header::COOKIE, regex);
    let by_regex = weighted().with_match(Match::default().with_header(cookie));
    bench(
        "cookie by regex",
        &TrafficSplitPolicy::new([by_regex, weighted()]),
    );
    group.finish();
}

fn services(c: &mut Criterion) {
    let mut group = c.benchmark_group("traffic_split/call");
    let mut bench = |name: &str, service: &mut dyn FnMut(Request<()>)| {
        group.bench_function(name, |b| {
            b.iter_batched(request, &mut *service, criterion::BatchSize::SmallInput);
        });
    };
    let mut client = Client;
    bench("no split", &mut |request| call(&mut client, request));
    let mut off = TrafficSplitLayer::new(TrafficSplitPolicy::off()).layer(Client);
    bench("layer, off", &mut |request| call(&mut off, request));
    let layer = TrafficSplitLayer::new(routes(1)).layer(Client);
    bench("layer, cloned", &mut |request| {
        call(&mut layer.clone(), request);
    });
    let operations = HeaderOperations::default().with_set(
        HeaderName::from_static("x-to"),
        HeaderValue::from_static("bench"),
    );
    let route = weighted()
        .with_request_headers(operations.clone())
        .with_response_headers(operations);
    let headers = TrafficSplitLayer::new(TrafficSplitPolicy::new([route])).layer(Client);
    bench("layer, headers", &mut |request| {
        call(&mut headers.clone(), request);
    });
    let split = TrafficSplit::new(routes(1), [(v1(), Client), (v2(), Client)]);
    bench("service each", &mut |request| {
        call(&mut split.clone(), request);
    });
    group.finish();
}

criterion_group!(benches, choice, services);
criterion_main!(benches);
