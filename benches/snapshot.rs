//! A snapshot of a mesh of 1,000 clusters with 10 endpoints each, and the slowest request beside it:
//! `cargo bench --features istio --bench snapshot`.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::Full;
use meshless::Mesh;
use meshless::mesh::{RequestBody, WorkloadService};
use tower::{Service, service_fn};

type Text = Full<Bytes>;

const CLUSTERS: usize = 1_000;
const ENDPOINTS: usize = 10;
const ROUNDS: usize = 50;

fn documents() -> String {
    let mut yaml = String::new();
    for cluster in 0..CLUSTERS {
        let _ = write!(
            yaml,
            "---\napiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: s{cluster}}}\nspec:\n  \
             hosts: [s{cluster}.internal]\n  ports: [{{number: 80, name: http, protocol: HTTP}}]\n  resolution: STATIC\n  \
             endpoints:\n"
        );
        for endpoint in 0..ENDPOINTS {
            let (high, low) = (cluster / 250, cluster % 250);
            let _ = writeln!(
                yaml,
                "  - {{address: 10.{high}.{low}.{endpoint}, labels: {{version: v{}}}}}",
                endpoint % 2
            );
        }
        let _ = write!(
            yaml,
            "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {{name: s{cluster}}}\nspec:\n  \
             host: s{cluster}.internal\n  trafficPolicy: {{outlierDetection: {{consecutive5xxErrors: 5}}}}\n"
        );
    }
    yaml
}

fn call<S>(service: &mut WorkloadService<S, Text>, cluster: usize)
where
    WorkloadService<S, Text>: Service<Request<Text>, Error = Infallible>,
{
    let uri = format!("http://s{cluster}.internal/");
    let request = Request::get(uri).body(Text::default()).expect("a request");
    let answer = service.call(request).now_or_never();
    assert!(answer.is_some_and(|answer| answer.is_ok()));
}

#[expect(clippy::disallowed_methods, reason = "a bench measures real time")]
fn main() {
    let mesh = Mesh::from_yaml(&documents()).expect("documents without errors");
    let upstream = service_fn(async |request: Request<RequestBody<Text>>| {
        drop(request);
        Ok::<_, Infallible>(Response::new(Text::default()))
    });
    let mut service = mesh.workload("shop", "default").outbound(upstream);
    for cluster in 0..CLUSTERS {
        call(&mut service, cluster);
    }
    let is_over = AtomicBool::new(false);
    let slowest = |service: &mut WorkloadService<_, Text>, until: &dyn Fn() -> bool| {
        let (mut slowest, mut calls) = (Duration::ZERO, 0);
        while !until() {
            let began = Instant::now();
            call(service, calls % CLUSTERS);
            slowest = slowest.max(began.elapsed());
            calls += 1;
        }
        (slowest, calls)
    };
    let end = Instant::now() + Duration::from_secs(1);
    let (alone, calls) = slowest(&mut service, &|| Instant::now() >= end);
    println!("slowest of {calls} calls without snapshots: {alone:?}");
    let (times, (beside, calls)) = thread::scope(|scope| {
        let caller = scope.spawn(|| slowest(&mut service, &|| is_over.load(Ordering::Relaxed)));
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            let snapshot = mesh.snapshot();
            times.push(began.elapsed());
            let endpoints = snapshot.proxies[0].clusters.iter();
            let endpoints: usize = endpoints.map(|one| one.endpoints.len()).sum();
            assert_eq!(endpoints, CLUSTERS * ENDPOINTS);
        }
        is_over.store(true, Ordering::Relaxed);
        (times, caller.join().expect("no panic"))
    });
    let mut times = times;
    times.sort();
    let (median, last) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!(
        "snapshot of {CLUSTERS} clusters with {ENDPOINTS} endpoints: median {median:?}, slowest {last:?}"
    );
    println!("slowest of {calls} calls beside {ROUNDS} snapshots: {beside:?}");
}
