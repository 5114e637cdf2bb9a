//! peers table [FILTER]       times, instructions and allocations of every case, as one table
//! peers list                 the cases
//! peers one CASE MODE N      N batches of one case, by number, for a counter of instructions
//!
//! `ROUNDS` and `BATCHES` (of 16 calls, a round) set how long the table takes; `INSTRUCTIONS` is `perf`,
//! `callgrind` or `none`.

mod instructions;
mod report;
mod timing;

use std::env;

use peers_bench::cases::all;
use peers_bench::load::measured;
use peers_bench::runtime::within;

fn main() {
    let arguments: Vec<String> = env::args().collect();
    let argument = |at: usize| arguments.get(at).map_or("", String::as_str);
    let number = |at: usize| argument(at).parse::<usize>().expect("a number");
    match argument(1) {
        "list" => {
            for (number, case) in all().iter().enumerate() {
                println!("{number:>2} {case:?}");
            }
        }
        "one" => within(|| {
            let cases = all();
            let make = cases[number(2)].loads[number(3)].as_ref();
            let mut load = make.expect("this case has no such mode")();
            for _ in 0..number(4) {
                load.prepare();
                measured(&mut *load);
            }
        }),
        "table" => report::table(argument(2)),
        _ => eprintln!("see the head of src/main.rs"),
    }
}
