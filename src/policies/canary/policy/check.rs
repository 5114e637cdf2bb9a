use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use super::sample::{Mark, Sample};
use crate::foundation::sync::Percent;

/// One comparison of the canary with the stable version.
///
/// Each check is its own sequential test; the false-abort rate is divided equally among those of a
/// policy. None compares with an absolute number: a fault that both versions share is no evidence.
#[derive(Clone, Debug)]
pub struct Check {
    kind: Kind,
    name: Box<str>,
    tolerated_odds: f64,
    warm_up: Duration,
}

type Predicate = dyn Fn(&Sample) -> Option<bool> + Send + Sync;

#[derive(Clone)]
enum Kind {
    LatencyQuantile(Percent),
    MeanLatency(Duration),
    Predicate(Arc<Predicate>),
    Success,
}

impl Check {
    /// Creates the check of failed requests: an HTTP status from 500 to 599; a gRPC status that is the
    /// server's fault (`UNKNOWN`, `DEADLINE_EXCEEDED`, `UNIMPLEMENTED`, `INTERNAL`, `UNAVAILABLE`,
    /// `DATA_LOSS`); and every failure to get an answer, other than of the request's own body.
    ///
    /// Requests that a policy rejected or that their caller abandoned do not count.
    #[must_use]
    pub fn success() -> Self {
        Self::new("success", Kind::Success, Duration::ZERO)
    }

    /// Creates the check of latencies above a quantile of the stable version's own latencies, such as
    /// `Percent::new(90)`. Failed requests do not count.
    ///
    /// The quantile is that of the requests before, to 5 % of its value, and known after 100 of them.
    /// Its warm-up is 30 seconds by default.
    #[must_use]
    pub fn latency_quantile(quantile: Percent) -> Self {
        let kind = Kind::LatencyQuantile(quantile);
        Self::new("latency quantile", kind, Duration::from_secs(30))
    }

    /// Creates the check of mean latencies, each clipped at `bound`. Failed requests do not count.
    ///
    /// The test is quick if the bound is a few times the usual latency, and slow if it is far above.
    /// A bound of 0 means one microsecond. Its warm-up is 30 seconds by default.
    #[must_use]
    pub fn mean_latency(bound: Duration) -> Self {
        let kind = Kind::MeanLatency(bound.max(Duration::from_micros(1)));
        Self::new("mean latency", kind, Duration::from_secs(30))
    }

    /// Creates a check by a predicate: `Some(false)` for a bad request, `None` for one that does not
    /// count.
    #[must_use]
    pub fn predicate(
        name: impl Into<Box<str>>,
        passes: impl Fn(&Sample) -> Option<bool> + Send + Sync + 'static,
    ) -> Self {
        Self::new(name, Kind::Predicate(Arc::new(passes)), Duration::ZERO)
    }

    /// Sets the ratio of odds, canary to stable, that is tolerated. The default is 1: not worse at
    /// all; values below mean 1. It has no effect on [`mean_latency`](Self::mean_latency).
    ///
    /// For rare events the ratio of odds is that of the rates: with 2, a canary with 0.2 % errors
    /// beside a stable version with 0.1 % is never evidence.
    #[must_use]
    pub const fn with_tolerated_odds(mut self, ratio: f64) -> Self {
        self.tolerated_odds = if ratio >= 1.0 { ratio.min(1e6) } else { 1.0 };
        self
    }

    /// Sets the time after the start of the canary for which its requests, and those of the stable
    /// version beside them, do not count. With 0 all count.
    #[must_use]
    pub const fn with_warm_up(mut self, warm_up: Duration) -> Self {
        self.warm_up = warm_up;
        self
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn new(name: impl Into<Box<str>>, kind: Kind, warm_up: Duration) -> Self {
        Self {
            kind,
            name: name.into(),
            tolerated_odds: 1.0,
            warm_up,
        }
    }

    pub(in crate::policies::canary) const fn tolerated_odds(&self) -> f64 {
        self.tolerated_odds
    }

    pub(in crate::policies::canary) const fn warm_up(&self) -> Duration {
        self.warm_up
    }

    pub(in crate::policies::canary) const fn quantile(&self) -> Option<Percent> {
        match self.kind {
            Kind::LatencyQuantile(quantile) => Some(quantile),
            _ => None,
        }
    }

    pub(in crate::policies::canary) const fn bound(&self) -> Option<Duration> {
        match self.kind {
            Kind::MeanLatency(bound) => Some(bound),
            _ => None,
        }
    }

    /// Says whether a high share of bad requests of both versions is an outage.
    pub(in crate::policies::canary) const fn has_outages(&self) -> bool {
        matches!(self.kind, Kind::Success | Kind::Predicate(_))
    }

    /// Judges a sample; `slow_above` is the stable version's quantile in microseconds, if it is known.
    pub(in crate::policies::canary) fn mark(
        &self,
        sample: Sample,
        slow_above: Option<u64>,
    ) -> Option<Mark> {
        let served = || sample.served().filter(|served| *served);
        let good = match &self.kind {
            Kind::Success => sample.served()?,
            Kind::Predicate(passes) => passes(&sample)?,
            Kind::LatencyQuantile(_) => {
                served()?;
                micros(sample.latency()) <= slow_above?
            }
            Kind::MeanLatency(bound) => {
                served()?;
                return Some(Mark::Latency(micros(sample.latency().min(*bound))));
            }
        };
        Some(if good { Mark::Good } else { Mark::Bad })
    }
}

impl Debug for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LatencyQuantile(quantile) => write!(f, "LatencyQuantile({quantile:?})"),
            Self::MeanLatency(bound) => write!(f, "MeanLatency({bound:?})"),
            Self::Predicate(_) => f.write_str("Predicate"),
            Self::Success => f.write_str("Success"),
        }
    }
}

pub(in crate::policies::canary) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
