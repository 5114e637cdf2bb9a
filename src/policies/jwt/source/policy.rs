use std::time::Duration;

use crate::foundation::time::clock::FAR;

/// Settings of a [`JwksSource`](super::JwksSource).
#[derive(Clone, Copy, Debug)]
pub struct JwksPolicy {
    pub(super) max_age: Duration,
    pub(super) min_interval: Duration,
    pub(super) refresh: Duration,
    pub(super) timeout: Duration,
}

impl JwksPolicy {
    /// Sets the age up to which keys are used while newer ones cannot be fetched. The default is 24 h. After that the source
    /// has no keys, and each token is refused.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age.min(FAR);
        self
    }

    /// Sets the shortest time between two fetches that tokens with an unknown key cause. The default is 30 s; so often
    /// at most callers make the issuer work by tokens that they make up. After a failed fetch it is 1 s, so that an issuer
    /// that comes back is noticed.
    #[must_use]
    pub fn with_min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval.min(FAR);
        self
    }

    /// Sets the time after which keys are fetched again. The default is 20 min, Istio's; at least 1 s.
    #[must_use]
    pub fn with_refresh(mut self, refresh: Duration) -> Self {
        self.refresh = refresh.clamp(Duration::from_secs(1), FAR);
        self
    }

    /// Sets the time for a fetch, discovery included, for which a request may have to wait. The default is 5 s, Istio's.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(FAR);
        self
    }
}

impl Default for JwksPolicy {
    fn default() -> Self {
        Self {
            max_age: Duration::from_secs(24 * 3_600),
            min_interval: Duration::from_secs(30),
            refresh: Duration::from_secs(20 * 60),
            timeout: Duration::from_secs(5),
        }
    }
}
