//! What the stacks add to a call, in units of `Instant::now()` of the same run.
//!
//! Each line is a whole call, the bare service's included: take off `bare`, and divide by `a reading of
//! the clock`. The ratio is printed at the end, from rounds in which all cases take turns.

#[allow(
    dead_code,
    reason = "the counts of instructions and of allocations use the rest of it"
)]
#[path = "stacks/mod.rs"]
mod stacks;

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use stacks::Calls;
use tokio::runtime::{Builder, Runtime};

/// The calls of one measurement in a round.
const CALLS: u64 = 2_000;
const ROUNDS: usize = 31;

fn benches(criterion: &mut Criterion) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let mut group = criterion.benchmark_group("stack");
    group.bench_function("a reading of the clock", |b| b.iter(read_clock));
    for (name, make) in stacks::all() {
        let mut calls = make();
        group.bench_function(name, |b| b.iter(|| calls(1)));
    }
    group.finish();
    print_ratios();
    runtime.shutdown_background();
}

/// Prints what each case adds to its bare service, in readings of the clock: median and quartiles.
fn print_ratios() {
    let mut cases: Vec<(&str, Calls, Vec<f64>)> = stacks::all()
        .into_iter()
        .map(|(name, make)| (name, make(), Vec::new()))
        .collect();
    let mut clock = Vec::new();
    for _ in 0..ROUNDS {
        clock.push(nanos(|| {
            for _ in 0..CALLS {
                black_box(read_clock());
            }
        }));
        for (_, calls, times) in &mut cases {
            times.push(nanos(|| calls(CALLS)));
        }
    }
    let unit = quartiles(&mut clock)[1];
    println!("a reading of the clock: {unit:.1} ns");
    println!("{:<34} {:>24}", "added to a call", "median (quartiles)");
    let bare: Vec<_> = cases[..3]
        .iter()
        .map(|(name, _, times)| (*name, times.clone()))
        .collect();
    for (name, _, times) in &mut cases[3..] {
        let own = bare
            .iter()
            .rfind(|(bare, _)| name.ends_with(&bare["bare".len()..]));
        let (_, own) = own.expect("every case ends like a bare one");
        let mut added: Vec<_> = times
            .iter()
            .zip(own)
            .map(|(time, bare)| time - bare)
            .collect();
        let [low, median, high] = quartiles(&mut added).map(|time| time / unit);
        println!("{name:<34} {median:>9.1} ({low:.1} to {high:.1})");
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the unit of all that is measured"
)]
fn read_clock() -> Instant {
    Instant::now()
}

/// The time of one of many calls.
fn nanos(calls: impl FnOnce()) -> f64 {
    let start = read_clock();
    calls();
    let time = read_clock().duration_since(start);
    time.as_secs_f64() * 1e9 / f64::from(u32::try_from(CALLS).expect("a small number"))
}

fn quartiles(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[(times.len() - 1) * quarter / 4])
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

criterion_group!(stack, benches);
criterion_main!(stack);
