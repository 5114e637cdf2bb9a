#[cfg(feature = "serde")]
mod config;

use crate::foundation::sync::Percent;

/// Limit of consecutive failures, and the share of detections that are enforced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Consecutive {
    pub(super) enforced: Percent,
    pub(super) failures: u32,
}

/// Detection of endpoints whose success rate lies far below that of the others.
///
/// An endpoint is an outlier when its rate over one interval is less than
/// `mean − stdev_factor × standard deviation` of all rates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SuccessRate {
    pub(super) enforced: Percent,
    pub(super) min_hosts: u32,
    pub(super) request_volume: u64,
    pub(super) stdev_factor_thousandths: u32,
}

/// Detection of endpoints that fail too large a share of their requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FailurePercentage {
    pub(super) enforced: Percent,
    pub(super) min_hosts: u32,
    pub(super) request_volume: u64,
    pub(super) threshold: Percent,
}

impl Consecutive {
    pub(super) const fn of(failures: u32) -> Self {
        // As in Envoy, a limit of 0 switches the enforcement off.
        let enforced = if failures == 0 {
            Percent::NONE
        } else {
            Percent::ALL
        };
        Self { enforced, failures }
    }
}

impl SuccessRate {
    /// Creates Envoy's defaults: at least 5 endpoints with at least 100 requests each in an
    /// interval, and a factor of 1.9.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            enforced: Percent::ALL,
            min_hosts: 5,
            request_volume: 100,
            stdev_factor_thousandths: 1_900,
        }
    }

    /// Sets the allowed distance below the mean, in thousandths of the standard deviation.
    #[must_use]
    pub const fn with_stdev_factor(mut self, thousandths: u32) -> Self {
        self.stdev_factor_thousandths = thousandths;
        self
    }

    /// Sets how many endpoints must have enough requests for any to be compared.
    #[must_use]
    pub const fn with_min_hosts(mut self, min_hosts: u32) -> Self {
        self.min_hosts = min_hosts;
        self
    }

    /// Sets how many requests an endpoint needs in the interval to be compared.
    #[must_use]
    pub const fn with_request_volume(mut self, request_volume: u64) -> Self {
        self.request_volume = request_volume;
        self
    }

    /// Sets the share of outliers that are ejected. The default is all.
    #[must_use]
    pub const fn with_enforcing(mut self, enforced: Percent) -> Self {
        self.enforced = enforced;
        self
    }
}

impl Default for SuccessRate {
    fn default() -> Self {
        Self::new()
    }
}

impl FailurePercentage {
    /// Creates a detection of endpoints that fail this share of their requests or more, among at
    /// least 5 endpoints with at least 50 requests each in an interval. Envoy's own threshold is 85
    /// %.
    #[must_use]
    pub const fn new(threshold: Percent) -> Self {
        Self {
            enforced: Percent::ALL,
            min_hosts: 5,
            request_volume: 50,
            threshold,
        }
    }

    /// Sets how many endpoints must have enough requests for any to be compared.
    #[must_use]
    pub const fn with_min_hosts(mut self, min_hosts: u32) -> Self {
        self.min_hosts = min_hosts;
        self
    }

    /// Sets how many requests an endpoint needs in the interval to be compared.
    #[must_use]
    pub const fn with_request_volume(mut self, request_volume: u64) -> Self {
        self.request_volume = request_volume;
        self
    }

    /// Sets the share of outliers that are ejected. The default is all.
    #[must_use]
    pub const fn with_enforcing(mut self, enforced: Percent) -> Self {
        self.enforced = enforced;
        self
    }
}
