//! What one instance gives on one thread and on two, where every interval in which a thread had to wait
//! for a core is thrown away: on a shared machine, two threads are not always two.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Does that many calls; each thread has its own, on what they share.
pub(crate) type Job = Box<dyn FnMut(u64) + Send>;

const INTERVAL: Duration = Duration::from_millis(1);
/// Rounds of which the median counts; each measures one thread and two, one after the other.
const ROUNDS: usize = 15;
/// How often an interval is tried in which nobody waits.
const TRIES: usize = 200;
/// The part of an interval in which all threads ran, to be believed.
const ENOUGH: f64 = 0.95;

/// Measures `job` and prints the calls in a microsecond on one thread and on two, their ratio with its
/// quartiles, and how quiet the worst interval was.
///
/// Two threads that have nothing in common give twice as much as one.
pub(crate) fn report(name: &str, job: impl Fn() -> Job) {
    // Without `--bench` it is a test that all of this runs.
    let rounds = if std::env::args().any(|arg| arg == "--bench") {
        ROUNDS
    } else {
        1
    };
    let mut ones = Vec::new();
    let mut twos = Vec::new();
    for _ in 0..rounds {
        ones.push(quiet(&job, 1));
        twos.push(quiet(&job, 2));
    }
    let ratios = ones
        .iter()
        .zip(&twos)
        .map(|(one, two)| two.calls / one.calls);
    let [low, ratio, high] = quartiles(ratios.collect());
    let middle = |of: fn(&Interval) -> f64, all: &[Interval]| {
        let [_, median, _] = quartiles(all.iter().map(of).collect());
        median
    };
    let share = twos.iter().map(|two| two.share).fold(1.0, f64::min);
    println!(
        "{name:<56} 1 thread {:>7.1}/µs  2 threads {:>7.1}/µs  ratio {ratio:.2} ({low:.2}..{high:.2})  \
         quiet {share:.2}",
        middle(|i| i.calls / 1e6, &ones),
        middle(|i| i.calls / 1e6, &twos),
    );
}

#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    /// By all threads in a second.
    calls: f64,
    share: f64,
}

/// What one thread did.
struct Done {
    calls: f64,
    delay: f64,
    end: f64,
    start: f64,
}

fn quiet(job: &impl Fn() -> Job, threads: usize) -> Interval {
    let mut best = Interval::default();
    for _ in 0..TRIES {
        let interval = measure(job, threads);
        if interval.share > best.share {
            best = interval;
        }
        if best.share >= ENOUGH {
            break;
        }
    }
    best
}

#[expect(clippy::disallowed_methods, reason = "benches measure real time")]
fn measure(job: &impl Fn() -> Job, threads: usize) -> Interval {
    let arrived = Arc::new(AtomicUsize::new(0));
    let origin = Instant::now();
    let running: Vec<_> = (0..threads)
        .map(|_| {
            let (job, arrived) = (job(), Arc::clone(&arrived));
            thread::spawn(move || run(job, &arrived, threads, origin))
        })
        .collect();
    let done: Vec<_> = running
        .into_iter()
        .map(|thread| thread.join().expect("a job ends"))
        .collect();
    let together = done.iter().map(|d| d.end).fold(f64::MAX, f64::min)
        - done.iter().map(|d| d.start).fold(0.0, f64::max);
    let in_all = done.iter().map(|d| d.end).fold(0.0, f64::max)
        - done.iter().map(|d| d.start).fold(f64::MAX, f64::min);
    let ran = done.iter().map(|d| 1.0 - d.delay / (d.end - d.start));
    Interval {
        calls: done.iter().map(|d| d.calls / (d.end - d.start)).sum(),
        share: ran.fold(1.0, f64::min) * together.max(0.0) / in_all,
    }
}

#[expect(clippy::disallowed_methods, reason = "benches measure real time")]
fn run(mut job: Job, arrived: &AtomicUsize, threads: usize, origin: Instant) -> Done {
    job(1_000);
    arrived.fetch_add(1, Ordering::SeqCst);
    while arrived.load(Ordering::SeqCst) < threads {
        std::hint::spin_loop();
    }
    let delay = run_delay();
    let start = origin.elapsed().as_secs_f64();
    let until = start + INTERVAL.as_secs_f64();
    let mut calls = 0.0;
    loop {
        job(64);
        calls += 64.0;
        let end = origin.elapsed().as_secs_f64();
        if end >= until {
            return Done {
                calls,
                delay: run_delay() - delay,
                end,
                start,
            };
        }
    }
}

/// The seconds in which this thread waited for a core; 0 where the system does not tell.
fn run_delay() -> f64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = text.split_whitespace().nth(1);
    nanos.and_then(|nanos| nanos.parse().ok()).unwrap_or(0.0) / 1e9
}

fn quartiles(mut all: Vec<f64>) -> [f64; 3] {
    all.sort_unstable_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| all[quarter * (all.len() - 1) / 4])
}
