//! Runs the calls of one case, for a tool that counts their instructions: see `check.sh`.
//!
//! ```text
//! instructions list
//! instructions sizes
//! instructions run CASE CALLS
//! ```

mod choices;
mod meshes;
mod metrics;
#[path = "../../stacks/mod.rs"]
mod stacks;

use std::env;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

use stacks::{Calls, Case};
use tokio::runtime::{Builder, Runtime};

fn main() {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["list"] => {
            for (name, _) in cases() {
                println!("{name}");
            }
        }
        ["sizes"] => stacks::print_sizes(),
        ["run", case, calls] => run(case, calls.parse().expect("a number of calls")),
        _ => panic!("list | sizes | run CASE CALLS"),
    }
}

fn cases() -> Vec<Case> {
    let mut all = stacks::all();
    all.extend(choices::calls());
    all.extend(choices::all());
    all.extend(meshes::all());
    all.extend(metrics::all());
    all
}

fn run(case: &str, count: u64) {
    let runtime = runtime();
    let _guard = runtime.enter();
    let all = cases();
    let found = all.iter().find(|(name, _)| *name == case);
    let (_, make) = found.expect("a case of the list");
    let mut calls = make();
    // What is made once, such as a thread's own state, is made here.
    calls(500);
    measured(&mut calls, count);
    runtime.shutdown_background();
}

/// What is counted: nothing else has this name.
#[inline(never)]
fn measured(calls: &mut Calls, count: u64) {
    calls(count);
    black_box(count);
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
    thread::sleep(Duration::from_millis(50));
    runtime
}
