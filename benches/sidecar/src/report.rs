//! The table.

use crate::process::resident;
use crate::quartiles::Quartiles;
use crate::rounds::{Plan, Sample};
use crate::target::Target;

/// Prints medians with their quartiles. What is added is taken within each round.
pub(crate) fn print(plan: &Plan, targets: &[Target], results: Vec<Vec<Sample>>) {
    let Plan {
        connections,
        rate,
        rounds,
        seconds,
        ..
    } = plan;
    let how = if *rate > 0.0 {
        format!("{rate} requests a second")
    } else {
        "as fast as they are answered".to_owned()
    };
    println!("\n{connections} connections, {how}; {rounds} rounds of {seconds} s each.\n");
    println!(
        "| | p50 µs | added | p99 µs | added | requests/s | of direct | CPU µs a request: client | \
         server | proxies | added in all | proxies' memory MiB |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let direct = results[0].clone();
    for (target, samples) in targets.iter().zip(results) {
        let of = |value: fn(&Sample) -> f64| Quartiles::of(samples.iter().map(value).collect());
        let added = |value: fn(&Sample) -> f64| {
            let pairs = samples.iter().zip(&direct);
            Quartiles::of(pairs.map(|(a, b)| value(a) - value(b)).collect())
        };
        let share = samples
            .iter()
            .zip(&direct)
            .map(|(a, b)| a.requests / b.requests);
        let memory = target.proxies.iter().map(|pid| resident(*pid));
        let memory = memory.reduce(|a, b| a + b);
        println!(
            "| {} | {:.1} | {} | {:.1} | {} | {:.0} | {} | {:.1} | {:.1} | {:.1} | {} | {} |",
            target.name,
            of(|s| s.p50).median,
            added(|s| s.p50),
            of(|s| s.p99).median,
            added(|s| s.p99),
            of(|s| s.requests).median,
            Quartiles::of(share.collect()),
            of(|s| s.client).median,
            of(|s| s.server).median,
            of(|s| s.proxies).median,
            added(Sample::all_cpu),
            memory.map_or_else(|| "–".into(), |memory| format!("{memory:.1}")),
        );
    }
}
