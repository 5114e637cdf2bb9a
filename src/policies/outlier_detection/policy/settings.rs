//! Settings as text.

use std::time::Duration;

use http::StatusCode;

use super::OutlierDetectionPolicy;
use crate::foundation::sync::Percent;

impl OutlierDetectionPolicy {
    /// Returns the settings by their names in Istio; none if no endpoint is ever ejected.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        if !self.on {
            return Vec::new();
        }
        let mut settings = Vec::new();
        let counts = [
            ("consecutive5xxErrors", self.consecutive_5xx),
            ("consecutiveGatewayErrors", self.consecutive_gateway),
            (
                "consecutiveLocalOriginFailures",
                self.consecutive_local_origin,
            ),
        ];
        for (name, count) in counts {
            let is_split = name != "consecutiveLocalOriginFailures" || self.split_local_origin;
            if count.enforced > Percent::NONE && is_split {
                settings.push((name, count.failures.to_string()));
            }
        }
        let times: [(_, Duration); 2] = [
            ("interval", self.interval()),
            ("baseEjectionTime", self.base_ejection_time),
        ];
        settings.extend(times.map(|(name, time)| (name, format!("{time:?}"))));
        settings.push(("maxEjectionPercent", self.max_ejection_percent.to_string()));
        if self.split_local_origin {
            settings.push(("splitExternalLocalOriginErrors", true.to_string()));
        }
        if !self.error_statuses.is_empty() {
            let statuses = self.error_statuses.iter().map(StatusCode::as_str);
            let statuses = statuses.collect::<Vec<_>>().join(" ");
            settings.push(("outlierDetectionHttpErrorCodes", statuses));
        }
        settings
    }
}
