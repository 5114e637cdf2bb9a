//! Interleaved rounds of all cases, and the table of their medians.

use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::cases::{CASES, Case};

/// Connections that are busy at once.
const CONNECTIONS: [usize; 2] = [1, 8];

/// Prints allocations, CPU time and throughput of a request, as medians over the rounds.
///
/// The ratios are those to the first case in the same round: the machine may be busy with more than this.
pub(crate) fn print(rounds: usize, count: usize) {
    let address = crate::server::start();
    let runtime = crate::runtime();
    let cases: Vec<_> = CASES.iter().map(|(_, make)| make(address)).collect();
    println!(
        "{:<42} {:>6} {:>11} {:>8} {:>8} {:>8}",
        "", "allocs", "connections", "CPU µs", "CPU ×", "req/s ×"
    );
    for connections in CONNECTIONS {
        let mut rows = vec![Row::default(); cases.len()];
        // The first round opens the connections and is not counted.
        for round in 0..=rounds {
            let now: Vec<_> = cases
                .iter()
                .map(|case| measure(&runtime, &**case, connections, count))
                .collect();
            if round == 0 {
                continue;
            }
            for (row, measured) in rows.iter_mut().zip(&now) {
                row.add(*measured, now[0]);
            }
        }
        for (((name, _), case), row) in CASES.iter().zip(&cases).zip(rows) {
            let allocations = allocations(&runtime, &**case);
            println!(
                "{name:<42} {allocations:>6.1} {connections:>11} {:>8.1} {:>8.2} {:>8.2}",
                median(row.cpu),
                median(row.cpu_ratio),
                median(row.rate_ratio),
            );
        }
    }
}

/// Measurements of one case in all rounds.
#[derive(Clone, Default)]
struct Row {
    cpu: Vec<f64>,
    cpu_ratio: Vec<f64>,
    rate_ratio: Vec<f64>,
}

/// CPU time of the client's thread and time that passed, in microseconds for one request.
#[derive(Clone, Copy)]
struct Measured {
    cpu: f64,
    wall: f64,
}

impl Row {
    fn add(&mut self, measured: Measured, first: Measured) {
        self.cpu.push(measured.cpu);
        self.cpu_ratio.push(measured.cpu / first.cpu);
        self.rate_ratio.push(first.wall / measured.wall);
    }
}

fn measure(runtime: &Runtime, case: &dyn Case, connections: usize, count: usize) -> Measured {
    let (cpu, start) = (thread_time(), Instant::now());
    runtime.block_on(case.run(connections, count));
    let of_one = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    Measured {
        cpu: of_one(thread_time().saturating_sub(cpu)),
        wall: of_one(start.elapsed()),
    }
}

/// Returns the allocations of a request.
fn allocations(runtime: &Runtime, case: &dyn Case) -> f64 {
    let of = |count| {
        let run = || runtime.block_on(case.run(1, count));
        allocation_counter::measure(run).count_total as f64
    };
    // The difference of two lengths: what each run begins with is not counted.
    (of(300) - of(100)) / 200.0
}

/// Returns the CPU time of this thread, by Linux's account.
fn thread_time() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux's accounts");
    let nanos = text
        .split_whitespace()
        .next()
        .and_then(|word| word.parse().ok());
    Duration::from_nanos(nanos.expect("nanoseconds"))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
