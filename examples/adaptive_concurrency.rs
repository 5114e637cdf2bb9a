//! Adaptive limits before an upstream of 8 workers that take 10 ms each, under half, three times and again half the load
//! that it can do, on a paused clock: `cargo run --example adaptive_concurrency` prints a table.

#![expect(
    clippy::disallowed_methods,
    reason = "the example's own clock, which it pauses"
)]

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use meshless::adaptive_concurrency::{
    AdaptiveConcurrencyLayer, AdaptiveConcurrencyPolicy, Algorithm,
};
use tokio::sync::Semaphore;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

const WORKERS: u32 = 8;
const WORK: Duration = Duration::from_millis(10);
/// Load of each phase as a share of the capacity, and its length.
const PHASES: [(f64, u64); 3] = [(0.5, 10), (3.0, 20), (0.5, 10)];
/// Callers of a request give up after this time: its response is worth nothing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Result of a phase.
#[derive(Clone, Debug, Default)]
struct Phase {
    answered: Vec<Duration>,
    limit: u32,
    refused: u32,
    sent: u32,
}

impl Phase {
    fn p99(&self) -> Duration {
        let mut sorted = self.answered.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted.get(last * 99 / 100).copied().unwrap_or_default()
    }

    /// Responses in time, as a share of what the upstream can do.
    #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
    fn goodput(&self, seconds: u64) -> f64 {
        let good = self.answered.iter().filter(|&&latency| latency <= PATIENCE);
        good.count() as f64 / (capacity() * seconds as f64)
    }
}

/// Requests for each second.
fn capacity() -> f64 {
    f64::from(WORKERS) / WORK.as_secs_f64()
}

async fn simulate(limit: Option<Algorithm>) -> [Phase; 3] {
    let policy = limit.map_or_else(AdaptiveConcurrencyPolicy::off, |algorithm| {
        AdaptiveConcurrencyPolicy::default().with_algorithm(algorithm)
    });
    let layer = AdaptiveConcurrencyLayer::new(policy);
    let workers = Rc::new(Semaphore::new(WORKERS as usize));
    let service = layer.layer(service_fn(move |_: Request<String>| {
        let workers = Rc::clone(&workers);
        async move {
            let _worker = workers.acquire().await;
            sleep(WORK).await;
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    }));

    let mut phases = <[Phase; 3]>::default();
    let mut random = Random(7);
    for (phase, (load, seconds)) in phases.iter_mut().zip(PHASES) {
        let results = Rc::new(RefCell::new(Phase::default()));
        let began = Instant::now();
        let mut due = began;
        let local = LocalSet::new();
        local
            .run_until(async {
                while due < began + Duration::from_secs(seconds) {
                    due += Duration::from_secs_f64(random.gap() / (load * capacity()));
                    tokio::time::sleep_until(due).await;
                    let (mut service, results) = (service.clone(), Rc::clone(&results));
                    results.borrow_mut().sent += 1;
                    tokio::task::spawn_local(async move {
                        let began = Instant::now();
                        let Ok(ready) = service.ready().await;
                        let Ok(response) = ready.call(Request::new(String::new())).await;
                        let mut results = results.borrow_mut();
                        match response.status() {
                            StatusCode::OK => results.answered.push(began.elapsed()),
                            _ => results.refused += 1,
                        }
                    });
                }
            })
            .await;
        *phase = results.borrow().clone();
        phase.limit = layer.state().limit;
        if limit.is_some() {
            println!("    after {seconds} s at {load} x: {}", layer.state());
        }
    }
    phases
}

/// Random numbers that are the same in each run.
struct Random(u64);

impl Random {
    /// Returns the time between two independent arrivals, with a mean of 1.
    #[expect(clippy::cast_precision_loss, reason = "53 of the bits are kept")]
    fn gap(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let uniform = (self.0 >> 11) as f64 / (1_u64 << 53) as f64;
        -(1.0 - uniform).ln()
    }
}

pub(crate) fn main() -> Result<(), std::io::Error> {
    let limits = [
        Some(Algorithm::Gradient),
        Some(Algorithm::Gradient2),
        Some(Algorithm::Vegas),
        Some(Algorithm::Aimd),
        None,
    ];
    let mut table = vec![
        "| limit | goodput at 3 x | p99 at 3 x | limit at 3 x | refused at 0.5 x before, after | p99 after |"
            .to_owned(),
        "|---|---|---|---|---|---|".to_owned(),
    ];
    for limit in limits {
        let name = limit.map_or("none", Algorithm::name);
        println!("{name}");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let [before, over, after] = runtime.block_on(simulate(limit));
        let goodput = over.goodput(PHASES[1].1);
        table.push(format!(
            "| {name} | {:.1} % | {:.1?} | {} | {}, {} of {} | {:.1?} |",
            goodput * 100.0,
            over.p99(),
            over.limit,
            before.refused,
            after.refused,
            after.sent,
            after.p99(),
        ));
        if limit == Some(Algorithm::default()) {
            assert!(goodput >= 0.95, "{goodput}");
            assert!(over.p99() <= 3 * WORK, "{:?}", over.p99());
            assert_eq!(before.refused, 0, "at low load");
        }
    }
    println!("{}", table.join("\n"));
    Ok(())
}
