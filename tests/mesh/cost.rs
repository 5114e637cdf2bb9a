//! What a request costs beside the layers: nothing is allocated for it.

use std::convert::Infallible;

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::mesh::RequestBody;
use meshless::retry::{ReplayBody, RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceClientLayer, TracePolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Mesh};
use tower::{Service, ServiceBuilder, service_fn};

use crate::support::Text;

/// Returns what one call allocates, when calls before it have made what is made once.
fn allocations<S, R>(service: &mut S, host: &str) -> u64
where
    S: Service<Request<Text>, Response = Response<R>, Error = Infallible>,
    R: Body<Data = Bytes>,
    R::Error: std::fmt::Debug,
{
    let mut count = 0;
    for _ in 0..3 {
        let request = Request::get(format!("http://{host}/a"));
        let request = request.body(Full::from("body")).unwrap();
        let info = measure(|| {
            let response = service.call(request).now_or_never().unwrap().unwrap();
            response
                .into_body()
                .collect()
                .now_or_never()
                .unwrap()
                .unwrap();
        });
        count = info.count_total;
    }
    count
}

#[test]
fn finding_a_route_among_a_thousand_hosts_allocates_nothing() {
    let documents = (0..1_000).map(|i| {
        format!(
            "
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s{i}}}
spec:
  hosts: [service-{i}.internal]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{{address: 10.0.0.1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: v{i}}}
spec:
  hosts: [service-{i}.internal]
  http:
  - route:
    - destination: {{host: service-{i}.internal}}
    retries: {{attempts: 0}}
"
        )
    });
    let mesh = Mesh::from_yaml(&documents.collect::<String>()).unwrap();
    let transport = service_fn(|request: Request<RequestBody<Text>>| async move {
        drop(request);
        Ok(Response::new(Text::default()))
    });
    let mut assembled = mesh.workload("w", "default").outbound(transport);

    let transport = service_fn(|request: Request<ReplayBody<Text>>| async move {
        drop(request);
        Ok(Response::new(Text::default()))
    });
    let endpoints = Endpoints::fixed([Endpoint::try_from("10.0.0.1:80").unwrap()]);
    let split = TrafficSplitPolicy::new([Route::to(Destination::new("service-7.internal"))]);
    let mut by_hand = ServiceBuilder::new()
        .layer(FaultInjectionLayer::new(FaultInjectionPolicy::off()))
        .layer(TrafficSplitLayer::new(split).with_host_preserved(true))
        .layer(TimeoutLayer::new(TimeoutPolicy::default()))
        .layer(RetryLayer::new(RetryPolicy::off()))
        .layer(TraceClientLayer::new(
            TracePolicy::default().with_request_id_in_request(true),
        ))
        .layer(ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::off()))
        .layer(LoadBalanceLayer::new(
            LoadBalancePolicy::default(),
            endpoints,
        ))
        .service(transport);

    let host = "service-7.internal";
    assert_eq!(
        allocations(&mut assembled, host),
        allocations(&mut by_hand, host)
    );
}
