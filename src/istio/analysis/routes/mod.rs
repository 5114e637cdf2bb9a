pub(in crate::istio::analysis) mod destinations;
pub(in crate::istio::analysis) mod hosts;
pub(in crate::istio::analysis) mod overlap;
pub(in crate::istio::analysis) mod subsets;

use std::time::Duration;

use super::AnalysisReport;
use crate::istio::api::http_route::HttpRoute;
use crate::istio::api::virtual_service::VirtualService;
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;

/// Reports settings of a route that interfere with each other.
pub(super) fn routes(index: usize, service: &VirtualService, advice: &mut AnalysisReport) {
    for route in service.http.0.iter().flatten() {
        attempts(index, route, advice);
        fault(index, route, advice);
    }
}

fn attempts(index: usize, route: &HttpRoute, advice: &mut AnalysisReport) {
    let Some(retries) = &route.retries else {
        return;
    };
    let (Some(total), Some(per_try), Some(attempts)) =
        (route.timeout, retries.per_try_timeout, retries.attempts)
    else {
        return;
    };
    // The first attempt comes in addition to the retries.
    let tries = u32::try_from(attempts.value).unwrap_or(0).saturating_add(1);
    // 0 disables the timeout.
    if total.value.is_zero() || attempts.value <= 0 {
        return;
    }
    let need = per_try.value.saturating_mul(tries);
    if need <= total.value {
        return;
    }
    let fit = total.value.as_nanos() / per_try.value.as_nanos().max(1);
    let all = if need == Duration::MAX {
        "longer than the maximum duration".to_owned()
    } else {
        format!("{need:?}")
    };
    let (per_try_text, total_text) = (per_try.value, total.value);
    let (effect, help) = if per_try.value >= total.value {
        let effect = "`perTryTimeout` is never reached: a slow try is not followed by another";
        (
            effect,
            format!("write a `perTryTimeout` below {total_text:?}"),
        )
    } else {
        let effect = "the last tries are cut short or never made";
        (
            effect,
            match fit {
                1 => format!("write `timeout: {all}`, or no retries: 1 whole try fits"),
                _ => format!("write `timeout: {all}`, or fewer attempts: {fit} whole tries fit"),
            },
        )
    };
    let message =
        format!("{tries} tries of {per_try_text:?} take {all}, and the timeout is {total_text:?}");
    advice.push(
        index,
        Finding::warning(Code::AttemptsOutlastTimeout, per_try.at)
            .message(message)
            .effect(effect)
            .in_istio("the same: the timeout of the route wins")
            .help(help),
    );
}

fn fault(index: usize, route: &HttpRoute, advice: &mut AnalysisReport) {
    let Some(fault) = &route.fault else { return };
    let retries = route.retries.as_ref();
    let retries = retries.filter(|r| r.attempts.is_some_and(|a| a.value > 0));
    let message = match (retries.is_some(), route.timeout.is_some()) {
        (true, true) => "`retries` and `timeout`",
        (true, false) => "`retries`",
        (false, true) => "`timeout`",
        (false, false) => return,
    };
    advice.push(
        index,
        Finding::warning(Code::FaultWithRetry, fault.at)
            .at_key()
            .message(format!(
                "the route has a `fault`, and {message} that do not see it"
            ))
            .effect("as in Istio: what is injected is neither retried nor timed out")
            .in_istio("Envoy injects faults before its router, which retries and times out")
            .help("inject the fault at the service behind, or in a route of its own"),
    );
}
