//! Releases a good version, and withdraws a bad one: `cargo run --example canary`.

use std::time::{Duration, Instant};

use http::StatusCode;
use meshless::Percent;
use meshless::canary::{Canary, CanaryPolicy, Decision, Sample, Step, Version};

/// Simulates 50 requests a second; one in `one_in` of those to the canary fails, and one in 1,000 of
/// the others.
fn rollout(one_in: u32) -> Decision {
    let policy = CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::Pause(Duration::from_secs(60)),
        Step::SetWeight(Percent::new(50)),
        Step::Pause(Duration::from_secs(60)),
    ]);
    // Time is an argument; a service passes that of its clock.
    #[expect(clippy::disallowed_methods, reason = "the example's own clock")]
    let mut now = Instant::now();
    let latency = Duration::from_millis(20);
    let mut canary = Canary::new(policy, now);
    let mut decision = canary.evaluate(now);
    println!("{decision}");
    let mut sent = [0_u32; 2];
    for second in 1..=130 {
        for _ in 0..50 {
            now += latency;
            // Sends each request to the version that is furthest below its share.
            let due = decision.weight().of(u64::from(sent[0] + sent[1] + 1));
            let (version, n, one_in) = if u64::from(sent[1]) < due {
                (Version::Canary, &mut sent[1], one_in)
            } else {
                (Version::Stable, &mut sent[0], 1_000)
            };
            *n += 1;
            let status = match *n % one_in {
                0 => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::OK,
            };
            canary.record(version, Sample::new(status, latency), now);
        }
        let next = canary.evaluate(now);
        if next.weight() != decision.weight() {
            println!("{second} s: {next}");
            sent = [0; 2];
        }
        decision = next;
    }
    decision
}

#[expect(clippy::unnecessary_wraps, reason = "the examples have one form")]
pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    assert_eq!(rollout(1_000).weight(), Percent::ALL);
    assert_eq!(rollout(20).weight(), Percent::NONE);
    Ok(())
}
