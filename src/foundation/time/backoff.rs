#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use crate::foundation::sync::Percent;

/// The wait before the next attempt.
///
/// A backoff is a value without state. Randomness is an argument, so the same bits give the same
/// delay. The default is Envoy's: base 25 ms, doubling up to 250 ms, with full jitter.
///
/// ```
/// use std::time::Duration;
///
/// use meshless::retry::{Backoff, Jitter};
///
/// let backoff = Backoff::exponential(Duration::from_millis(100))
///     .with_cap(Duration::from_secs(2))
///     .with_jitter(Jitter::None);
/// assert_eq!(backoff.delay(0, None, 0), Duration::from_millis(100));
/// assert_eq!(backoff.delay(3, None, 0), Duration::from_millis(800));
/// assert_eq!(backoff.delay(9, None, 0), Duration::from_secs(2));
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    growth: Growth,
    jitter: Jitter,
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Growth {
    Constant,
    /// Factor in millionths.
    Exponential(u64),
    Linear,
}

/// Randomization of a delay, so that callers that failed together do not retry together.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Jitter {
    /// The interval plus up to this share of it; Envoy adds up to 50 % to a delay that a server
    /// requests.
    Above(Percent),
    /// From the base to three times the previous delay, at most the cap (AWS's "decorrelated
    /// jitter").
    Decorrelated,
    /// Half of the interval plus up to the other half.
    Equal,
    /// From 0 to the interval, as in Envoy: the fewest collisions.
    Full,
    /// Exactly the interval.
    None,
    /// The interval plus or minus up to this share of it (Polly uses 25 %, gRPC 20 %).
    Spread(Percent),
}

const MILLION: u64 = 1_000_000;

impl Backoff {
    /// Envoy's default: base 25 ms, doubling up to 250 ms, with full jitter.
    pub const DEFAULT: Self = Self::exponential(Duration::from_millis(25));

    /// Creates a backoff whose interval starts at `base` and doubles up to ten times `base`, with
    /// full jitter, as in Envoy.
    #[must_use]
    pub const fn exponential(base: Duration) -> Self {
        Self {
            base,
            cap: base.saturating_mul(10),
            growth: Growth::Exponential(2 * MILLION),
            jitter: Jitter::Full,
        }
    }

    /// Creates a backoff with the constant interval `delay`, without a cap or jitter.
    #[must_use]
    pub const fn constant(delay: Duration) -> Self {
        Self {
            base: delay,
            cap: Duration::MAX,
            growth: Growth::Constant,
            jitter: Jitter::None,
        }
    }

    /// Creates a backoff whose interval grows by `step` with each retry, without a cap or jitter.
    #[must_use]
    pub const fn linear(step: Duration) -> Self {
        Self {
            base: step,
            cap: Duration::MAX,
            growth: Growth::Linear,
            jitter: Jitter::None,
        }
    }

    /// Sets the maximum delay, jitter included. The default is ten times the base of an exponential
    /// backoff and no maximum for the others; with 0 there is no wait.
    #[must_use]
    pub const fn with_cap(mut self, cap: Duration) -> Self {
        self.cap = cap;
        self
    }

    /// Sets the factor between intervals of an exponential backoff, to the millionth. The default
    /// is 2; values below 1 are 1. Other kinds ignore it.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, as intended"
    )]
    pub const fn with_factor(mut self, factor: f64) -> Self {
        if let Growth::Exponential(_) = self.growth {
            let millionths = (factor * 1e6 + 0.5) as u64;
            self.growth = Growth::Exponential(if millionths < MILLION {
                MILLION
            } else {
                millionths
            });
        }
        self
    }

    /// Sets the jitter. The default is [`Jitter::Full`] for an exponential backoff and
    /// [`Jitter::None`] for the others.
    #[must_use]
    pub const fn with_jitter(mut self, jitter: Jitter) -> Self {
        self.jitter = jitter;
        self
    }

    /// Returns the interval before the retry with this number, counted from 0, without jitter. It
    /// never exceeds the cap, however large the number.
    #[must_use]
    pub fn interval(&self, retry: u32) -> Duration {
        let base = self.base.as_nanos();
        let grown = match self.growth {
            Growth::Constant => base,
            Growth::Exponential(factor) => power(base, factor, retry, self.cap.as_nanos()),
            Growth::Linear => base.saturating_mul(u128::from(retry) + 1),
        };
        from_nanos(grown).min(self.cap)
    }

    /// Returns the delay before the retry with this number, counted from 0, given the previous
    /// delay (used by [`Jitter::Decorrelated`] alone) and 64 random bits.
    #[must_use]
    pub fn delay(&self, retry: u32, previous: Option<Duration>, random: u64) -> Duration {
        let interval = self.interval(retry).as_nanos();
        let random = u128::from(random);
        let jittered = match self.jitter {
            Jitter::Above(share) => interval + below(part(share, interval), random),
            Jitter::Decorrelated => {
                let base = self.base.as_nanos();
                let last = previous.map_or(base, |last| last.as_nanos());
                base + below((last.saturating_mul(3)).saturating_sub(base), random)
            }
            Jitter::Equal => interval / 2 + below(interval - interval / 2, random),
            Jitter::Full => below(interval, random),
            Jitter::None => interval,
            Jitter::Spread(share) => {
                // `+ 1` includes the upper end.
                let part = part(share, interval);
                interval - part + below(2 * part + 1, random)
            }
        };
        from_nanos(jittered).min(self.cap)
    }
}

#[cfg(feature = "istio")]
impl std::fmt::Display for Backoff {
    /// Writes the first wait and the longest.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.cap == Duration::MAX || self.growth == Growth::Constant {
            return write!(f, "{:?}", self.base);
        }
        write!(f, "{:?} to {:?}", self.base, self.cap)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Picks a number below `bound` as Envoy does (`random % interval`); 0 if `bound` is 0.
fn below(bound: u128, random: u128) -> u128 {
    random.checked_rem(bound).unwrap_or(0)
}

fn part(share: Percent, whole: u128) -> u128 {
    whole * u128::from(share.millionths()) / u128::from(MILLION)
}

/// Multiplies `base` by the factor `times` times, and stops at the cap: even 100,000 retries take a
/// few dozen steps.
fn power(base: u128, factor: u64, times: u32, cap: u128) -> u128 {
    if factor <= MILLION || base == 0 {
        return base;
    }
    let mut interval = base;
    for _ in 0..times {
        let next = interval.saturating_mul(u128::from(factor)) / u128::from(MILLION);
        // At least 1 ns of growth: rounding could return a base of a few nanoseconds unchanged,
        // without end.
        interval = next.max(interval + 1);
        if interval >= cap {
            return cap;
        }
    }
    interval
}

fn from_nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let Ok(secs) = u64::try_from(nanos / SECOND) else {
        return Duration::MAX;
    };
    let below_a_second = u32::try_from(nanos % SECOND).unwrap_or(0);
    Duration::new(secs, below_a_second)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn jitters() -> impl Strategy<Value = Jitter> {
        prop_oneof![
            (0..=100_u8).prop_map(|p| Jitter::Above(Percent::new(p))),
            Just(Jitter::Decorrelated),
            Just(Jitter::Equal),
            Just(Jitter::Full),
            Just(Jitter::None),
            (0..=100_u8).prop_map(|p| Jitter::Spread(Percent::new(p))),
        ]
    }

    proptest! {
        #[test]
        fn no_delay_exceeds_its_cap_and_nothing_overflows(
            base in any::<u64>(), cap in any::<u64>(), jitter in jitters(),
            retry in any::<u32>(), previous in any::<u64>(), random in any::<u64>(), factor in 0.0..9.0,
        ) {
            let cap = Duration::from_millis(cap);
            let previous = Some(Duration::from_millis(previous));
            for backoff in [
                Backoff::constant(Duration::from_millis(base)),
                Backoff::exponential(Duration::from_nanos(base)).with_factor(factor),
                Backoff::linear(Duration::from_millis(base)),
            ] {
                let backoff = backoff.with_cap(cap).with_jitter(jitter);
                prop_assert!(backoff.delay(retry, previous, random) <= cap);
            }
        }

        #[test]
        fn a_spread_keeps_to_its_share(base in 1..3_600_000_u64, random in any::<u64>()) {
            let base = Duration::from_millis(base);
            let spread = Backoff::constant(base).with_jitter(Jitter::Spread(Percent::new(25)));
            let delay = spread.delay(0, None, random);
            prop_assert!(base * 3 / 4 <= delay && delay <= base * 5 / 4);
        }

        #[test]
        fn decorrelated_lies_between_the_base_and_three_times_the_last(
            last in 25..250_u32, random in any::<u64>(),
        ) {
            let backoff = Backoff::DEFAULT.with_jitter(Jitter::Decorrelated);
            let delay = backoff.delay(7, Some(MS * last), random);
            prop_assert!(25 * MS <= delay && delay <= (MS * last * 3).min(250 * MS));
        }
    }

    #[test]
    fn a_tiny_base_still_grows() {
        let backoff = Backoff::exponential(Duration::from_nanos(1))
            .with_factor(1.1)
            .with_cap(MS);
        assert!(backoff.interval(1_000) == MS);
    }
}
