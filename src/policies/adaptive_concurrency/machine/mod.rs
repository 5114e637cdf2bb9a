//! The limit, a pure function of the samples of each window; time, traffic and policy are arguments.

mod aimd;
mod gradient;
mod gradient2;
mod vegas;
mod window;

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

pub(super) use self::window::{Sample, Traffic};

use self::gradient::Gradient;
use self::gradient2::Gradient2;
use self::vegas::Vegas;
use self::window::Collector;
use super::{AdaptiveConcurrencyPolicy, Algorithm};

/// The estimate of one algorithm.
#[derive(Debug)]
enum Estimator {
    Aimd,
    Gradient(Gradient),
    Gradient2(Gradient2),
    Vegas(Vegas),
}

/// A limit with what has led to it.
#[derive(Debug)]
pub(super) struct Machine {
    collector: Collector,
    estimator: Estimator,
    /// Median latency of the last window.
    latency: Option<Duration>,
    /// Not rounded, so that small steps add up.
    limit: f64,
    /// The limit that was last reported.
    reported: u32,
}

/// The end of a window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Decision {
    pub(super) limit: u32,
    /// The limit that was last reported, if this one is worth a report: it differs by a tenth.
    pub(super) previous: Option<u32>,
}

impl Machine {
    /// Creates a machine that begins with the limit `initial`.
    pub(super) fn new(policy: &AdaptiveConcurrencyPolicy, initial: u32, now: Instant) -> Self {
        let initial = initial.clamp(policy.min_limit(), policy.max_limit());
        Self {
            collector: Collector::new(now),
            estimator: match policy.algorithm() {
                Algorithm::Aimd => Estimator::Aimd,
                Algorithm::Gradient => Estimator::Gradient(Gradient::default()),
                Algorithm::Gradient2 => Estimator::Gradient2(Gradient2::default()),
                Algorithm::Vegas => Estimator::Vegas(Vegas::default()),
            },
            latency: None,
            limit: initial.into(),
            reported: initial,
        }
    }

    /// Adds a sample; returns the new limit if a window ends with it, for which `traffic` returns the counts.
    pub(super) fn record(
        &mut self,
        policy: &AdaptiveConcurrencyPolicy,
        sample: Sample,
        now: Instant,
        traffic: impl FnOnce() -> Traffic,
    ) -> Option<Decision> {
        let not_before = match &self.estimator {
            Estimator::Gradient(gradient) => gradient.not_before(),
            _ => None,
        };
        if not_before.is_none_or(|not_before| sample.started >= not_before) {
            self.collector.add(sample);
        }
        if !self.collector.is_full(policy.window(), now) {
            return None;
        }
        let window = self.collector.end(traffic(), now);
        let (limit, max) = (self.limit, f64::from(policy.max_limit()));
        let next = match &mut self.estimator {
            Estimator::Aimd => aimd::update(&window, limit),
            Estimator::Gradient(gradient) => {
                gradient.update(&window, limit, policy.probe_interval(), now)
            }
            Estimator::Gradient2(gradient2) => gradient2.update(&window, limit),
            Estimator::Vegas(vegas) => vegas.update(&window, limit, max),
        };
        self.limit = next.clamp(policy.min_limit().into(), max);
        self.latency = window.latency.or(self.latency);
        Some(self.decision())
    }

    /// Holds the limit within the bounds of another policy.
    pub(super) fn hold_within(&mut self, policy: &AdaptiveConcurrencyPolicy) {
        let (min, max) = (policy.min_limit().into(), policy.max_limit().into());
        self.limit = self.limit.clamp(min, max);
    }

    /// Returns the current limit.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "held between two numbers of 32 bits, of which the lower is 1"
    )]
    pub(super) const fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Returns the latency against which the algorithm compares; none for one that compares none.
    pub(super) fn baseline(&self) -> Option<Duration> {
        match &self.estimator {
            Estimator::Aimd => None,
            Estimator::Gradient(gradient) => gradient.minimum(),
            Estimator::Gradient2(gradient2) => {
                let long = Duration::try_from_secs_f64(gradient2.long()).ok();
                long.filter(|long| !long.is_zero())
            }
            Estimator::Vegas(vegas) => vegas.minimum(),
        }
    }

    /// Returns the median latency of the last window.
    pub(super) const fn latency(&self) -> Option<Duration> {
        self.latency
    }

    /// Returns true while the limit is lowered to measure the minimum latency.
    pub(super) fn is_probing(&self) -> bool {
        matches!(&self.estimator, Estimator::Gradient(gradient) if gradient.not_before().is_some())
    }

    fn decision(&mut self) -> Decision {
        let limit = self.limit();
        let differs = limit.abs_diff(self.reported).saturating_mul(10) >= self.reported;
        // A probe is no news: its limit holds for a window or two.
        let is_news = differs && limit != self.reported && !self.is_probing();
        let previous = is_news.then_some(self.reported);
        if is_news {
            self.reported = limit;
        }
        Decision { limit, previous }
    }
}
