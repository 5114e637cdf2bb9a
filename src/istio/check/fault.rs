use super::Check;
use super::http_route::{destination, leads_to};
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::http_route::{HttpRoute, Percentage};
use crate::istio::read::shorten;

/// The names of gRPC's statuses, each at its number.
pub(crate) const GRPC_STATUS: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

pub(super) fn fault(c: &mut Check<'_>, route: &HttpRoute) {
    let Some(fault) = &route.fault else { return };
    if fault.delay.is_none() && fault.abort.is_none() {
        let what = "the fault has no `delay` and no `abort`";
        c.refuse(fault.at, what, "write one of them");
    }
    if let Some(delay) = &fault.delay {
        percentage(c, delay.percentage.as_ref());
        if let Some(percent) = delay.percent {
            if !(0..=100).contains(&percent.value) {
                c.refuse(
                    percent.at,
                    "a percentage is from 0 to 100",
                    "write 0 to 100",
                );
            }
            c.findings.push(
                Finding::warning(Code::Deprecated, percent.at)
                    .at_key()
                    .what("`percent` is deprecated")
                    .here("it is read as `percentage`")
                    .istio("Istio reads it, and `istioctl analyze` warns of it")
                    .mend("write `percentage: {value: …}`"),
            );
        }
        c.time(&delay.fixed_delay);
        if delay.exponential_delay.is_some() {
            c.refuse(
                delay.at,
                "`exponentialDelay` is not implemented",
                "write `fixedDelay`",
            );
        } else if delay.fixed_delay.is_none() {
            let what = "the delay does not say how long it is";
            c.findings.push(
                Finding::warning(Code::SchemaWarning, delay.at)
                    .at_key()
                    .missing("fixedDelay")
                    .what(what)
                    .here("nothing is delayed")
                    .istio("Istio takes it, and nothing is delayed")
                    .mend("write `fixedDelay: 1s`"),
            );
        }
    }
    let Some(abort) = &fault.abort else { return };
    percentage(c, abort.percentage.as_ref());
    if let Some(status) = abort.http_status
        && !(200..=600).contains(&status.value)
    {
        c.refuse(
            status.at,
            "the status is not from 200 to 599",
            "write such a status",
        );
    }
    if let Some(status) = &abort.grpc_status
        && !GRPC_STATUS.contains(&status.value.as_str())
    {
        let what = format!("`{}` is no status of gRPC", shorten(&status.value));
        c.refuse(status.at, what, "write a name such as `UNAVAILABLE`");
    }
    if let Some(http2) = &abort.http2_error {
        c.refuse(
            http2.at,
            "`http2Error` is not implemented",
            "write `httpStatus`",
        );
    }
    let is_empty =
        abort.http_status.is_none() && abort.grpc_status.is_none() && abort.http2_error.is_none();
    if is_empty {
        let what = "the abort does not say with which status";
        let mend = "write `httpStatus: 503`, or `grpcStatus: UNAVAILABLE`";
        c.warn(abort.at, what, "nothing is aborted", mend);
    }
    if abort.http_status.is_some() && abort.grpc_status.is_some() {
        let what = "an abort has one of `httpStatus` and `grpcStatus`";
        c.refuse(abort.at, what, "keep one of them");
    }
}

pub(super) fn mirror(c: &mut Check<'_>, route: &HttpRoute) {
    if let Some(mirror) = &route.mirror {
        destination(c, mirror);
        if !route.mirrors.0.is_empty() {
            let what = "a route has one of `mirror` and `mirrors`";
            c.refuse(mirror.at, what, "keep one of them");
        }
    }
    c.no_null(&route.mirrors, route.at, "mirrors");
    for mirror in route.mirrors.0.iter().flatten() {
        leads_to(c, mirror.destination.as_ref(), mirror.at);
        share(c, mirror.percentage.as_ref());
    }
    if let Some(percent) = route.mirror_percent {
        if percent.value > 100 {
            c.refuse(
                percent.at,
                "a percentage is from 0 to 100",
                "write 0 to 100",
            );
        }
        let mend = "write `mirrorPercentage: {value: …}`";
        c.warn(
            percent.at,
            "`mirrorPercent` is deprecated",
            "it is read as `mirrorPercentage`",
            mend,
        );
    }
    share(c, route.mirror_percentage.as_ref());
}

/// Checks how much is mirrored, of which any part may be.
fn share(c: &mut Check<'_>, percentage: Option<&Percentage>) {
    if let Some(value) = percentage.and_then(|percentage| percentage.value)
        && !(0.0..=100.0).contains(&value.value)
    {
        c.refuse(value.at, "a percentage is from 0 to 100", "write 0 to 100");
    }
}

fn percentage(c: &mut Check<'_>, percentage: Option<&Percentage>) {
    if let Some(value) = percentage.and_then(|percentage| percentage.value)
        && value.value != 0.0
        && !(0.0001..=100.0).contains(&value.value)
    {
        let what = "a percentage is 0, or from 0.0001 to 100";
        c.refuse(value.at, what, "write such a number");
    }
}
