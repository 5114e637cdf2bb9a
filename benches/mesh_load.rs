//! What it takes to load 10,000 documents: time, and memory as the kernel counts it.
//!
//! It is done once for each line: a load is long enough to be measured so. A load runs on a thread of its own, so
//! an allocation counter, which counts for one thread, would not see it.

use std::fs;
use std::hint::black_box;
use std::time::Instant;

use meshless::Mesh;

/// A third each of service entries, destination rules and virtual services.
fn documents(count: usize) -> String {
    let kinds = |i: usize| {
        let (kind, spec) = match i % 3 {
            0 => (
                "ServiceEntry",
                "hosts: [service-N.internal]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, labels: {version: v2}}]",
            ),
            1 => (
                "DestinationRule",
                "host: service-N.internal
  trafficPolicy:
    connectionPool: {tcp: {maxConnections: 100}, http: {http1MaxPendingRequests: 10}}
    outlierDetection: {consecutive5xxErrors: 5, maxEjectionPercent: 100}
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]",
            ),
            _ => (
                "VirtualService",
                "hosts: [service-N.internal]
  http:
  - match: [{uri: {prefix: /v2/}}]
    route: [{destination: {host: service-N.internal, subset: v2}}]
  - route:
    - {destination: {host: service-N.internal, subset: v1}, weight: 90}
    - {destination: {host: service-N.internal, subset: v2}, weight: 10}
    timeout: 10s
    retries: {attempts: 3, perTryTimeout: 2s}",
            ),
        };
        let spec = spec.replace('N', &(i / 3).to_string());
        format!(
            "---\napiVersion: networking.istio.io/v1\nkind: {kind}\nmetadata: {{name: d{i}}}\nspec:\n  {spec}\n"
        )
    };
    (0..count).map(kinds).collect()
}

#[expect(clippy::disallowed_methods, reason = "time is what is measured")]
fn now() -> Instant {
    Instant::now()
}

/// A line of the kernel's account of this process, in KiB; 0 where it keeps none.
fn resident(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix(line));
    let number = line.and_then(|l| l.trim_matches([':', '\t', ' ']).split(' ').next());
    number.and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn main() {
    let mut readings = 0;
    let start = now();
    let end = loop {
        readings += 1;
        let end = black_box(now());
        if readings == 1_000_000 {
            break end;
        }
    };
    let unit = end.duration_since(start).as_secs_f64() / f64::from(readings);
    println!("a reading of the clock: {:.1} ns", unit * 1e9);
    for count in [100, 1_000, 10_000] {
        let text = documents(count);
        let before = resident("VmRSS");
        let start = now();
        let mesh = Mesh::from_yaml(&text).expect("good documents");
        let time = now().duration_since(start).as_secs_f64();
        let (loaded, peak) = (resident("VmRSS"), resident("VmHWM"));
        let start = now();
        let proxy = mesh.workload("w", "default").server();
        let own_time = now().duration_since(start).as_secs_f64();
        let share = f64::from(u32::try_from(count).expect("a small number"));
        println!(
            "{count} documents, {} KiB: {:.1} ms ({:.0} readings a document), {} KiB at most, {} KiB kept; \
             for a workload {:.1} ms, {} KiB kept",
            text.len() >> 10,
            time * 1e3,
            time / share / unit,
            peak.saturating_sub(before),
            loaded.saturating_sub(before),
            own_time * 1e3,
            resident("VmRSS").saturating_sub(loaded),
        );
        drop((mesh, proxy));
    }
}
