#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "istio")]
mod settings;

use std::time::Duration;

use http::StatusCode;

use super::rules::{Consecutive, FailurePercentage, SuccessRate};
use crate::foundation::outcome::EjectionReason;
use crate::foundation::sync::Percent;
use crate::foundation::sync::debug_changes::debug_changes;

/// Conditions and duration of ejections.
///
/// The fields, formulas and defaults are those of Envoy's `outlier_detection` as Istio sets it; where
/// they differ, the docs of the setting state it.
#[derive(Clone, Eq, PartialEq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, as in Envoy"
)]
pub struct OutlierDetectionPolicy {
    base_ejection_time: Duration,
    consecutive_5xx: Consecutive,
    consecutive_gateway: Consecutive,
    consecutive_local_origin: Consecutive,
    eject_one_always: bool,
    /// Statuses that are errors; if there are none, 500 to 599.
    error_statuses: Vec<StatusCode>,
    failure_percentage: FailurePercentage,
    interval: Duration,
    max_ejection_percent: Percent,
    max_ejection_time: Duration,
    max_jitter: Duration,
    on: bool,
    rates: bool,
    split_local_origin: bool,
    success_rate: SuccessRate,
}

debug_changes!(
    OutlierDetectionPolicy: base_ejection_time, consecutive_5xx, consecutive_gateway, consecutive_local_origin, eject_one_always, error_statuses, failure_percentage, interval, max_ejection_percent, max_ejection_time, max_jitter, on, rates, split_local_origin, success_rate,
);

impl OutlierDetectionPolicy {
    /// Creates a policy that ejects no endpoint.
    #[must_use]
    pub const fn off() -> Self {
        let mut policy = Self::istio();
        policy.on = false;
        policy
    }

    /// Sets how many responses of 500 to 599 in a row eject an endpoint. The default is 5; 0
    /// switches this reason off. Istio: `consecutive5xxErrors`.
    #[must_use]
    pub const fn with_consecutive_5xx(mut self, failures: u32) -> Self {
        self.consecutive_5xx = Consecutive::of(failures);
        self
    }

    /// Sets how many responses of 502, 503 or 504 in a row eject an endpoint. The default is off,
    /// as is 0. Istio: `consecutiveGatewayErrors`.
    #[must_use]
    pub const fn with_consecutive_gateway_errors(mut self, failures: u32) -> Self {
        self.consecutive_gateway = Consecutive::of(failures);
        self
    }

    /// Sets the HTTP statuses that are errors, in place of 500 to 599; an answer with another status is a
    /// success. The default is none, which leaves 500 to 599. Istio: `outlierDetectionHttpErrorCodes`.
    ///
    /// As in Envoy, a status below 500 counts as a 500: for
    /// [responses of 500 to 599](Self::with_consecutive_5xx), and for rates. A gRPC status is compared as the
    /// HTTP status that stands for it.
    #[must_use]
    pub fn with_error_statuses(mut self, statuses: impl IntoIterator<Item = StatusCode>) -> Self {
        self.error_statuses = statuses.into_iter().collect();
        self
    }

    /// Sets how many local origin failures in a row eject an endpoint, if they are
    /// [counted separately](Self::with_split_local_origin). The default is 5; 0 switches this
    /// reason off. Istio: `consecutiveLocalOriginFailures`.
    #[must_use]
    pub const fn with_consecutive_local_origin_failures(mut self, failures: u32) -> Self {
        self.consecutive_local_origin = Consecutive::of(failures);
        self
    }

    /// Sets whether failures to reach an endpoint (refused, reset, timed out) are counted
    /// separately from its responses. The default is false: they count as responses of 503 and 504.
    /// Istio: `splitExternalLocalOriginErrors`.
    #[must_use]
    pub const fn with_split_local_origin(mut self, split: bool) -> Self {
        self.split_local_origin = split;
        self
    }

    /// Sets the time between sweeps. The default is 10 s; less than a millisecond counts as one.
    /// Istio: `interval`.
    ///
    /// Only a sweep unejects an endpoint, so an ejection lasts until the first sweep after its
    /// time.
    #[must_use]
    pub const fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how long the first ejection lasts; the second in a row lasts twice as long, and so on.
    /// The default is 30 s. Istio: `baseEjectionTime`.
    #[must_use]
    pub const fn with_base_ejection_time(mut self, time: Duration) -> Self {
        self.base_ejection_time = time;
        self
    }

    /// Sets the maximum duration of an ejection. The default is 300 s; a longer base time takes
    /// precedence. Istio has no field for it.
    #[must_use]
    pub const fn with_max_ejection_time(mut self, time: Duration) -> Self {
        self.max_ejection_time = time;
        self
    }

    /// Sets the maximum random extension of an ejection. The default is 0.
    #[must_use]
    pub const fn with_max_ejection_time_jitter(mut self, jitter: Duration) -> Self {
        self.max_jitter = jitter;
        self
    }

    /// Sets the share of the endpoints that may be ejected at once. The default is 10 %. Istio:
    /// `maxEjectionPercent`.
    ///
    /// One endpoint may be ejected [in any case](Self::with_eject_one_always).
    #[must_use]
    pub const fn with_max_ejection_percent(mut self, percent: Percent) -> Self {
        self.max_ejection_percent = percent;
        self
    }

    /// Sets whether one endpoint may be ejected even if that exceeds the share. The default is
    /// true, so that outlier detection on one external host works as its circuit breaker. In Istio
    /// it is false: there, 10 % of fewer than 10 endpoints is none.
    #[must_use]
    pub const fn with_eject_one_always(mut self, always: bool) -> Self {
        self.eject_one_always = always;
        self
    }

    /// Enables ejection by success rate. The default is off, as in Istio.
    #[must_use]
    pub const fn with_success_rate(mut self, success_rate: SuccessRate) -> Self {
        self.success_rate = success_rate;
        self.rates = true;
        self
    }

    /// Enables ejection by failure percentage. The default is off, as in Istio.
    #[must_use]
    pub const fn with_failure_percentage(mut self, failure_percentage: FailurePercentage) -> Self {
        self.failure_percentage = failure_percentage;
        self.rates = true;
        self
    }

    /// Sets the share of detections that are enforced, for consecutive 5xx, gateway errors and
    /// local origin failures. The default is all of them, except for gateway errors, whose default
    /// is none.
    #[must_use]
    pub const fn with_enforcing(mut self, any: Percent, gateway: Percent, local: Percent) -> Self {
        self.consecutive_5xx.enforced = any;
        self.consecutive_gateway.enforced = gateway;
        self.consecutive_local_origin.enforced = local;
        self
    }

    const fn istio() -> Self {
        Self {
            base_ejection_time: Duration::from_secs(30),
            consecutive_5xx: Consecutive::of(5),
            consecutive_gateway: Consecutive {
                enforced: Percent::NONE,
                failures: 5,
            },
            consecutive_local_origin: Consecutive::of(5),
            eject_one_always: true,
            error_statuses: Vec::new(),
            failure_percentage: FailurePercentage::new(Percent::new(85))
                .with_enforcing(Percent::NONE),
            interval: Duration::from_secs(10),
            max_ejection_percent: Percent::new(10),
            max_ejection_time: Duration::from_secs(300),
            max_jitter: Duration::ZERO,
            on: true,
            rates: false,
            split_local_origin: false,
            success_rate: SuccessRate::new().with_enforcing(Percent::NONE),
        }
    }
}

impl OutlierDetectionPolicy {
    pub(super) const fn consecutive_5xx(&self) -> Consecutive {
        self.consecutive_5xx
    }

    pub(super) const fn consecutive_gateway(&self) -> Consecutive {
        self.consecutive_gateway
    }

    pub(super) const fn consecutive_local_origin(&self) -> Consecutive {
        self.consecutive_local_origin
    }

    pub(super) const fn failure_percentage(&self) -> FailurePercentage {
        self.failure_percentage
    }

    pub(super) const fn success_rate(&self) -> SuccessRate {
        self.success_rate
    }

    /// Returns true if success rates or failure percentages are compared, not only consecutive
    /// failures.
    pub(super) const fn compares_rates(&self) -> bool {
        self.rates
    }

    /// Returns the share of detections with this reason that are enforced.
    pub(super) const fn enforced(&self, reason: EjectionReason) -> Percent {
        match reason {
            EjectionReason::Consecutive5xx => self.consecutive_5xx.enforced,
            EjectionReason::ConsecutiveGatewayErrors => self.consecutive_gateway.enforced,
            EjectionReason::ConsecutiveLocalOriginFailures => {
                self.consecutive_local_origin.enforced
            }
            EjectionReason::FailurePercentage | EjectionReason::FailurePercentageLocalOrigin => {
                self.failure_percentage.enforced
            }
            EjectionReason::SuccessRate | EjectionReason::SuccessRateLocalOrigin => {
                self.success_rate.enforced
            }
        }
    }

    /// Returns the status that a response counts as.
    pub(super) fn counted_status(&self, status: u16) -> u16 {
        if self.error_statuses.is_empty() {
            return status;
        }
        let is_error = self
            .error_statuses
            .iter()
            .any(|error| error.as_u16() == status);
        match (is_error, status) {
            (true, 500..=599) => status,
            (true, _) => 500,
            (false, _) => 200,
        }
    }

    pub(crate) const fn is_on(&self) -> bool {
        self.on
    }

    pub(super) const fn splits(&self) -> bool {
        self.split_local_origin
    }

    pub(super) const fn max_jitter(&self) -> Duration {
        self.max_jitter
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval.max(Duration::from_millis(1))
    }

    /// Returns true if one more of `hosts` may be ejected while `active` are.
    pub(super) const fn allows(&self, active: usize, hosts: usize) -> bool {
        if self.eject_one_always && active == 0 {
            return true;
        }
        // (active + 1) / hosts ≤ the share, in integers.
        (active as u128 + 1) * 1_000_000
            <= hosts as u128 * self.max_ejection_percent.millionths() as u128
    }

    /// Returns the duration of the `nth` ejection in a row.
    pub(super) fn ejection_time(&self, nth: u32) -> Duration {
        self.base_ejection_time
            .saturating_mul(nth)
            .min(self.longest())
    }

    /// Returns true if another ejection in a row would last longer than the `nth`.
    pub(super) fn grows_after(&self, nth: u32) -> bool {
        self.base_ejection_time.saturating_mul(nth)
            < self.longest().saturating_add(self.base_ejection_time)
    }

    fn longest(&self) -> Duration {
        self.max_ejection_time.max(self.base_ejection_time)
    }
}

impl Default for OutlierDetectionPolicy {
    fn default() -> Self {
        Self::istio()
    }
}
