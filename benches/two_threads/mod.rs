//! Measures the same calls on one thread and on two that share what they call, interval by interval.
//!
//! On a machine with other work a ratio says nothing unless each thread had a core to itself. So an
//! interval counts only if no thread waited for a core (the kernel's run delay) and both ran at the same
//! time, each for 95 % of it; it is repeated until it does. A control with nothing shared then reads 2.

pub(crate) mod upstream;

use std::fs;
use std::hint;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

/// Makes calls: that many.
pub(crate) type Calls = Box<dyn FnMut(u64)>;

/// Makes one more handle on what all threads share, on the thread that uses it.
pub(crate) type Share = Arc<dyn Fn() -> Calls + Send + Sync>;

/// How long a measurement is: long against the start of a thread, short against the turns of a scheduler.
const INTERVAL: Duration = Duration::from_millis(1);
const BATCH: u64 = 64;
pub(crate) const QUIET: f64 = 0.95;

/// How often an interval is tried again until it is quiet.
const TRIES: usize = 200;

/// Calls a second, of all threads together.
pub(crate) struct Rate {
    pub(crate) per_second: f64,
    /// Which part of the interval was quiet, at the worst thread.
    pub(crate) quality: f64,
}

/// What one thread did, and when.
struct Run {
    calls: u64,
    delay: Duration,
    end: Instant,
    start: Instant,
}

/// Measures on so many threads, until the interval is quiet.
pub(crate) fn measure(share: &Share, threads: usize) -> Rate {
    let mut best = once(share, threads);
    for _ in 1..TRIES {
        if best.quality >= QUIET {
            break;
        }
        let next = once(share, threads);
        if next.quality > best.quality {
            best = next;
        }
    }
    best
}

fn once(share: &Share, threads: usize) -> Rate {
    let arrived = Arc::new(AtomicUsize::new(0));
    let runtime = Handle::current();
    let runs = (0..threads).map(|_| {
        let (share, arrived, runtime) = (Arc::clone(share), Arc::clone(&arrived), runtime.clone());
        thread::spawn(move || {
            let _guard = runtime.enter();
            let mut calls = share();
            calls(1_000);
            arrived.fetch_add(1, Ordering::SeqCst);
            while arrived.load(Ordering::SeqCst) < threads {
                hint::spin_loop();
            }
            run(&mut calls)
        })
    });
    let runs: Vec<_> = runs.collect();
    let runs = runs.into_iter().map(|run| run.join().expect("no panic"));
    rate(&runs.collect::<Vec<_>>())
}

fn run(calls: &mut Calls) -> Run {
    let (delay, start) = (run_delay(), now());
    let mut count = 0;
    loop {
        calls(BATCH);
        count += BATCH;
        let end = now();
        if end - start >= INTERVAL {
            return Run {
                calls: count,
                delay: run_delay().saturating_sub(delay),
                end,
                start,
            };
        }
    }
}

fn rate(runs: &[Run]) -> Rate {
    let (mut per_second, mut quality) = (0.0, 1.0_f64);
    for run in runs {
        let length = (run.end - run.start).as_secs_f64();
        let calls = u32::try_from(run.calls).expect("a millisecond's");
        per_second += f64::from(calls) / length;
        quality = quality.min(1.0 - run.delay.as_secs_f64() / length);
    }
    let starts = || runs.iter().map(|run| run.start);
    let ends = || runs.iter().map(|run| run.end);
    let (Some(first), Some(last_in)) = (starts().min(), starts().max()) else {
        unreachable!("there is a thread");
    };
    let (Some(first_out), Some(last)) = (ends().min(), ends().max()) else {
        unreachable!("there is a thread");
    };
    let together = first_out.saturating_duration_since(last_in).as_secs_f64();
    Rate {
        per_second,
        quality: quality.max(0.0) * together / (last - first).as_secs_f64(),
    }
}

/// How long this thread was ready to run without a core to run on; zero where the system does not say.
fn run_delay() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split_whitespace().nth(1);
    Duration::from_nanos(nanos.and_then(|n| n.parse().ok()).unwrap_or_default())
}

#[expect(
    clippy::disallowed_methods,
    reason = "the measure itself, not what is measured"
)]
fn now() -> Instant {
    Instant::now()
}
