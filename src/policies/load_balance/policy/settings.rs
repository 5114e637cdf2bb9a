//! Settings as text.

use super::{LoadBalancePolicy, Method};
use crate::foundation::sync::Percent;

impl LoadBalancePolicy {
    /// Returns the settings by their names in Istio; none if requests keep their address.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        if !self.on {
            return Vec::new();
        }
        let (name, value) = match &self.method {
            Method::ConsistentHash { key, .. } => ("consistentHash", key.to_string()),
            Method::LeastRequest { .. } => ("simple", "LEAST_REQUEST".to_owned()),
            Method::Random => ("simple", "RANDOM".to_owned()),
            Method::RoundRobin => ("simple", "ROUND_ROBIN".to_owned()),
        };
        let mut settings = vec![(name, value)];
        let warmup = self.slow_start.window();
        if !warmup.is_zero() {
            settings.push(("warmup", format!("{warmup:?}")));
            settings.extend(self.slow_start.settings());
        }
        if let Method::ConsistentHash {
            key, min_ring_size, ..
        } = &self.method
        {
            let cookie = key.cookie_to_set().and_then(|cookie| cookie.set_cookie(""));
            let cookie = cookie.and_then(|cookie| cookie.to_str().ok().map(str::to_owned));
            settings.extend(cookie.map(|cookie| ("httpCookie", cookie)));
            settings.push(("minimumRingSize", min_ring_size.to_string()));
        }
        if self.min_health > Percent::NONE {
            settings.push(("minHealthPercent", self.min_health.to_string()));
        }
        settings
    }
}
