use super::Check;
use super::http_route::destination;
use crate::istio::code::Code;
use crate::istio::finding::Finding;
use crate::istio::kinds::http_route::{
    CorsPolicy, DirectResponse, HeaderOperations, Headers, HttpMatch, HttpRoute, Percentage,
    Redirect, Retries,
};
use crate::istio::read::{Nullable, Set, shorten};
use crate::istio::tree::At;

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

const GRPC_STATUS: [&str; 17] = [
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

pub(super) fn retries(c: &mut Check<'_>, retries: Option<&Retries>) {
    let Some(retries) = retries else { return };
    let attempts = retries.attempts.map_or(0, |attempts| attempts.value);
    let says_more = retries.per_try_timeout.is_some()
        || retries.retry_on.is_some()
        || retries.retry_remote_localities.is_some()
        || retries.backoff.is_some();
    if attempts < 0 {
        let at = retries.attempts.map_or(retries.at, |attempts| attempts.at);
        c.refuse(at, "attempts are not negative", "write 0 or more");
    } else if attempts == 0 && says_more {
        let what = "the retries are described, and there are 0 attempts";
        c.refuse(
            retries.at,
            what,
            "write `attempts: 2`, or nothing but `attempts: 0`",
        );
    }
    c.time(&retries.per_try_timeout);
    c.time(&retries.backoff);
    let Some(retry_on) = &retries.retry_on else {
        return;
    };
    for token in retry_on.value.split(',').map(str::trim) {
        let is_status = token.parse::<u16>().is_ok_and(|s| (100..600).contains(&s));
        if !token.is_empty() && !is_status && !RETRY_ON.contains(&token) {
            let what = format!("`{}` is nothing to retry on", shorten(token));
            let mend = format!("write some of {}, or statuses", RETRY_ON.join(","));
            c.refuse(retry_on.at, what, mend);
        }
    }
}

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
            c.require(delay.at, "fixedDelay", what, "write `fixedDelay: 1s`");
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
    if abort.http_status.is_some() && abort.grpc_status.is_some() {
        let what = "an abort has one of `httpStatus` and `grpcStatus`";
        c.refuse(abort.at, what, "keep one of them");
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

pub(super) fn mirror(c: &mut Check<'_>, route: &HttpRoute) {
    if let Some(mirror) = &route.mirror {
        destination(c, mirror);
        if !route.mirrors.0.is_empty() {
            let what = "a route has one of `mirror` and `mirrors`";
            c.refuse(mirror.at, what, "keep one of them");
        }
    }
    for mirror in route.mirrors.0.iter().flatten() {
        match &mirror.destination {
            Some(one) => destination(c, one),
            None => {
                let what = "the mirror has no destination";
                c.require(
                    mirror.at,
                    "destination",
                    what,
                    "write `destination: {host: …}`",
                );
            }
        }
        percentage(c, mirror.percentage.as_ref());
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
    percentage(c, route.mirror_percentage.as_ref());
}

pub(super) fn rewrite(c: &mut Check<'_>, route: &HttpRoute) {
    let authority = route.rewrite.as_ref().and_then(|r| r.authority.as_ref());
    let request = route.headers.as_ref().and_then(|h| h.request.as_ref());
    let written = request
        .into_iter()
        .flat_map(|headers| headers.set.iter().chain(&headers.add))
        .filter(|(name, _)| is_authority(&name.value));
    let before = usize::from(authority.is_some_and(|text| !text.value.is_empty()));
    for (name, _) in written.skip(1 - before) {
        c.refuse(
            name.at,
            "the host is rewritten twice",
            "keep one of the places",
        );
    }
    let Some(rewrite) = &route.rewrite else {
        return;
    };
    let has_uri = rewrite
        .uri
        .as_ref()
        .is_some_and(|uri| !uri.value.is_empty());
    match &rewrite.uri_regex_rewrite {
        None if !has_uri && before == 0 => {
            let what = "the rewrite rewrites nothing";
            c.refuse(
                rewrite.at,
                what,
                "write `uri`, `uriRegexRewrite` or `authority`",
            );
        }
        Some(_) if has_uri => {
            let what = "a rewrite has one of `uri` and `uriRegexRewrite`";
            c.refuse(rewrite.at, what, "keep one of them");
        }
        Some(regex) => match (&regex.matches, &regex.rewrite) {
            (Some(one), Some(two)) if !one.value.is_empty() && !two.value.is_empty() => {
                c.regex(&one.value, one.at);
            }
            _ => {
                let what = "`uriRegexRewrite` needs `match` and `rewrite`";
                c.refuse(regex.at, what, "write both");
            }
        },
        None => {}
    }
}

pub(super) fn redirect(c: &mut Check<'_>, redirect: &Redirect, matches: &Nullable<HttpMatch>) {
    let is_set = |text: &Option<Set<String>>| text.as_ref().is_some_and(|t| !t.value.is_empty());
    let has_prefix = is_set(&redirect.prefix_rewrite);
    let texts = [&redirect.uri, &redirect.authority, &redirect.scheme];
    let has_port = redirect.port.is_some() || redirect.derive_port.is_some();
    if !texts.into_iter().any(is_set) && !has_port && !has_prefix {
        let what = "the redirect leads to where it came from";
        c.refuse(
            redirect.at,
            what,
            "write `uri`, `authority`, `scheme` or `port`",
        );
    }
    if has_prefix && is_set(&redirect.uri) {
        let what = "a redirect has one of `uri` and `prefixRewrite`";
        c.refuse(redirect.at, what, "keep one of them");
    }
    let mut uris = matches
        .0
        .iter()
        .flatten()
        .filter_map(|one| one.uri.as_ref());
    if has_prefix && uris.any(|uri| uri.prefix.is_none()) {
        let what = "`prefixRewrite` needs a match of the path's prefix";
        c.refuse(redirect.at, what, "match `uri` by `prefix`");
    }
    if let Some(scheme) = &redirect.scheme
        && !matches!(scheme.value.as_str(), "" | "http" | "https")
    {
        c.refuse(
            scheme.at,
            "the scheme is `http` or `https`",
            "write one of them",
        );
    }
    if let Some(code) = redirect.redirect_code
        && code.value != 0
        && !(300..400).contains(&code.value)
    {
        c.refuse(
            code.at,
            "the code is none of a redirect",
            "write 301, 302, 303, 307 or 308",
        );
    }
}

pub(super) fn direct_response(c: &mut Check<'_>, response: Option<&DirectResponse>) {
    let Some(response) = response else { return };
    match response.status {
        Some(status) if (200..600).contains(&status.value) => {}
        status => {
            let at = status.map_or(response.at, |status| status.at);
            c.refuse(
                at,
                "the status is not from 200 to 599",
                "write such a status",
            );
        }
    }
    let Some(body) = &response.body else { return };
    let (at, len) = match (&body.string, &body.bytes) {
        (Some(text), None) => (text.at, text.value.len()),
        (None, Some(bytes)) => (bytes.at, bytes.value.trim_end_matches('=').len() / 4 * 3),
        _ => {
            let what = "a body has one of `string` and `bytes`";
            return c.refuse(body.at, what, "write one of them");
        }
    };
    if len > 1 << 20 {
        c.refuse(at, "the body is larger than 1 MiB", "answer with less");
    } else if len > 100 << 10 {
        let here = "it is answered as it is";
        c.warn(
            at,
            "the body is larger than 100 KiB",
            here,
            "answer with less",
        );
    }
}

pub(super) fn cors(c: &mut Check<'_>, cors: Option<&CorsPolicy>) {
    let Some(cors) = cors else { return };
    for origin in &cors.allow_origins {
        super::http_match::text_match(c, origin, true);
        if origin
            .exact
            .as_ref()
            .is_some_and(|exact| exact.value.is_empty())
        {
            c.refuse(origin.at, "the origin is empty", "write an origin");
        }
    }
    if let Some(origin) = cors.allow_origin.first() {
        let mend = "write `allowOrigins: [{exact: …}]`";
        c.warn(
            origin.at,
            "`allowOrigin` is deprecated",
            "it is read as `allowOrigins`",
            mend,
        );
    }
    for header in cors.allow_headers.iter().chain(&cors.expose_headers) {
        if header.value.is_empty() {
            c.refuse(header.at, "a header has no name", "write its name");
        }
    }
    for method in &cors.allow_methods {
        let methods = [
            "*", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
        ];
        if !methods.contains(&method.value.as_str()) {
            let what = format!("`{}` is no method", shorten(&method.value));
            c.refuse(method.at, what, "write a method in capitals");
        }
    }
    c.time(&cors.max_age);
    if let Some(age) = cors.max_age
        && age.value.subsec_nanos() != 0
    {
        c.refuse(age.at, "`maxAge` is no whole number of seconds", "round it");
    }
}

pub(super) fn headers(c: &mut Check<'_>, headers: &Headers) {
    if let Some(request) = &headers.request {
        operations(c, request, true);
    }
    if let Some(response) = &headers.response {
        operations(c, response, false);
    }
}

fn operations(c: &mut Check<'_>, operations: &HeaderOperations, is_request: bool) {
    for (name, value) in operations.set.iter().chain(&operations.add) {
        header_name(c, &name.value, name.at, is_request);
        if let Some(value) = value
            && !is_format(&value.value)
        {
            let what = "the value is no format of Envoy's: a `%` begins a variable";
            c.refuse(value.at, what, "write `%%` for a percent sign");
        }
    }
    for name in &operations.remove {
        header_name(c, &name.value, name.at, false);
    }
}

fn header_name(c: &mut Check<'_>, name: &str, at: At, may_be_authority: bool) {
    if name.is_empty() {
        c.refuse(at, "a header has no name", "write its name");
    } else if !is_name(name) {
        let what = format!("`{}` is no header's name", shorten(name));
        c.refuse(at, what, "use letters, digits and `-`");
    } else if is_internal(name) && !(may_be_authority && is_authority(name)) {
        let what = format!("the header `{}` cannot be changed", shorten(name));
        c.refuse(at, what, "remove it");
    }
}

/// Says whether a text is the name of a header, or of a part of the request such as `:authority`.
pub(super) fn is_name(text: &str) -> bool {
    let text = text.strip_prefix(':').unwrap_or(text);
    http::HeaderName::from_bytes(text.as_bytes()).is_ok()
}

fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

/// Says whether each `%` begins or ends a variable such as `%REQ(:path)%`, or is doubled.
fn is_format(text: &str) -> bool {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('%') {
        let Some(tail) = after.strip_prefix('%').or_else(|| variable(after)) else {
            return false;
        };
        rest = tail;
    }
    true
}

/// Returns what follows a variable: a name, arguments in brackets, a length, and `%`.
fn variable(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let rest = text.trim_start_matches(is_name);
    if rest.len() == text.len() {
        return None;
    }
    let rest = match rest.strip_prefix('(') {
        Some(arguments) => arguments.split_once(')')?.1,
        None => rest,
    };
    let rest = match rest.strip_prefix(':') {
        Some(len) => len.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    };
    rest.strip_prefix('%')
}
