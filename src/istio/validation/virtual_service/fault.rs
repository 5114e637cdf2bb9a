use super::http_route::{destination, leads_to};
use crate::foundation::http::GrpcStatus;
use crate::istio::api::http_route::{HttpRoute, Percentage};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::finding::Finding;
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;

pub(in crate::istio::validation) fn fault(c: &mut Validator<'_>, route: &HttpRoute) {
    let Some(fault) = &route.fault else { return };
    if fault.delay.is_none() && fault.abort.is_none() {
        let message = "the fault has no `delay` and no `abort`";
        c.reject(fault.at, message, "write one of them");
    }
    if let Some(delay) = &fault.delay {
        percentage(c, delay.percentage.as_ref());
        if let Some(percent) = delay.percent {
            c.findings.push(
                Finding::warning(Code::Deprecated, percent.at)
                    .at_key()
                    .message("`percent` is deprecated")
                    .effect("it is read as `percentage`")
                    .in_istio("Istio accepts it, and `istioctl analyze` warns about it")
                    .help("write `percentage: {value: …}`"),
            );
        }
        if delay.fixed_delay.is_none() && delay.exponential_delay.is_none() {
            let message = "the delay does not say how long it is";
            c.findings.push(
                Finding::warning(Code::SchemaWarning, delay.at)
                    .at_key()
                    .missing("fixedDelay")
                    .message(message)
                    .effect("nothing is delayed")
                    .in_istio("Istio takes it, and nothing is delayed")
                    .help("write `fixedDelay: 1s`"),
            );
        }
    }
    let Some(abort) = &fault.abort else { return };
    percentage(c, abort.percentage.as_ref());
    if let Some(status) = &abort.grpc_status
        && GrpcStatus::from_name(&status.value).is_none()
    {
        let message = format!("`{}` is no status of gRPC", shorten(&status.value));
        c.reject(status.at, message, "write a name such as `UNAVAILABLE`");
    }
    let is_empty =
        abort.http_status.is_none() && abort.grpc_status.is_none() && abort.http2_error.is_none();
    if is_empty {
        let message = "the abort does not say with which status";
        let help = "write `httpStatus: 503`, or `grpcStatus: UNAVAILABLE`";
        c.warn(abort.at, message, "nothing is aborted", help);
    }
    if abort.http_status.is_some() && abort.grpc_status.is_some() {
        let message = "an abort has one of `httpStatus` and `grpcStatus`";
        c.reject(abort.at, message, "keep one of them");
    }
}

pub(in crate::istio::validation) fn mirror(c: &mut Validator<'_>, route: &HttpRoute) {
    if let Some(mirror) = &route.mirror {
        destination(c, mirror);
        if !route.mirrors.0.is_empty() {
            let message = "a route has one of `mirror` and `mirrors`";
            c.reject(mirror.at, message, "keep one of them");
        }
    }
    c.no_null(&route.mirrors, route.at, "mirrors");
    for mirror in route.mirrors.0.iter().flatten() {
        leads_to(c, mirror.destination.as_ref());
        share(c, mirror.percentage.as_ref());
    }
    share(c, route.mirror_percentage.as_ref());
}

/// Checks how much is mirrored, of which any part may be.
fn share(c: &mut Validator<'_>, percentage: Option<&Percentage>) {
    if let Some(value) = percentage.and_then(|percentage| percentage.value)
        && !(0.0..=100.0).contains(&value.value)
    {
        c.reject(value.at, "a percentage is from 0 to 100", "write 0 to 100");
    }
}

fn percentage(c: &mut Validator<'_>, percentage: Option<&Percentage>) {
    if let Some(value) = percentage.and_then(|percentage| percentage.value)
        && value.value != 0.0
        // Envoy counts in parts per million: 0.0001 % is the smallest share.
        && !(0.0001..=100.0).contains(&value.value)
    {
        let message = "a percentage is 0, or from 0.0001 to 100";
        c.reject(value.at, message, "write such a number");
    }
}
