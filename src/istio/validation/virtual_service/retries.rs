use crate::istio::api::http_route::Retries;
use crate::istio::diagnostics::suggest::suggest;
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;

const RETRY_ON: [&str; 16] = [
    "5xx",
    "cancelled",
    "connect-failure",
    "deadline-exceeded",
    "envoy-ratelimited",
    "gateway-error",
    "http3-post-connect-failure",
    "internal",
    "refused-stream",
    "reset",
    "reset-before-request",
    "resource-exhausted",
    "retriable-4xx",
    "retriable-headers",
    "retriable-status-codes",
    "unavailable",
];

pub(in crate::istio::validation) fn retries(c: &mut Validator<'_>, retries: Option<&Retries>) {
    let Some(retries) = retries else { return };
    let attempts = retries.attempts.map_or(0, |attempts| attempts.value);
    let says_more = retries.per_try_timeout.is_some()
        || retries
            .retry_on
            .as_ref()
            .is_some_and(|on| !on.value.is_empty())
        || retries.retry_remote_localities.is_some()
        || retries.backoff.is_some();
    if attempts == 0 && says_more {
        let message = "the retries are described, and there are 0 attempts";
        c.reject(
            retries.at,
            message,
            "write `attempts: 2`, or nothing but `attempts: 0`",
        );
    }
    let Some(retry_on) = &retries.retry_on else {
        return;
    };
    if retry_on.value.is_empty() {
        return;
    }
    for token in retry_on.value.split(',') {
        let is_status = token.parse().is_ok_and(is_registered);
        if !is_status && !RETRY_ON.contains(&token) {
            let message = format!("`{}` is nothing to retry on", shorten(token));
            let help = suggest(token, RETRY_ON).map_or_else(
                || format!("write some of {}, or statuses", RETRY_ON.join(",")),
                |near| format!("did you mean `{near}`?"),
            );
            c.reject(retry_on.at, message, help);
        }
    }
}

/// Says whether a status is among those that Go has a text for, which Istio takes.
const fn is_registered(status: u16) -> bool {
    matches!(status, 100..=103 | 200..=208 | 226 | 300..=305 | 307 | 308)
        || matches!(status, 400..=418 | 421..=426 | 428 | 429 | 431 | 451 | 500..=508 | 510 | 511)
}
