use crate::istio::api::http_route::{CorsPolicy, HeaderOperations, Headers};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;
use crate::istio::validation::Validator;
use crate::istio::validation::names::is_token;

pub(in crate::istio::validation) fn cors(c: &mut Validator<'_>, cors: Option<&CorsPolicy>) {
    let Some(cors) = cors else { return };
    for origin in &cors.allow_origins {
        super::http_match::text_match(c, origin, true);
        let texts = [&origin.exact, &origin.prefix, &origin.regex];
        let mut texts = texts.into_iter().flatten();
        if origin.prefix.is_none() && origin.regex.is_none() && texts.all(|t| t.value.is_empty()) {
            c.reject(origin.at, "the origin is empty", "write an origin");
        }
    }
    for header in cors.allow_headers.iter().chain(&cors.expose_headers) {
        if header.value != "*" && !is_token(&header.value) {
            let message = format!("`{}` is no header's name", shorten(&header.value));
            c.reject(
                header.at,
                message,
                "use letters, digits, `-` and `_`, or write `\"*\"`",
            );
        }
    }
    for method in &cors.allow_methods {
        let methods = [
            "*", "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
        ];
        if !methods.contains(&method.value.as_str()) {
            let message = format!("`{}` is no method", shorten(&method.value));
            c.reject(method.at, message, "write a method in capitals");
        }
    }
    if let Some(age) = cors.max_age
        // The header `Access-Control-Max-Age` is in whole seconds.
        && age.value.subsec_nanos() != 0
    {
        c.reject(
            age.at,
            "`maxAge` is not a whole number of seconds",
            "round it",
        );
    }
}

pub(in crate::istio::validation) fn headers(c: &mut Validator<'_>, headers: &Headers) {
    if let Some(request) = &headers.request {
        operations(c, request, true);
    }
    if let Some(response) = &headers.response {
        operations(c, response, false);
    }
}

fn operations(c: &mut Validator<'_>, operations: &HeaderOperations, is_request: bool) {
    for (name, value) in operations.set.iter().chain(&operations.add) {
        header_name(c, &name.value, name.at, is_request);
        let is_control = |c: char| c.is_ascii_control() && c != '\t';
        if let Some(value) = value
            && value.value.contains(is_control)
        {
            let message = "the value has control characters, such as a line's end";
            c.reject(value.at, message, "write it on one line");
        } else if let Some(value) = value
            && !is_format(&value.value)
        {
            let message = "the value is no format of Envoy's: a `%` begins a variable";
            c.reject(value.at, message, "write `%%` for a percent sign");
        }
    }
    for name in &operations.remove {
        // The host cannot be removed.
        header_name(c, &name.value, name.at, false);
    }
}

fn header_name(c: &mut Validator<'_>, name: &str, at: NodeId, may_be_authority: bool) {
    if name.is_empty() {
        c.reject(at, "a header has no name", "write the name");
    } else if !is_name(name) {
        let message = format!("`{}` is no header's name", shorten(name));
        c.reject(at, message, "use letters, digits and `-`");
    } else if is_internal(name) && !(may_be_authority && is_authority(name)) {
        let message = format!("the header `{}` cannot be changed", shorten(name));
        c.reject(at, message, "remove it");
    }
}

/// Returns true if a text is a header name or a pseudo-header such as `:authority`.
pub(in crate::istio::validation) fn is_name(text: &str) -> bool {
    let text = text.strip_prefix(':').unwrap_or(text);
    http::HeaderName::from_bytes(text.as_bytes()).is_ok()
}

fn is_internal(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

pub(in crate::istio::validation) fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

/// Says whether each `%` begins or ends a variable such as `%REQ(:path)%`, or is doubled: as Istio reads it, which
/// does not look at the names.
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

/// Returns what follows a variable: a name, arguments in brackets, and `%`.
fn variable(text: &str) -> Option<&str> {
    let end = text.find(['%', '('])?;
    let rest = &text[end + 1..];
    if text[end..].starts_with('%') {
        return Some(rest);
    }
    let rest = match rest.trim_start_matches(' ').strip_prefix('[') {
        Some(list) => after_list(list)?,
        // One argument, as it stands: a `"` begins a list of texts all the same.
        None => after_text(rest)?,
    };
    rest.trim_start_matches(' ').strip_prefix('%')
}

/// Returns what follows `"a", "b"])`.
fn after_list(text: &str) -> Option<&str> {
    after_text(text.trim_start_matches(' ').strip_prefix('"')?)
}

/// Returns what follows the bracket that ends the arguments, from within a text of them.
fn after_text(mut text: &str) -> Option<&str> {
    loop {
        let end = text.find(['\\', ')', '"'])?;
        let rest = &text[end + 1..];
        text = match text.as_bytes()[end] {
            b')' => return Some(rest),
            b'\\' => {
                let escaped = rest.chars().next()?;
                &rest[escaped.len_utf8()..]
            }
            _ => {
                let rest = rest.trim_start_matches(' ');
                let Some(next) = rest.strip_prefix(',') else {
                    let end = rest.strip_prefix(']')?;
                    return end.trim_start_matches(' ').strip_prefix(')');
                };
                next.trim_start_matches(' ').strip_prefix('"')?
            }
        };
    }
}
