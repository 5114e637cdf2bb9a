//! Simulated rollouts: seeded traffic of two versions, judged by the canary's machine.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::disallowed_methods,
    reason = "shares and quantiles of thousands; the clock is read once, and the time of a run is counted from there"
)]

use std::fmt::{self, Display, Formatter};
use std::time::{Duration, Instant};

use http::StatusCode;
use meshless::canary::{Canary, CanaryPolicy, Check, Sample, Step, Verdict, Version};
use meshless::{Failure, Percent};

/// Traffic of one kind of rollout.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// Requests a second of both versions together.
    pub(crate) rate: f64,
    /// Share of failed requests of the stable version.
    pub(crate) stable: f64,
    pub(crate) canary: Canaries,
    /// Share of requests of both versions that fail beside, from 30 seconds to 90.
    pub(crate) outage: f64,
    /// Time at which the canary becomes so; it equals the stable version before.
    pub(crate) from: f64,
    /// Steps of the rollout: weight in percent and seconds.
    pub(crate) steps: &'static [(u8, u64)],
}

/// Difference of a canary from the stable version.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Canaries {
    /// No answer to any request.
    Hangs,
    /// The factor of its latencies, with a check of them.
    Slower(f64),
    /// More failed requests: that share.
    Worse(f64),
}

/// Ends of the runs of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ends {
    /// Seconds from the time at which the canary became worse to its withdrawal, sorted.
    pub(crate) aborted: Vec<f64>,
    /// Runs that saw a common cause.
    pub(crate) common_cause: usize,
    /// Seconds to the promotion, sorted.
    pub(crate) promoted: Vec<f64>,
    pub(crate) runs: usize,
}

/// Weights of 10 % and 50 %, a minute each.
pub(crate) const SHORT: &[(u8, u64)] = &[(10, 60), (50, 60)];

/// Ten minutes at 10 % before others.
pub(crate) const LONG: &[(u8, u64)] = &[(10, 600), (50, 60)];

/// Longest rollout in seconds.
const LIMIT: f64 = 7_200.0;

impl Case {
    pub(crate) const fn new(name: &'static str, rate: f64, stable: f64, canary: Canaries) -> Self {
        Self {
            name,
            rate,
            stable,
            canary,
            outage: 0.0,
            from: 0.0,
            steps: SHORT,
        }
    }

    pub(crate) fn run(&self, runs: usize) -> Ends {
        let mut ends = Ends {
            runs,
            ..Ends::default()
        };
        let start = Instant::now();
        for run in 0..runs {
            self.run_once(start, run as u64, &mut ends);
        }
        ends.aborted.sort_by(f64::total_cmp);
        ends.promoted.sort_by(f64::total_cmp);
        ends
    }

    fn policy(&self) -> CanaryPolicy {
        let steps = self.steps.iter().flat_map(|(weight, seconds)| {
            let pause = Step::Pause(Duration::from_secs(*seconds));
            [Step::SetWeight(Percent::new(*weight)), pause]
        });
        let policy = CanaryPolicy::new(steps);
        match self.canary {
            Canaries::Slower(_) => policy
                .with_check(Check::latency_quantile(Percent::new(90)).with_warm_up(Duration::ZERO)),
            _ => policy,
        }
    }

    fn run_once(&self, start: Instant, seed: u64, ends: &mut Ends) {
        // Not a multiple of the increment, by which sequences would be shifts of each other.
        let mut chance = Chance((seed + 1).wrapping_mul(0xd134_2543_de82_ef95));
        let mut canary = Canary::new(self.policy(), start);
        let at = |seconds: f64| start + Duration::from_secs_f64(seconds);
        // Seconds between two evaluations.
        let interval = (12.5 / self.rate).clamp(0.25, 1.0);
        let mut seen_common_cause = false;
        let mut next = 0.0;
        let mut tick = 0.0;
        while tick < LIMIT {
            let decision = canary.evaluate(at(tick));
            match decision.verdict() {
                Verdict::Aborted(_) => {
                    ends.aborted.push(tick - self.from);
                    break;
                }
                Verdict::Promoted => {
                    ends.promoted.push(tick);
                    break;
                }
                Verdict::Hold(hold) => {
                    seen_common_cause |= hold.to_string().starts_with("both versions");
                }
                _ => {}
            }
            tick += interval;
            let weight = f64::from(decision.weight().millionths()) / 1e6;
            while next < tick {
                let version = if chance.happens(weight) {
                    Version::Canary
                } else {
                    Version::Stable
                };
                self.request(version, next, at(next), &mut canary, &mut chance);
                next -= chance.next().ln() / self.rate;
            }
        }
        ends.common_cause += usize::from(seen_common_cause);
    }

    fn request(
        &self,
        version: Version,
        seconds: f64,
        now: Instant,
        canary: &mut Canary,
        chance: &mut Chance,
    ) {
        let is_worse = version == Version::Canary && seconds >= self.from;
        let mut fails = self.stable;
        let mut latency = Duration::from_millis(50);
        if let Canaries::Slower(factor) = self.canary {
            // Log-normal: the median is 50 ms, and the 99th percentile 160 ms.
            let seconds = 0.05 * (0.5 * chance.normal()).exp();
            latency = Duration::from_secs_f64(if is_worse { seconds * factor } else { seconds });
        }
        match self.canary {
            Canaries::Hangs => {
                // Both arms are waited for; the latency is that of the stable version.
                canary.begin(version, now);
                if is_worse {
                    return;
                }
            }
            Canaries::Worse(share) if is_worse => fails += share,
            _ => {}
        }
        if (30.0..90.0).contains(&seconds) {
            fails = fails.max(self.outage);
        }
        let sample = if !chance.happens(fails) {
            Sample::new(StatusCode::OK, latency)
        } else if chance.happens(0.5) {
            Sample::new(Failure::Connect, latency)
        } else {
            Sample::new(StatusCode::INTERNAL_SERVER_ERROR, latency)
        };
        canary.record(version, sample, now + latency);
    }
}

impl Ends {
    /// Returns the share of runs that withdrew the canary, in percent.
    pub(crate) fn aborts(&self) -> f64 {
        percent(self.aborted.len(), self.runs)
    }

    /// Returns the seconds within which this share of the withdrawals came.
    pub(crate) fn abort_time(&self, share: f64) -> f64 {
        quantile(&self.aborted, share)
    }
}

impl Display for Ends {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let holds = self.runs - self.aborted.len() - self.promoted.len();
        write!(
            f,
            "{:7.2} {:8.2} {:8.2} {:8.2} | {:7.2} {:8.1} | {:7.2} {:8.2}",
            self.aborts(),
            self.abort_time(0.5),
            self.abort_time(0.9),
            self.abort_time(0.99),
            percent(self.promoted.len(), self.runs),
            quantile(&self.promoted, 0.5),
            percent(holds, self.runs),
            percent(self.common_cause, self.runs),
        )
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    let last = sorted.len().saturating_sub(1);
    sorted.get(index.min(last)).copied().unwrap_or(f64::NAN)
}

/// `SplitMix64`.
struct Chance(u64);

impl Chance {
    /// Returns a number above 0, up to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        ((z >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }

    fn happens(&mut self, share: f64) -> bool {
        self.next() <= share
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.next().ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }
}
