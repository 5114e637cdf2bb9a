use super::Check;
use crate::istio::kinds::http_route::{CorsPolicy, HeaderOperations, Headers};
use crate::istio::read::shorten;
use crate::istio::tree::At;

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

pub(super) fn is_authority(name: &str) -> bool {
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
