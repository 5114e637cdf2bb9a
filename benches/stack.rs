//! What the stacks add to a call, in units of `Instant::now()` of the same run.
//!
//! Each line of criterion's is a whole call, the bare service's included: take off `bare`, and divide by
//! `a reading of the clock`. The ratio is printed at the end, from rounds in which all cases take turns.

mod ratios;
#[allow(
    dead_code,
    reason = "the counts of instructions and of allocations use the rest of it"
)]
#[path = "stacks/mod.rs"]
mod stacks;

use criterion::{Criterion, criterion_group, criterion_main};

fn benches(criterion: &mut Criterion) {
    let runtime = ratios::runtime();
    let _guard = runtime.enter();
    let mut group = criterion.benchmark_group("stack");
    group.bench_function("a reading of the clock", |b| b.iter(ratios::read_clock));
    for (name, make) in stacks::all() {
        let mut calls = make();
        group.bench_function(name, |b| b.iter(|| calls(1)));
    }
    group.finish();
    let cases = stacks::all().into_iter();
    ratios::print(cases.map(|(name, make)| (name.to_owned(), make())));
    runtime.shutdown_background();
}

criterion_group!(stack, benches);
criterion_main!(stack);
