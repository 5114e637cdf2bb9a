use super::header_operations::is_authority;
use crate::istio::api::fields::read::{Nullable, Spanned};
use crate::istio::api::http_route::{DirectResponse, HttpMatch, HttpRoute, Redirect};
use crate::istio::validation::Validator;

pub(in crate::istio::validation) fn rewrite(c: &mut Validator<'_>, route: &HttpRoute) {
    let authority = route.rewrite.as_ref().and_then(|r| r.authority.as_ref());
    let request = route.headers.as_ref().and_then(|h| h.request.as_ref());
    let written = request
        .into_iter()
        .flat_map(|headers| headers.set.iter().chain(&headers.add))
        .filter(|(name, _)| is_authority(&name.value));
    // A rewrite of the authority counts as the first place.
    let before = usize::from(authority.is_some_and(|text| !text.value.is_empty()));
    for (name, _) in written.skip(1 - before) {
        c.reject(
            name.at,
            "the host is rewritten in two places",
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
            let message = "the rewrite rewrites nothing";
            c.reject(
                rewrite.at,
                message,
                "write `uri`, `uriRegexRewrite` or `authority`",
            );
        }
        Some(_) if has_uri => {
            let message = "a rewrite has one of `uri` and `uriRegexRewrite`";
            c.reject(rewrite.at, message, "keep one of them");
        }
        Some(regex) => match (&regex.matches, &regex.rewrite) {
            (Some(one), Some(two)) if !one.value.is_empty() && !two.value.is_empty() => {
                c.regex(&one.value, one.at);
            }
            _ => {
                let message = "`uriRegexRewrite` needs `match` and `rewrite`";
                c.reject(regex.at, message, "write both");
            }
        },
        None => {}
    }
}

pub(in crate::istio::validation) fn redirect(
    c: &mut Validator<'_>,
    redirect: &Redirect,
    matches: &Nullable<HttpMatch>,
) {
    let is_set =
        |text: &Option<Spanned<String>>| text.as_ref().is_some_and(|t| !t.value.is_empty());
    let has_prefix = is_set(&redirect.prefix_rewrite);
    let texts = [&redirect.uri, &redirect.authority, &redirect.scheme];
    let has_port = redirect.port.is_some() || redirect.derive_port.is_some();
    if !texts.into_iter().any(is_set) && !has_port && !has_prefix {
        let message = "the redirect leads to where it came from";
        c.reject(
            redirect.at,
            message,
            "write `uri`, `authority`, `scheme` or `port`",
        );
    }
    if has_prefix && is_set(&redirect.uri) {
        let message = "a redirect has one of `uri` and `prefixRewrite`";
        c.reject(redirect.at, message, "keep one of them");
    }
    let mut uris = matches
        .0
        .iter()
        .flatten()
        .filter_map(|one| one.uri.as_ref());
    if has_prefix && uris.any(|uri| uri.prefix.is_none()) {
        let message = "`prefixRewrite` needs a match of the path's prefix";
        c.reject(redirect.at, message, "match `uri` by `prefix`");
    }
    if let (Some(_), Some(derived)) = (redirect.port, redirect.derive_port) {
        let message = "a redirect has one of `port` and `derivePort`";
        c.reject(derived.at, message, "keep one of them");
    }
    if let Some(scheme) = &redirect.scheme
        && !matches!(scheme.value.as_str(), "" | "http" | "https")
    {
        c.reject(
            scheme.at,
            "the scheme is not `http` or `https`",
            "write one of them",
        );
    }
    if let Some(code) = redirect.redirect_code
        && code.value != 0
        && !(300..400).contains(&code.value)
    {
        c.reject(
            code.at,
            "the code is not a redirect status",
            "write 301, 302, 303, 307 or 308",
        );
    }
}

pub(in crate::istio::validation) fn direct_response(
    c: &mut Validator<'_>,
    response: Option<&DirectResponse>,
) {
    let Some(response) = response else { return };
    let Some(body) = &response.body else { return };
    let (at, len) = match (&body.string, &body.bytes) {
        (Some(text), None) => (text.at, text.value.len()),
        // The size after decoding: 4 characters of Base64 are 3 bytes.
        (None, Some(bytes)) => (bytes.at, bytes.value.trim_end_matches('=').len() / 4 * 3),
        (None, None) => return,
        (Some(_), Some(_)) => {
            let message = "a body has one of `string` and `bytes`";
            return c.reject(body.at, message, "keep one of them");
        }
    };
    // Istio's limits: an error above 1 MiB, a warning above 100 KiB.
    if len > 1 << 20 {
        c.reject(at, "the body is larger than 1 MiB", "use a smaller body");
    } else if len > 100 << 10 {
        let effect = "it is answered as it is";
        c.warn(
            at,
            "the body is larger than 100 KiB",
            effect,
            "answer with less",
        );
    }
}
