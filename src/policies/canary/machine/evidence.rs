//! The e-process of one check.

use std::time::{Duration, Instant};

use crate::policies::canary::Check;
use crate::policies::canary::counts::{Tally, float};

/// Ratios of odds, canary to stable, on which the test bets, and the shares of its wealth.
const ODDS: [(f64, f64); BETS] = [
    (1.4, 0.1),
    (2.5, 0.15),
    (8.0, 0.25),
    (20.0, 0.25),
    (50.0, 0.25),
];

/// Stakes on the difference of two bounded means, and the shares of the wealth.
const STAKES: [(f64, f64); BETS] = [
    (0.1, 0.2),
    (0.25, 0.2),
    (0.5, 0.2),
    (0.75, 0.2),
    (0.95, 0.2),
];

const BETS: usize = 5;

/// Share of the wealth that bets from the start; the rest bets on a canary that fails later.
const AT_START: f64 = 0.75;

/// Time between two starts of bets.
const RESTART: Duration = Duration::from_secs(30);

/// Wealth of bets against the hypothesis that the canary is no worse.
///
/// Under the hypothesis its expectation is at most 1 at each stopping time, so that it exceeds `1/α`
/// at any time with probability `α` at most (Ville's inequality).
#[derive(Clone, Debug)]
pub(super) struct Evidence {
    highest: f64,
    idle: f64,
    restarts: u32,
    next_restart: Instant,
    wealth: [f64; BETS],
}

impl Evidence {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            highest: 1.0,
            idle: 1.0 - AT_START,
            restarts: 0,
            next_restart: now + RESTART,
            wealth: ODDS.map(|(_, share)| share * AT_START),
        }
    }

    /// Returns the current e-value.
    pub(super) fn value(&self) -> f64 {
        self.idle + self.wealth.iter().sum::<f64>()
    }

    /// Returns the highest e-value so far, the inverse of the always-valid p-value.
    pub(super) const fn highest(&self) -> f64 {
        self.highest
    }

    /// Bets on the counts of one span of time.
    pub(super) fn bet(&mut self, check: &Check, canary: Tally, stable: Tally) {
        let factors = match check.bound() {
            Some(bound) => mean_factors(bound, canary, stable),
            None => odds_factors(check.tolerated_odds(), canary, stable),
        };
        for (wealth, factor) in self.wealth.iter_mut().zip(factors) {
            // Bounded, so that the sum stays a number.
            *wealth = (*wealth * factor).min(1e300);
        }
        self.highest = self.highest.max(self.value());
    }

    /// Starts further bets at their time: the k-th has the share `1/k(k+1)` of the rest.
    pub(super) fn restart(&mut self, check: &Check, now: Instant) {
        if now < self.next_restart {
            return;
        }
        self.next_restart = now + RESTART;
        self.restarts = self.restarts.saturating_add(1);
        let k = f64::from(self.restarts);
        let stake = ((1.0 - AT_START) / (k * (k + 1.0))).min(self.idle);
        self.idle -= stake;
        let shares = if check.bound().is_some() {
            STAKES
        } else {
            ODDS
        };
        for (wealth, (_, share)) in self.wealth.iter_mut().zip(shares) {
            *wealth += stake * share;
        }
    }
}

/// Returns the factor of each bet on a difference of clipped means.
fn mean_factors(bound: Duration, canary: Tally, stable: Tally) -> [f64; BETS] {
    if canary.requests() == 0 || stable.requests() == 0 {
        return [1.0; BETS];
    }
    let excess = (canary.mean_clipped() - stable.mean_clipped()) / (bound.as_secs_f64() * 1e6);
    STAKES.map(|(stake, _)| 1.0 + stake * excess.clamp(-1.0, 1.0))
}

/// Returns the factor of each bet on a ratio of odds: the likelihood of the canary's share of the bad
/// requests under that ratio, divided by that under the tolerated one.
///
/// Given the number of bad requests of both, the canary's number has Fisher's noncentral
/// hypergeometric distribution, in which the rate itself has cancelled: a common outage is no evidence.
fn odds_factors(tolerated: f64, canary: Tally, stable: Tally) -> [f64; BETS] {
    let (canary, stable) = scaled(canary, stable);
    let (n, m) = (canary.requests(), stable.requests());
    let bad = canary.bad() + stable.bad();
    if bad == 0 || bad == n + m || n == 0 || m == 0 {
        return [1.0; BETS];
    }
    let tolerated = tolerated.ln();
    let mut sums = [Sum::default(); BETS + 1];
    let logs: [f64; BETS] = ODDS.map(|(ratio, _)| ratio.ln() + tolerated);
    let from = canary.bad();
    let mut add = |j: u64, log: f64| {
        let distance = float(j) - float(from);
        for (sum, odds) in sums.iter_mut().zip(logs.into_iter().chain([tolerated])) {
            sum.add(log + distance * odds);
        }
    };
    // Weights relative to that of the observed number, upwards and downwards from it.
    let ratio = |j: u64| {
        // Weight of j + 1 divided by that of j.
        (float(n - j) * float(bad - j) / (float(j + 1) * float(m + j + 1 - bad))).ln()
    };
    add(from, 0.0);
    let mut log = 0.0;
    for j in from..n.min(bad) {
        log += ratio(j);
        add(j + 1, log);
    }
    log = 0.0;
    for j in (bad.saturating_sub(m)..from).rev() {
        log -= ratio(j);
        add(j, log);
    }
    let [bets @ .., null] = sums;
    // Bounded, since no wealth times infinity is no number.
    bets.map(|sum| (null.log() - sum.log()).clamp(-600.0, 600.0).exp())
}

/// Scales counts down to what is summed in microseconds, which only weakens the evidence.
fn scaled(canary: Tally, stable: Tally) -> (Tally, Tally) {
    const MOST: u64 = 1 << 14;
    let largest = canary.requests().max(stable.requests());
    let by = largest.div_ceil(MOST).max(1);
    if by == 1 {
        return (canary, stable);
    }
    let down = Tally::new(canary.requests() / by, canary.bad() / by);
    // Rounded against the evidence on both sides.
    let up = Tally::new(stable.requests() / by, stable.bad().div_ceil(by));
    (down, up)
}

/// Logarithm of a sum of exponentials.
#[derive(Clone, Copy, Debug)]
struct Sum {
    largest: f64,
    scaled: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            largest: f64::NEG_INFINITY,
            scaled: 0.0,
        }
    }
}

impl Sum {
    fn add(&mut self, log: f64) {
        if log > self.largest {
            self.scaled = self.scaled * (self.largest - log).exp() + 1.0;
            self.largest = log;
        } else {
            self.scaled += (log - self.largest).exp();
        }
    }

    fn log(self) -> f64 {
        self.largest + self.scaled.ln()
    }
}

/// Returns the requests to the canary after which a canary with so much `excess` has been noticed on
/// the average, if `stable` is the share of bad requests and `weight` the share of the canary.
pub(super) fn required(stable: f64, excess: f64, weight: f64, threshold: f64) -> f64 {
    let canary = (stable + excess).min(1.0);
    let bad = weight * canary + (1.0 - weight) * stable;
    let share = weight * canary / bad;
    let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
    let gain = bad * (term(share, weight) + term(1.0 - share, 1.0 - weight));
    // A quarter of the wealth bets on about the right ratio.
    weight * (threshold * 4.0 / AT_START).ln() / gain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expected_factor_of_equal_versions_is_one() {
        // 3 bad requests among 5 of the canary and 45: every distribution of them, by its probability.
        let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * float(n - i) / float(i + 1));
        let mut expected = [0.0; BETS];
        for j in 0..=3 {
            let p = choose(5, j) * choose(45, 3 - j) / choose(50, 3);
            let factors = odds_factors(1.0, Tally::new(5, j), Tally::new(45, 3 - j));
            for (sum, factor) in expected.iter_mut().zip(factors) {
                *sum += p * factor;
            }
        }
        for sum in expected {
            assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        }
    }

    #[test]
    fn a_tolerated_ratio_is_no_evidence() {
        let (canary, stable) = (Tally::new(1_000, 20), Tally::new(1_000, 10));
        let strict = odds_factors(1.0, canary, stable);
        let lenient = odds_factors(2.0, canary, stable);
        assert!(strict[0] > 2.0, "{strict:?}");
        assert!(lenient.iter().all(|factor| *factor < 1.0), "{lenient:?}");
    }

    #[test]
    fn spans_without_a_comparison_and_extreme_counts_are_numbers() {
        for (canary, stable) in [
            (Tally::new(0, 0), Tally::new(9, 9)),
            (Tally::new(9, 9), Tally::new(0, 0)),
            (Tally::new(9, 9), Tally::new(9, 9)),
        ] {
            assert!(
                odds_factors(1.0, canary, stable)
                    .iter()
                    .all(|f| (f - 1.0).abs() < 1e-12)
            );
        }
        let huge = odds_factors(1.0, Tally::new(u64::MAX, u64::MAX), Tally::new(u64::MAX, 0));
        assert!(
            huge.iter()
                .all(|factor| factor.is_finite() && *factor > 1e100)
        );
        let mut evidence = Evidence::new(crate::foundation::time::clock::now());
        for _ in 0..9 {
            evidence.bet(
                &Check::success(),
                Tally::new(16_000, 16_000),
                Tally::new(16_000, 0),
            );
        }
        assert!(evidence.value().is_finite());
    }

    #[test]
    fn five_points_at_ten_percent_take_about_seventy_requests() {
        let requests = required(0.001, 0.05, 0.1, 100.0);
        assert!((60.0..90.0).contains(&requests), "{requests}");
    }
}
