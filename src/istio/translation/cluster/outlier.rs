use http::StatusCode;

use crate::foundation::sync::Percent;
use crate::istio::api::destination_rule::OutlierDetection;
use crate::policies::outlier_detection::OutlierDetectionPolicy;

/// Envoy's default for `consecutive_5xx`.
const CONSECUTIVE: u32 = 5;

/// Returns the outlier detection policy: off if unset, otherwise with Envoy's defaults.
///
/// The deprecated `consecutiveErrors` is an alias of `consecutive5xxErrors`, which takes
/// precedence.
pub(in crate::istio::translation) fn outlier(
    written: Option<&OutlierDetection>,
) -> OutlierDetectionPolicy {
    let Some(written) = written else {
        return OutlierDetectionPolicy::off();
    };
    let old = written
        .consecutive_errors
        .map(|old| u32::try_from(old.value).unwrap_or(0));
    let server = written
        .consecutive_5xx_errors
        .map(|errors| errors.value)
        .or(old);
    let mut policy =
        OutlierDetectionPolicy::default().with_consecutive_5xx(server.unwrap_or(CONSECUTIVE));
    if let Some(failures) = written.consecutive_gateway_errors {
        policy = policy.with_consecutive_gateway_errors(failures.value);
    }
    if let Some(interval) = written.interval {
        policy = policy.with_interval(interval.value);
    }
    if let Some(time) = written.base_ejection_time {
        policy = policy.with_base_ejection_time(time.value);
    }
    let errors = &written.outlier_detection_http_error_codes;
    let errors = errors
        .iter()
        .filter_map(|code| u16::try_from(code.value).ok());
    policy = policy.with_error_statuses(errors.filter_map(|code| StatusCode::from_u16(code).ok()));
    let percent = written
        .max_ejection_percent
        .map_or(0, |percent| percent.value);
    // 0 means unset in Istio, so Envoy's default applies.
    if percent > 0 {
        policy = policy.with_max_ejection_percent(of_100(percent));
    }
    if let Some(split) = written.split_external_local_origin_errors {
        policy = policy.with_split_local_origin(split.value);
    }
    if let Some(failures) = written.consecutive_local_origin_failures {
        policy = policy.with_consecutive_local_origin_failures(failures.value);
    }
    policy
}

/// Returns the panic threshold in percent of healthy endpoints; 0 if unset.
pub(in crate::istio::translation) fn min_health(written: Option<&OutlierDetection>) -> Percent {
    let percent = written.and_then(|written| written.min_health_percent);
    percent.map_or(Percent::NONE, |percent| of_100(percent.value))
}

fn of_100(percent: i32) -> Percent {
    Percent::new(u8::try_from(percent.clamp(0, 100)).unwrap_or(100))
}
