//! Measures a mesh of 10,000 documents; see `docs/costs.md`.

mod allocator;
mod clock;
mod documents;
mod requests;

use std::time::{Duration, Instant};

use meshless::Mesh;

use allocator::{allocations, in_use, peak, reset_peak};
use documents::Set;

const ROUNDS: u32 = 9;
const WORKLOADS: u32 = 16;

fn main() {
    let count = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let set = Set(count.unwrap_or(10_000));
    let text = set.yaml(10);
    println!("{} documents, {} KiB", set.0, text.len() >> 10);
    load(set, &text);
    workloads(&text);
    apply(set, &text);
    requests::slowest(set);
}

fn load(set: Set, text: &str) {
    let (before, blocks) = (in_use(), allocations());
    reset_peak();
    let mesh = Mesh::from_yaml(text).expect("good documents");
    let per_document = |bytes: usize| bytes as f64 / set.0 as f64;
    println!(
        "heap a document: {:.0} bytes at the peak, {:.0} kept, {:.0} allocations",
        per_document(peak() - before),
        per_document(in_use() - before),
        (allocations() - blocks) as f64 / set.0 as f64,
    );
    drop(mesh);
    let mut last = None;
    let times = (0..ROUNDS).map(|_| {
        drop(last.take());
        timed(|| last = Some(Mesh::from_yaml(text).expect("good documents")))
    });
    print_times("load", times.collect());
}

fn workloads(text: &str) {
    let mesh = Mesh::from_yaml(text).expect("good documents");
    let _first = mesh.workload("first", "default").server();
    let before = in_use();
    let mut all = Vec::new();
    let (wall, cpu) = timed(|| {
        let made = (0..WORKLOADS).map(|n| mesh.workload(&format!("w{n}"), "default").server());
        all.extend(made);
    });
    println!(
        "a further workload: {:.0} KiB, {:.2} ms, {:.2} ms of processor",
        (in_use() - before) as f64 / f64::from(WORKLOADS) / 1024.0,
        milliseconds(wall) / f64::from(WORKLOADS),
        milliseconds(cpu) / f64::from(WORKLOADS),
    );
}

fn apply(set: Set, text: &str) {
    let mesh = Mesh::from_yaml(text).expect("good documents");
    let _one = mesh.workload("one", "default").server();
    let (before, mut most) = (in_use(), 0);
    let times = (0..ROUNDS).map(|round| {
        let text = set.yaml(11 + round);
        reset_peak();
        let time = timed(|| mesh.apply(&text).map(drop).expect("good documents"));
        most = most.max(peak() - before);
        time
    });
    print_times("apply of one change", times.collect());
    println!(
        "heap during it: {:.0} bytes a document more",
        most as f64 / set.0 as f64
    );
}

/// Returns time, and processor time of all threads.
fn timed(work: impl FnOnce()) -> (Duration, Duration) {
    let (start, cpu) = (Instant::now(), clock::of_process());
    work();
    (start.elapsed(), clock::of_process() - cpu)
}

fn print_times(name: &str, times: Vec<(Duration, Duration)>) {
    let (mut wall, mut cpu): (Vec<_>, Vec<_>) = times.into_iter().unzip();
    wall.sort_unstable();
    cpu.sort_unstable();
    println!(
        "{name}: {:.0} ms at best, {:.0} in the median of {ROUNDS}; of processor {:.0} and {:.0}",
        milliseconds(wall[0]),
        milliseconds(wall[wall.len() / 2]),
        milliseconds(cpu[0]),
        milliseconds(cpu[cpu.len() / 2]),
    );
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
