//! What an assembled mesh adds to a call beside the layers that it is made of, and what finding a host and a
//! route costs, in units of `Instant::now()` of the same run.

#[allow(dead_code, reason = "other benches use the rest of it")]
mod ratios;

use std::convert::Infallible;
use std::fmt::Write;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mesh::RequestBody;
use meshless::retry::{ReplayBody, RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Mesh};
use ratios::Calls;
use tower::{Service, ServiceBuilder, service_fn};

type Text = Full<Bytes>;

/// Calls a service whose answers are there at once.
fn calls<S, R>(mut service: S, uri: &str) -> Calls
where
    S: Service<Request<Text>, Response = Response<R>, Error = Infallible> + 'static,
    R: http_body::Body<Data = Bytes> + 'static,
    R::Error: std::fmt::Debug,
{
    let request = Request::get(uri)
        .header("accept", "*/*")
        .header("user-agent", "bench");
    let request = request.body(Text::default()).expect("a request");
    Box::new(move |count| {
        for _ in 0..count {
            let response = service.call(request.clone()).now_or_never();
            let response = response.expect("an answer at once");
            let Ok(response) = response;
            let body = response.into_body().collect().now_or_never();
            drop(body.expect("a body at once").expect("a whole body"));
        }
    })
}

fn bare() -> Calls {
    let service = service_fn(|request: Request<Text>| async move {
        drop(request);
        Ok(Response::new(Text::default()))
    });
    calls(service, "http://service-0.internal/last/1")
}

fn by_hand() -> Calls {
    let transport = service_fn(|request: Request<ReplayBody<Text>>| async move {
        drop(request);
        Ok(Response::new(Text::default()))
    });
    let endpoint = Endpoint::try_from("10.0.0.1:80").expect("an address");
    let split = TrafficSplitPolicy::new([Route::to(Destination::new("service-0.internal"))]);
    let service = ServiceBuilder::new()
        .layer(TraceClientLayer::default())
        .layer(FaultInjectionLayer::new(FaultInjectionPolicy::off()))
        .layer(TrafficSplitLayer::new(split).with_host_preserved(true))
        .layer(TimeoutLayer::new(TimeoutPolicy::default()))
        .layer(RetryLayer::new(RetryPolicy::off()))
        .layer(TraceAttemptLayer::default())
        .layer(ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::off()))
        .layer(LoadBalanceLayer::new(
            LoadBalancePolicy::default(),
            Endpoints::fixed([endpoint]),
        ))
        .service(transport);
    calls(service, "http://service-0.internal/last/1")
}

/// So many hosts, each with so many routes of which the last is taken.
fn documents(hosts: usize, routes: usize) -> String {
    let mut text = String::new();
    for host in 0..hosts {
        write!(
            text,
            "---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s{host}}}
spec:
  hosts: [service-{host}.internal]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: 10.0.0.1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: v{host}}}
spec:
  hosts: [service-{host}.internal]
  http:
"
        )
        .expect("a string takes every text");
        for route in 1..=routes {
            let prefix = if route == routes {
                "last".to_owned()
            } else {
                format!("route-{route}")
            };
            write!(
                text,
                "  - match: [{{uri: {{prefix: /{prefix}/}}}}]
    route: [{{destination: {{host: service-{host}.internal}}}}]
    retries: {{attempts: 0}}
"
            )
            .expect("a string takes every text");
        }
    }
    text
}

fn mesh(hosts: usize, routes: usize) -> Calls {
    let mesh = Mesh::from_yaml(&documents(hosts, routes)).expect("good documents");
    let transport = service_fn(|request: Request<RequestBody<Text>>| async move {
        drop(request);
        Ok(Response::new(Text::default()))
    });
    let service = mesh.workload("w", "default").outbound(transport);
    let last = hosts - 1;
    calls(service, &format!("http://service-{last}.internal/last/1"))
}

fn all() -> Vec<(String, Calls)> {
    let mut all = vec![("bare".to_owned(), bare()), ("by hand".into(), by_hand())];
    for (hosts, routes) in [(1, 1), (100, 1), (10_000, 1), (1, 100), (100, 100)] {
        let name = format!("mesh, {hosts} hosts, {routes} routes each");
        all.push((name, mesh(hosts, routes)));
    }
    all
}

fn benches(criterion: &mut Criterion) {
    let runtime = ratios::runtime();
    let _guard = runtime.enter();
    let mut group = criterion.benchmark_group("mesh");
    group.bench_function("a reading of the clock", |b| b.iter(ratios::read_clock));
    for (name, mut calls) in all() {
        group.bench_function(name, |b| b.iter(|| calls(1)));
    }
    group.finish();
    ratios::print(all());
    runtime.shutdown_background();
}

criterion_group!(stacks, benches);
criterion_main!(stacks);
