//! The table.

use std::collections::BTreeMap;
use std::process::Command;

use peers_bench::case::{Case, MODES};
use peers_bench::cases::all;

use crate::instructions::Counter;
use crate::timing::{Times, floor_of};

/// Allocations and their bytes, a call.
type Allocations = (f64, f64);

/// Measures the cases whose name contains `filter`, and all floors, and prints the table.
pub(crate) fn table(filter: &str) {
    let cases = all();
    let shown: Vec<usize> = (0..cases.len())
        .filter(|at| cases[*at].work != "bare" && cases[*at].work != "clock")
        .filter(|at| format!("{:?}", cases[*at]).contains(filter))
        .collect();
    let (rounds, batches) = (setting("ROUNDS", 31), setting("BATCHES", 120));
    let before = load_average();
    let times = Times::take(&cases, rounds, batches);
    let counter = Counter::choose();
    machine(&before);
    println!(
        "\n{} calls a case and mode, in {rounds} rounds; one `Instant::now()` = {} ns.\n",
        rounds * batches * peers_bench::load::BATCH,
        times.clock()
    );
    header(counter);
    let mut counts = Counted::by(counter);
    let mut work = "";
    for at in shown {
        let case = &cases[at];
        if case.work != work {
            work = case.work;
            println!("| **{work}** | | | | | | |");
        }
        let mut row = format!("| {} |", case.by);
        for mode in 0..MODES.len() {
            let added = times.added(&cases, at, mode);
            row += &added.map_or_else(|| " – |".into(), |added| format!(" {added} |"));
        }
        let instructions = both(|mode| {
            // Nothing is subtracted from a limiter alone, and callgrind takes minutes to fill one.
            floor_of(&cases, at)?;
            let count = counts.added_instructions(&cases, at, mode)?;
            Some(format!("{count:.0}"))
        });
        let allocations = both(|mode| {
            let (number, bytes) = counts.added_allocations(&cases, at, mode)?;
            // Less than one a call is what grows now and then.
            let digits = if number.fract() < 0.005 { 0 } else { 2 };
            Some(format!("{number:.digits$} ({bytes:.0} B)"))
        });
        println!("{row} {instructions} | {allocations} |");
    }
}

fn header(counter: Counter) {
    println!(
        "| | {} | {} / pending | allocations / pending |",
        MODES.join(" | "),
        counter.name()
    );
    println!("|---|---|---|---|---|---|---|");
}

/// The values of the first two modes, or one if they are the same.
fn both(mut of: impl FnMut(usize) -> Option<String>) -> String {
    match (of(0), of(1)) {
        (Some(ready), Some(pending)) if ready == pending => ready,
        (Some(ready), Some(pending)) => format!("{ready} / {pending}"),
        (Some(ready), None) => ready,
        _ => "–".into(),
    }
}

/// What is counted once for each case, the floors' too.
struct Counted {
    allocations: BTreeMap<(usize, usize), Option<Allocations>>,
    counter: Counter,
    instructions: BTreeMap<(usize, usize), Option<f64>>,
}

impl Counted {
    const fn by(counter: Counter) -> Self {
        Self {
            allocations: BTreeMap::new(),
            counter,
            instructions: BTreeMap::new(),
        }
    }

    fn added_instructions(&mut self, cases: &[Case], at: usize, mode: usize) -> Option<f64> {
        cases[at].loads[mode].as_ref()?;
        let floor = match floor_of(cases, at) {
            Some(floor) => self.added_instructions(cases, floor, mode)?,
            None => 0.0,
        };
        let counter = self.counter;
        let entry = self.instructions.entry((at, mode));
        let count = *entry.or_insert_with(|| counter.count(at, mode));
        Some(count? - floor)
    }

    fn added_allocations(&mut self, cases: &[Case], at: usize, mode: usize) -> Option<Allocations> {
        cases[at].loads[mode].as_ref()?;
        let floor = match floor_of(cases, at) {
            Some(floor) => self.added_allocations(cases, floor, mode)?,
            None => (0.0, 0.0),
        };
        let entry = self.allocations.entry((at, mode));
        let count = (*entry.or_insert_with(|| allocations(at, mode)))?;
        Some((count.0 - floor.0, count.1 - floor.1))
    }
}

/// Asks the program that counts them: this one must not, so as not to slow down what it times.
fn allocations(at: usize, mode: usize) -> Option<Allocations> {
    let program = std::env::current_exe().ok()?.with_file_name("counted");
    let arguments = ["allocations", &at.to_string(), &mode.to_string()];
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (number, bytes) = text.trim().split_once(' ')?;
    Some((number.parse().ok()?, bytes.parse().ok()?))
}

fn machine(load_before: &str) {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split(": ").nth(1));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc = rustc.map_or_else(
        |_| String::new(),
        |o| String::from_utf8_lossy(&o.stdout).into(),
    );
    println!(
        "{}, {cores} CPUs; {}; load average {load_before} before and {} after the timing.",
        model.unwrap_or("unknown CPU"),
        rustc.trim(),
        load_average()
    );
}

fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}
