use std::time::Duration;

use http::StatusCode;

use super::OutlierDetectionPolicy;
use crate::foundation::config::{Brief, Invalid, Recorded, policy, record};
use crate::foundation::sync::Percent;
use crate::policies::outlier_detection::rules::{Consecutive, FailurePercentage, SuccessRate};

policy!(OutlierDetectionPolicy);

record! {
    OutlierDetectionFields {
        enabled: bool,
        consecutive_5xx: Brief<Consecutive>,
        consecutive_gateway_errors: Brief<Consecutive>,
        consecutive_local_origin_failures: Brief<Consecutive>,
        error_statuses: Vec<StatusCode>,
        split_local_origin: bool,
        interval: Duration,
        base_ejection_time: Duration,
        max_ejection_time: Duration,
        max_ejection_time_jitter: Duration,
        max_ejection_percent: Percent,
        eject_one_always: bool,
        success_rate: Option<SuccessRate>,
        failure_percentage: Option<FailurePercentage>,
    }
}

impl Recorded for OutlierDetectionPolicy {
    const NAME: &'static str = "outlier detection";
    type Fields = OutlierDetectionFields;

    fn initial() -> Result<Self::Fields, Invalid> {
        Self::default().to_fields()
    }

    fn from_fields(fields: Self::Fields) -> Result<Self, Invalid> {
        let OutlierDetectionFields {
            enabled,
            consecutive_5xx,
            consecutive_gateway_errors,
            consecutive_local_origin_failures,
            error_statuses,
            split_local_origin,
            interval,
            base_ejection_time,
            max_ejection_time,
            max_ejection_time_jitter,
            max_ejection_percent,
            eject_one_always,
            success_rate,
            failure_percentage,
        } = fields;
        if interval < Duration::from_millis(1) {
            return Err(Invalid::new("interval", "must be 1ms or more"));
        }
        let default = Self::default();
        Ok(Self {
            base_ejection_time,
            consecutive_5xx: consecutive_5xx.0,
            consecutive_gateway: consecutive_gateway_errors.0,
            consecutive_local_origin: consecutive_local_origin_failures.0,
            eject_one_always,
            error_statuses,
            interval,
            max_ejection_percent,
            max_ejection_time,
            max_jitter: max_ejection_time_jitter,
            on: enabled,
            rates: success_rate.is_some() || failure_percentage.is_some(),
            split_local_origin,
            success_rate: success_rate.unwrap_or(default.success_rate),
            failure_percentage: failure_percentage.unwrap_or(default.failure_percentage),
        })
    }

    fn to_fields(&self) -> Result<Self::Fields, Invalid> {
        let Self {
            base_ejection_time,
            consecutive_5xx,
            consecutive_gateway,
            consecutive_local_origin,
            eject_one_always,
            error_statuses,
            failure_percentage,
            interval: _,
            max_ejection_percent,
            max_ejection_time,
            max_jitter,
            on,
            rates,
            split_local_origin,
            success_rate,
        } = self.clone();
        Ok(OutlierDetectionFields {
            enabled: on,
            consecutive_5xx: Brief(consecutive_5xx),
            consecutive_gateway_errors: Brief(consecutive_gateway),
            consecutive_local_origin_failures: Brief(consecutive_local_origin),
            error_statuses,
            split_local_origin,
            // As it is used: less than a millisecond counts as one.
            interval: self.interval(),
            base_ejection_time,
            max_ejection_time,
            max_ejection_time_jitter: max_jitter,
            max_ejection_percent,
            eject_one_always,
            success_rate: rates.then_some(success_rate),
            failure_percentage: rates.then_some(failure_percentage),
        })
    }
}
