//! counted allocations CASE MODE   heap allocations and bytes of one call
//! counted state                   bytes that a layer, a key or a stack keeps, as a table
//!
//! A program of its own, because counting would slow down what the other one times.

#[path = "counted/counting.rs"]
mod counting;
#[path = "counted/state.rs"]
mod state;

use peers_bench::cases::all;
use peers_bench::load::{BATCH, measured};
use peers_bench::runtime::within;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    let number = |at: usize| argument(at).parse::<usize>().expect("a number");
    match argument(1) {
        "allocations" => within(|| allocations(number(2), number(3))),
        "state" => within(state::table),
        _ => eprintln!("see the head of src/bin/counted.rs"),
    }
}

fn allocations(case: usize, mode: usize) {
    const BATCHES: u32 = 1_000;
    let cases = all();
    let make = cases[case].loads[mode].as_ref();
    let mut load = make.expect("this case has no such mode")();
    let (mut number, mut bytes) = (0, 0);
    // The first ones fill what is filled once.
    for batch in 0..BATCHES + 200 {
        load.prepare();
        let before = counting::allocated();
        measured(&mut *load);
        let after = counting::allocated();
        if batch >= 200 {
            number += after.0 - before.0;
            bytes += after.1 - before.1;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "some millions at most")]
    let per_call = |count: u64| count as f64 / f64::from(BATCHES * BATCH);
    println!("{:.3} {:.1}", per_call(number), per_call(bytes));
}
