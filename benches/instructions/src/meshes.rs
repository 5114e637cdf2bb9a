//! A call through an assembled mesh, and through the same layers put together by hand.

use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Mesh};
use tower_layer::{Layer, layer_fn};

use crate::stacks::{self, Case, READY, Upstream};

/// What the mesh adds to the layers is the second less the first.
pub(crate) fn all() -> Vec<Case> {
    vec![
        ("mesh by hand", || stacks::calls(layer_fn(by_hand), READY)),
        ("mesh", || {
            let mesh = Mesh::from_yaml(DOCUMENTS).expect("good documents");
            let workload = mesh.workload("bench", "default");
            stacks::calls(layer_fn(move |inner| workload.outbound(inner)), READY)
        }),
    ]
}

fn by_hand(inner: Upstream) -> impl stacks::Callable {
    let endpoint = Endpoint::try_from("10.0.0.1:80").expect("an address");
    let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), Endpoints::fixed([endpoint]));
    let inner = balance.layer(inner);
    let inner = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::off()).layer(inner);
    let inner = TraceAttemptLayer::default().layer(inner);
    let inner = RetryLayer::new(RetryPolicy::off()).layer(inner);
    let inner = TimeoutLayer::new(TimeoutPolicy::default()).layer(inner);
    let split = TrafficSplitPolicy::new([Route::to(Destination::new("upstream.example"))]);
    let inner = TrafficSplitLayer::new(split)
        .with_host_preserved(true)
        .layer(inner);
    let inner = FaultInjectionLayer::new(FaultInjectionPolicy::off()).layer(inner);
    TraceClientLayer::default().layer(inner)
}

const DOCUMENTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: upstream}
spec:
  hosts: [upstream.example]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: upstream}
spec:
  hosts: [upstream.example]
  http:
  - match: [{uri: {prefix: /items/}}]
    route: [{destination: {host: upstream.example}}]
    retries: {attempts: 0}
";
