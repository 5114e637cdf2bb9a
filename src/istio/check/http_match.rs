use super::Check;
use super::header_operations::is_name;
use super::virtual_service::{gateways, source_namespace};
use crate::istio::kinds::http_route::{HttpMatch, TextMatch};
use crate::istio::read::{Entries, shorten};

pub(super) fn http_match(c: &mut Check<'_>, one: &HttpMatch) {
    if let Some(uri) = &one.uri {
        text_match(c, uri, false);
    }
    for text in [&one.scheme, &one.method, &one.authority]
        .into_iter()
        .flatten()
    {
        text_match(c, text, true);
    }
    entries(c, &one.headers, true);
    entries(c, &one.without_headers, true);
    entries(c, &one.query_params, false);
    if let Some(port) = one.port.filter(|port| port.value != 0) {
        c.port(port);
    }
    c.labels(&one.source_labels);
    gateways(c, &one.gateways);
    source_namespace(c, one.source_namespace.as_ref());
}

fn entries(c: &mut Check<'_>, entries: &Entries<TextMatch>, are_headers: bool) {
    for (name, text) in entries {
        if are_headers && !is_name(&name.value) {
            let what = format!("`{}` is no header's name", shorten(&name.value));
            c.refuse(name.at, what, "use letters, digits and `-`");
        }
        if let Some(text) = text {
            text_match(c, text, true);
        } else {
            let what = format!("the match of `{}` is null", shorten(&name.value));
            c.refuse(name.at, what, "write `{}` to match any value");
        }
    }
}

/// An empty prefix fits everything, which only a path may mean.
pub(super) fn text_match(c: &mut Check<'_>, text: &TextMatch, no_empty_prefix: bool) {
    let kinds = [&text.exact, &text.prefix, &text.regex];
    if kinds.iter().filter(|kind| kind.is_some()).count() > 1 {
        let what = "one match has one of `exact`, `prefix` and `regex`";
        c.refuse(text.at, what, "keep one of them");
    }
    if let Some(prefix) = &text.prefix
        && no_empty_prefix
        && prefix.value.is_empty()
    {
        c.refuse(
            prefix.at,
            "the prefix is empty",
            "write `{}` to match any value",
        );
    }
    if let Some(regex) = &text.regex {
        if regex.value.is_empty() {
            c.refuse(
                regex.at,
                "the regular expression is empty",
                "write one, such as `.*`",
            );
        } else {
            c.regex(&regex.value, regex.at);
        }
    }
}
