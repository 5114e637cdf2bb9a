//! What cases add to a bare call, in units of `Instant::now()` of the same run: all take turns, and the
//! median is printed with its quartiles.

use std::hint::black_box;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

/// Makes calls: that many.
pub(crate) type Calls = Box<dyn FnMut(u64)>;

/// The calls of one measurement in a round.
const CALLS: u64 = 2_000;
const ROUNDS: usize = 31;

struct Row {
    calls: Calls,
    name: String,
    times: Vec<f64>,
}

/// Prints what each case adds to the bare one that its name ends like: those are called `bare`, or
/// `bare` and the end of other names, and come first.
pub(crate) fn print(cases: impl IntoIterator<Item = (String, Calls)>) {
    let mut rows: Vec<_> = cases.into_iter().map(Row::new).collect();
    let mut clock = Vec::new();
    for _ in 0..ROUNDS {
        clock.push(nanos(|| {
            for _ in 0..CALLS {
                black_box(read_clock());
            }
        }));
        for row in &mut rows {
            row.times.push(nanos(|| (row.calls)(CALLS)));
        }
    }
    let unit = quartiles(&mut clock)[1];
    println!("a reading of the clock: {unit:.1} ns");
    println!("{:<44} {:>24}", "added to a call", "median (quartiles)");
    let first = rows.iter().position(|row| !row.name.starts_with("bare"));
    let (bare, rows) = rows.split_at(first.unwrap_or(rows.len()));
    for row in rows {
        let own = bare.iter().rfind(|bare| row.name.ends_with(bare.end()));
        let own = own.expect("every case ends like a bare one");
        let added = row.times.iter().zip(&own.times);
        let mut added: Vec<_> = added.map(|(time, bare)| time - bare).collect();
        let [low, median, high] = quartiles(&mut added).map(|time| time / unit);
        println!("{:<44} {median:>9.1} ({low:.1} to {high:.1})", row.name);
    }
}

impl Row {
    fn new((name, mut calls): (String, Calls)) -> Self {
        // What is made once, such as a place in a window.
        calls(CALLS);
        let times = Vec::new();
        Self { calls, name, times }
    }

    fn end(&self) -> &str {
        &self.name["bare".len()..]
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the unit of all that is measured"
)]
pub(crate) fn read_clock() -> Instant {
    Instant::now()
}

/// The time of one of many calls.
fn nanos(calls: impl FnOnce()) -> f64 {
    let start = read_clock();
    calls();
    let time = read_clock().duration_since(start);
    time.as_secs_f64() * 1e9 / f64::from(u32::try_from(CALLS).expect("a small number"))
}

pub(crate) fn quartiles(times: &mut [f64]) -> [f64; 3] {
    times.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| times[(times.len() - 1) * quarter / 4])
}

/// A runtime whose timers are under way, so that another one wakes nobody.
pub(crate) fn runtime() -> Runtime {
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
