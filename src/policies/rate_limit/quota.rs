//! The limit of a policy in three forms: as configured, as counted, and as reported to callers.

#[cfg(feature = "serde")]
mod config;

use std::time::Duration;

use super::RateLimitPolicy;
use super::machine::sliding_log::SlidingLog;
use super::machine::token_bucket::Bucket;

/// The limit as configured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Limit {
    AtMost {
        n: u64,
        period: Duration,
    },
    Off,
    TokenBucket {
        discrete: bool,
        fill_interval: Duration,
        max_tokens: u64,
        tokens_per_fill: u64,
    },
}

/// The limit of this process, after its share was applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Quota {
    AtMost(SlidingLog),
    Bucket(Bucket),
    Off,
}

impl Quota {
    pub(super) fn of(policy: &RateLimitPolicy) -> Self {
        let (part, whole) = policy.share();
        match *policy.limit() {
            Limit::AtMost { n, period } => Self::AtMost(SlidingLog {
                limit: share(n, part, whole),
                period: nanos(period),
            }),
            Limit::Off => Self::Off,
            Limit::TokenBucket {
                discrete,
                fill_interval,
                max_tokens,
                tokens_per_fill,
            } => {
                let interval = nanos(fill_interval);
                // The rate is shared exactly: fewer tokens in a longer time.
                let bucket = Bucket::new(
                    share(max_tokens, part, whole),
                    tokens_per_fill.saturating_mul(part.into()),
                    interval.saturating_mul(whole.into()),
                );
                Self::Bucket(if discrete {
                    bucket.on_grid(interval)
                } else {
                    bucket
                })
            }
        }
    }
}

impl Quota {
    /// Splits the quota into up to `count` parts that add up to it; empty if it cannot be sharded.
    pub(super) fn parts(&self, count: u16) -> Vec<Self> {
        let count = match self {
            Self::AtMost(most) => most.limit.min(count.into()),
            Self::Bucket(bucket) => (bucket.max_tokens() / LEAST).min(count.into()),
            Self::Off => 0,
        };
        if count < 2 {
            return Vec::new();
        }
        let parts = (0..count).map(|number| match self {
            Self::AtMost(most) => Some(Self::AtMost(SlidingLog {
                limit: part(most.limit, number, count),
                period: most.period,
            })),
            Self::Bucket(bucket) => {
                let tokens = part(bucket.max_tokens(), number, count);
                bucket.part(tokens).map(Self::Bucket)
            }
            Self::Off => None,
        });
        parts.collect::<Option<_>>().unwrap_or_default()
    }
}

/// Minimum number of tokens in a part of a bucket: the fewer there are, the longer one takes to
/// come.
const LEAST: u64 = 16;

/// Returns part `number` of `count` parts, which add up to the whole.
fn part(whole: u64, number: u64, count: u64) -> u64 {
    whole / count + u64::from(number < whole % count)
}

/// Status of a limit.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Status {
    /// Time until the whole limit is available.
    pub full_in: Duration,
    /// Amount that can be used at once.
    pub limit: u64,
    /// Amount that is left.
    pub remaining: u64,
    /// Time until something is left; zero while something is.
    ///
    /// With a discrete refill, the time to the next refill.
    pub reset: Duration,
}

impl Status {
    pub(super) const fn new(limit: u64, remaining: u64, reset: u64, full_in: u64) -> Self {
        Self {
            full_in: Duration::from_nanos(full_in),
            limit,
            remaining,
            reset: Duration::from_nanos(reset),
        }
    }

    /// Adds up the status of two parts of a limit.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            full_in: self.full_in.max(other.full_in),
            limit: self.limit.saturating_add(other.limit),
            remaining: self.remaining.saturating_add(other.remaining),
            // Something is left as soon as the first part has something.
            reset: self.reset.min(other.reset),
        }
    }

    pub(super) const UNLIMITED: Self = Self::new(u64::MAX, u64::MAX, 0, 0);
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a share is at most the whole"
)]
fn share(n: u64, part: u32, whole: u32) -> u64 {
    let shared = (u128::from(n) * u128::from(part) / u128::from(whole)) as u64;
    // A share of a small limit must not become 0, which would block everything.
    if part > 0 { shared.max(n.min(1)) } else { 0 }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
