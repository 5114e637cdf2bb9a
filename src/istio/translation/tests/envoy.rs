//! Envoy configuration expected by Istio's tests, converted to policies of this crate.

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};

use crate::foundation::http::GrpcStatus;
use crate::foundation::sync::Percent;
use crate::policies::fault_injection::{Abort, FaultInjectionPolicy};
use crate::policies::outlier_detection::OutlierDetectionPolicy;

pub(super) fn seconds(value: &Value) -> Option<Duration> {
    let text = value.as_str()?.strip_suffix('s').unwrap();
    Some(Duration::from_secs_f64(text.parse().unwrap()))
}

/// Converts Envoy's outlier detection; settings that are not enforced are off.
pub(super) fn envoy_outlier(o: &Value) -> OutlierDetectionPolicy {
    if o.is_null() {
        return OutlierDetectionPolicy::off();
    }
    let mut policy = OutlierDetectionPolicy::default();
    let number = |key: &str| o[key].as_u64().map(|n| u32::try_from(n).unwrap());
    let counts = |enforcing: &str| number(enforcing) != Some(0);
    if let Some(n) = number("consecutive_5Xx") {
        let n = if counts("enforcingConsecutive_5Xx") {
            n
        } else {
            0
        };
        policy = policy.with_consecutive_5xx(n);
    }
    if let Some(n) = number("consecutiveGatewayFailure") {
        let n = if counts("enforcingConsecutiveGatewayFailure") {
            n
        } else {
            0
        };
        policy = policy.with_consecutive_gateway_errors(n);
    }
    if let Some(n) = number("consecutiveLocalOriginFailure") {
        policy = policy.with_consecutive_local_origin_failures(n);
    }
    if let Some(split) = o["splitExternalLocalOriginErrors"].as_bool() {
        policy = policy.with_split_local_origin(split);
    }
    if let Some(n) = number("maxEjectionPercent") {
        policy = policy.with_max_ejection_percent(Percent::new(u8::try_from(n).unwrap()));
    }
    if let Some(time) = seconds(&o["interval"]) {
        policy = policy.with_interval(time);
    }
    if let Some(time) = seconds(&o["baseEjectionTime"]) {
        policy = policy.with_base_ejection_time(time);
    }
    policy
}

pub(super) fn fraction(value: &Value) -> Percent {
    let value = value.get("defaultValue").unwrap_or(value);
    let numerator = value["numerator"].as_u64().unwrap_or(0);
    let numerator = u32::try_from(numerator).unwrap();
    match value["denominator"].as_str() {
        Some("MILLION") => Percent::per_million(numerator),
        Some("TEN_THOUSAND") => Percent::per_million(numerator * 100),
        _ => Percent::per_million(numerator * 10_000),
    }
}

pub(super) fn envoy_fault(want: &Value) -> FaultInjectionPolicy {
    let mut policy = FaultInjectionPolicy::off();
    if let Some(time) = seconds(&want["delay"]["fixedDelay"]) {
        policy = policy.with_delay(fraction(&want["delay"]["percentage"]), time);
    }
    let abort = &want["abort"];
    let number = |key: &str| abort[key].as_u64().map(|n| u16::try_from(n).unwrap());
    let http = number("httpStatus").map(|n| Abort::Http(StatusCode::from_u16(n).unwrap()));
    let grpc = number("grpcStatus");
    let grpc = grpc.map(|n| Abort::Grpc(GrpcStatus::new(u8::try_from(n).unwrap())));
    match http.or(grpc) {
        Some(kind) => policy.with_abort(fraction(&abort["percentage"]), kind),
        None => policy,
    }
}

pub(super) fn envoy_match(route: &Value) -> Value {
    let mut one = json!({});
    if let Some(prefix) = route["prefix"].as_str() {
        one["uri"] = json!({"prefix": prefix});
    } else if let Some(path) = route["path"].as_str() {
        one["uri"] = json!({"exact": path});
    } else if let Some(regex) = route["safeRegex"]["regex"].as_str() {
        one["uri"] = json!({"regex": regex});
    }
    for (from, into) in [("headers", "headers"), ("queryParameters", "queryParams")] {
        for header in route[from].as_array().into_iter().flatten() {
            one[into][header["name"].as_str().unwrap()] = json!({"regex": "x"});
        }
    }
    one
}
