use super::{gateways, source_namespace};
use crate::istio::api::fields::read::Entries;
use crate::istio::api::http_route::{HttpMatch, TextMatch};
use crate::istio::syntax::shorten::shorten;
use crate::istio::validation::Validator;
use crate::istio::validation::names::{is_routing_claim, is_token};

pub(in crate::istio::validation) fn http_match(
    c: &mut Validator<'_>,
    one: &HttpMatch,
    is_gateways: bool,
) {
    if let Some(uri) = &one.uri {
        text_match(c, uri, false);
    }
    for text in [&one.scheme, &one.method, &one.authority]
        .into_iter()
        .flatten()
    {
        text_match(c, text, true);
    }
    for (name, _) in one.headers.iter().chain(&one.without_headers) {
        let is_claim = is_routing_claim(&name.value);
        if is_claim && !is_gateways {
            let message = "claims of a token are for routes of gateways only";
            c.reject(name.at, message, "write `gateways`, without `mesh`");
        } else if !is_claim && !is_matched_name(&name.value) {
            let message = format!("`{}` is no header's name", shorten(&name.value));
            c.reject(name.at, message, "use letters, digits, `-` and `_`");
        }
    }
    entries(c, &one.headers, false);
    entries(c, &one.without_headers, true);
    entries(c, &one.query_params, false);
    c.labels(&one.source_labels);
    gateways(c, &one.gateways);
    source_namespace(c, one.source_namespace.as_ref());
}

fn entries(c: &mut Validator<'_>, entries: &Entries<TextMatch>, may_be_any: bool) {
    for (name, text) in entries {
        if let Some(text) = text {
            // `*` alone is no regular expression: it stands for a header that is there.
            let is_any = text.regex.as_ref().is_some_and(|regex| regex.value == "*");
            if !(may_be_any && is_any && text.exact.is_none() && text.prefix.is_none()) {
                text_match(c, text, true);
            }
        } else {
            let message = format!("the match of `{}` is null", shorten(&name.value));
            c.reject(name.at, message, "write `{}` to match any value");
        }
    }
}

/// Validates a text match; an empty prefix matches everything and is allowed for paths only.
pub(in crate::istio::validation) fn text_match(
    c: &mut Validator<'_>,
    text: &TextMatch,
    no_empty_prefix: bool,
) {
    let kinds = [&text.exact, &text.prefix, &text.regex];
    if kinds.iter().filter(|kind| kind.is_some()).count() > 1 {
        let message = "one match has one of `exact`, `prefix` and `regex`";
        c.reject(text.at, message, "keep one of them");
    }
    if let Some(prefix) = &text.prefix
        && no_empty_prefix
        && prefix.value.is_empty()
    {
        c.reject(
            prefix.at,
            "the prefix is empty",
            "write `{}` to match any value",
        );
    }
    if let Some(regex) = &text.regex {
        if regex.value.is_empty() {
            c.reject(
                regex.at,
                "the regular expression is empty",
                "write one, such as `.*`",
            );
        } else {
            c.regex(&regex.value, regex.at);
        }
    }
}

/// The parts of a message that HTTP/2 has among its headers.
const PSEUDO_HEADERS: [&str; 5] = [":authority", ":method", ":path", ":scheme", ":status"];

/// Says whether a text is the name of a header, or of a part of the request such as `:authority`.
fn is_matched_name(text: &str) -> bool {
    PSEUDO_HEADERS.contains(&text) || is_token(text)
}
