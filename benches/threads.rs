//! What a second thread brings: each layer, and the stacks, over state that both threads share.
//!
//! ```text
//! cargo bench --bench threads              every case
//! cargo bench --bench threads -- breaker   those with this in their name, and the controls
//! ```
//!
//! Prints one table: million calls a second on one thread and on two, and the ratio of both with its
//! quartiles, each pair measured one after the other; then what a call costs a thread above the bare one,
//! in nanoseconds, alone and beside the other. The calls are as small as can be, so that this is seen. The controls say what the machine has to give: 2 if
//! nothing is shared, 0.5 or so if each call writes to one shared word, whatever is done besides. A row
//! whose intervals were not quiet is marked; see `two_threads`.

#[expect(
    dead_code,
    reason = "the counts of instructions and of allocations use the rest of it"
)]
#[path = "stacks/mod.rs"]
mod stacks;
mod two_threads;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints, Outcome};
use tokio::runtime::{Builder, Runtime};
use tower_layer::{Identity, Layer};

use two_threads::upstream::{Callable, Upstream, calls, cloned};
use two_threads::{Share, measure};

const ROUNDS: usize = 15;

/// Shared by all threads of a control, on a cache line of its own.
#[repr(align(128))]
#[derive(Default)]
struct Line(AtomicU64);

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` only wants to see that it works.
    let rounds = if arguments.iter().any(|a| a == "--bench") {
        ROUNDS
    } else {
        1
    };
    let filter = arguments.iter().find(|a| !a.starts_with("--"));
    let runtime = runtime();
    let _guard = runtime.enter();
    println!(
        "{:<36} {:>9} {:>9} {:>6}  {:<14} {:>7} {:>7}",
        "million calls a second",
        "1 thread",
        "2 threads",
        "ratio",
        "(quartiles)",
        "ns of 1",
        "of 2"
    );
    let mut bare = [0.0; 2];
    for (name, share) in cases() {
        let wanted = filter.is_none_or(|filter| name.contains(filter.as_str()));
        if wanted || name.starts_with("control") || name == "bare" {
            row(name, &share, rounds, &mut bare);
        }
    }
    runtime.shutdown_background();
}

fn cases() -> Vec<(&'static str, Share)> {
    let line = Arc::new(Line::default());
    let counted = Arc::clone(&line);
    let split = Route::split([(Destination::new("v1"), 90), (Destination::new("v2"), 10)]);
    let split = TrafficSplitPolicy::new([split.expect("the weights are not all 0")]);
    let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(3));
    vec![
        ("control: nothing shared", share(|| count(Arc::default()))),
        (
            "control: one word, written",
            share(move || count(Arc::clone(&counted))),
        ),
        ("control: an Arc, cloned", share(move || clone(&line))),
        ("bare", long_lived(Identity::new())),
        ("bare, cloned per call", per_call(Identity::new())),
        ("circuit breaker", long_lived(stacks::breaker())),
        (
            "circuit breaker, cloned per call",
            per_call(stacks::breaker()),
        ),
        (
            "circuit breaker, rates",
            long_lived(stacks::breaker_of_rates()),
        ),
        ("concurrency limit", long_lived(stacks::concurrency_limit())),
        (
            "concurrency limit, cloned per call",
            per_call(stacks::concurrency_limit()),
        ),
        (
            "concurrency limit, sharded",
            long_lived(stacks::concurrency_limit().with_shards(16)),
        ),
        (
            "concurrency limit, sharded, cloned",
            per_call(stacks::concurrency_limit().with_shards(16)),
        ),
        ("rate limit", long_lived(stacks::rate_limit())),
        (
            "rate limit, cloned per call",
            per_call(stacks::rate_limit()),
        ),
        (
            "rate limit, sharded",
            long_lived(stacks::rate_limit().with_shards(16)),
        ),
        (
            "rate limit, sharded, cloned",
            per_call(stacks::rate_limit().with_shards(16)),
        ),
        ("retry, armed", long_lived(stacks::retry())),
        ("retry, armed, cloned per call", per_call(stacks::retry())),
        ("timeout", long_lived(stacks::timeout())),
        ("timeout, cloned per call", per_call(stacks::timeout())),
        (
            "trace server",
            long_lived(meshless::telemetry::TraceServerLayer::default()),
        ),
        (
            "trace client",
            long_lived(meshless::telemetry::TraceClientLayer::default()),
        ),
        ("load balance, 3 endpoints", long_lived(balance)),
        ("choice, least request of 1000", {
            choices(LoadBalancePolicy::least_request(), endpoints(1_000))
        }),
        ("choice, random of 1000", {
            choices(LoadBalancePolicy::random(), endpoints(1_000))
        }),
        ("choice, round robin of 1000", {
            choices(LoadBalancePolicy::round_robin(), endpoints(1_000))
        }),
        ("choice and report, of 1000", reports(endpoints(1_000))),
        (
            "traffic split, 90 to 10",
            long_lived(TrafficSplitLayer::new(split)),
        ),
        ("five by hand", long_lived(stacks::five())),
        ("five by hand, cloned per call", per_call(stacks::five())),
        ("inbound", long_lived(meshless::inbound())),
        ("inbound, cloned per call", per_call(meshless::inbound())),
        ("outbound", long_lived(meshless::outbound())),
        ("outbound, cloned per call", per_call(meshless::outbound())),
    ]
}

fn endpoints(count: usize) -> Endpoints {
    let address = |n| format!("10.0.{}.{}:80", n / 256, n % 256);
    let endpoint = |n| Endpoint::try_from(address(n).as_str()).expect("an address");
    Endpoints::fixed((0..count).map(endpoint))
}

/// Each choice with its end: nothing is sent.
fn choices(policy: LoadBalancePolicy, endpoints: Endpoints) -> Share {
    let layer = LoadBalanceLayer::new(policy, endpoints);
    share(move || {
        let layer = layer.clone();
        Box::new(move |n| (0..n).for_each(|_| drop(black_box(layer.choose()))))
    })
}

fn reports(endpoints: Endpoints) -> Share {
    let policy = OutlierDetectionPolicy::default();
    let detector = OutlierDetector::with_observer(policy, endpoints.clone(), Arc::new(()));
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints);
    let layer = layer.with_endpoint_observer(detector);
    share(move || {
        let layer = layer.clone();
        Box::new(move |n| {
            for _ in 0..n {
                let ticket = layer.choose().expect("there are endpoints");
                ticket.settle(Outcome::SUCCESS);
            }
        })
    })
}

fn row(name: &str, share: &Share, rounds: usize, bare: &mut [f64; 2]) {
    let (mut one, mut two, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut quiet = true;
    for _ in 0..rounds {
        let (alone, both) = (measure(share, 1), measure(share, 2));
        quiet &= alone.quality.min(both.quality) >= two_threads::QUIET;
        one.push(alone.per_second / 1e6);
        two.push(both.per_second / 1e6);
        ratios.push(both.per_second / alone.per_second);
    }
    let [low, ratio, high] = quartiles(&mut ratios);
    let ([_, one, _], [_, two, _]) = (quartiles(&mut one), quartiles(&mut two));
    let nanos = [1e3 / one, 2e3 / two];
    if name == "bare" {
        *bare = nanos;
    }
    let [alone, beside] = [nanos[0] - bare[0], nanos[1] - bare[1]];
    let quartiles = format!("({low:.2} to {high:.2})");
    let note = if quiet { "" } else { "  not quiet" };
    println!(
        "{name:<36} {one:>9.2} {two:>9.2} {ratio:>6.2}  {quartiles:<14} {alone:>7.1} {beside:>7.1}{note}"
    );
}

fn quartiles(values: &mut [f64]) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}

fn share(calls: impl Fn() -> two_threads::Calls + Send + Sync + 'static) -> Share {
    Arc::new(calls)
}

/// Each thread has a service of its own, all from one layer.
fn long_lived<L>(layer: L) -> Share
where
    L: Layer<Upstream, Service: Callable + 'static> + Send + Sync + 'static,
{
    share(move || calls(&layer))
}

/// Each call is made to a clone of the thread's service, as hyper and axum do it.
fn per_call<L>(layer: L) -> Share
where
    L: Layer<Upstream, Service: Callable + Clone + 'static> + Send + Sync + 'static,
{
    share(move || cloned(&layer))
}

fn count(line: Arc<Line>) -> two_threads::Calls {
    Box::new(move |n| {
        for _ in 0..n {
            black_box(line.0.fetch_add(1, Ordering::Relaxed));
        }
    })
}

fn clone(line: &Arc<Line>) -> two_threads::Calls {
    let line = Arc::clone(line);
    Box::new(move |n| {
        for _ in 0..n {
            drop(black_box(Arc::clone(&line)));
        }
    })
}

/// A runtime whose timers are under way, so that another one wakes nobody.
fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let runtime = builder.worker_threads(1).enable_time().build();
    let runtime = runtime.expect("one more thread");
    runtime.spawn(async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    std::thread::sleep(Duration::from_millis(50));
    runtime
}
