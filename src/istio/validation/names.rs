use std::net::IpAddr;

use super::Validator;
use crate::istio::api::fields::read::{Entries, Spanned};
use crate::istio::syntax::shorten::shorten;
use crate::istio::syntax::tree::NodeId;

/// Returns true if a text is a label of a DNS name, in any case, as in Istio.
pub(in crate::istio) fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    // RFC 1035 2.3.4: 63 characters per label; RFC 1123 2.1 allows a digit at the start.
    bytes.len() <= 63
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'-')
}

/// Returns the problem of an invalid host name; `None` if it is valid.
pub(super) fn bad_domain(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("it is empty");
    }
    if text.len() > 255 {
        return Some("it is longer than 255 characters");
    }
    bad_labels(text)
}

/// Returns the problem of an invalid host name or wildcard; `None` if it is valid.
pub(super) fn bad_wildcard(text: &str) -> Option<&'static str> {
    if text.is_empty() || text.len() > 255 {
        return bad_domain(text);
    }
    let (first, rest) = text
        .split_once('.')
        .map_or((text, None), |(first, rest)| (first, Some(rest)));
    let plain = first.strip_prefix('*').unwrap_or(first);
    // Istio accepts `*-suffix.example.com`.
    let plain = if first.starts_with('*') {
        plain.strip_prefix('-').unwrap_or(plain)
    } else {
        plain
    };
    if !(first == "*" || is_label(plain)) {
        return Some(
            "`*` is allowed at the start only, and labels consist of letters, digits and `-`",
        );
    }
    rest.and_then(bad_labels)
}

fn bad_labels(text: &str) -> Option<&'static str> {
    // A trailing dot marks a full name.
    let text = text.strip_suffix('.').unwrap_or(text);
    let last = text.rsplit('.').next().unwrap_or_default();
    // A numeric last label would make the host look like an IP address.
    if !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()) {
        return Some("its last label cannot be a number");
    }
    if !text.split('.').all(is_label) {
        return Some(
            "labels consist of at most 63 letters, digits and `-`, and `*` is allowed at the start only",
        );
    }
    None
}

pub(super) fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Returns true if a text is an IP address or a CIDR range.
pub(super) fn is_subnet(text: &str) -> bool {
    let Some((address, len)) = text.split_once('/') else {
        return is_address(text);
    };
    let most = match address.parse() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    len.parse::<u8>().is_ok_and(|len| len <= most)
}

/// Returns true if a text is a valid header name (strict).
pub(super) fn is_header_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Says whether a text is the name of a header, as HTTP has it.
pub(super) fn is_token(text: &str) -> bool {
    http::HeaderName::from_bytes(text.as_bytes()).is_ok()
}

/// Says whether two hosts, each with a `*` in front or not, have a host in common.
pub(crate) fn overlaps(one: &str, two: &str) -> bool {
    match (one.strip_prefix('*'), two.strip_prefix('*')) {
        (Some(a), Some(b)) => a.ends_with(b) || b.ends_with(a),
        (Some(suffix), None) => two.len() > suffix.len() && two.ends_with(suffix),
        (None, Some(suffix)) => one.len() > suffix.len() && one.ends_with(suffix),
        (None, None) => one == two,
    }
}

/// Says whether a text is a name that Istio's own gateways send to each other: `outbound_.PORT_._.HOST`.
pub(super) fn is_internal_sni(text: &str) -> bool {
    let mut parts = text.split('_');
    let (direction, port, _, host) = (parts.next(), parts.next(), parts.next(), parts.next());
    direction == Some("outbound")
        && port.is_some_and(|port| port.contains(|c: char| c.is_ascii_digit()))
        && host.is_some_and(|host| host.contains(|c: char| c.is_ascii_alphabetic()))
}

/// Says whether a name among header matches stands for a claim of a token: `@request.auth.claims.x`, or
/// `@request.auth.claims[x]`.
pub(crate) fn is_routing_claim(text: &str) -> bool {
    const PREFIX: &str = "@request.auth.claims";
    let Some((prefix, claim)) = text.split_at_checked(PREFIX.len()) else {
        return false;
    };
    let is_nested = claim.len() > 2 && claim.starts_with('[') && claim.ends_with(']');
    prefix.eq_ignore_ascii_case(PREFIX) && (is_nested || claim.len() > 1 && claim.starts_with('.'))
}

impl Validator<'_> {
    /// Validates a host name or wildcard.
    pub(super) fn wildcard(&mut self, host: &Spanned<String>) {
        if let Some(reason) = bad_wildcard(&host.value) {
            let message = format!("`{}` is no host: {reason}", shorten(&host.value));
            self.reject(
                host.at,
                message,
                "write a host such as `reviews` or `*.example.com`",
            );
        }
    }

    /// Validates Kubernetes labels.
    pub(super) fn labels(&mut self, labels: &Entries<Spanned<String>>) {
        for (key, value) in labels {
            let (prefix, name) = key.value.rsplit_once('/').unwrap_or(("", &key.value));
            if !is_label_value(name)
                || name.is_empty()
                || !prefix.is_empty() && bad_domain(prefix).is_some()
            {
                let message = format!("`{}` is no key of a label", shorten(&key.value));
                self.reject(key.at, message, "use letters, digits, `-`, `_` and `.`");
            }
            let value = value.as_ref().map_or("", |value| value.value.as_str());
            if !is_label_value(value) {
                let message = format!("`{}` is no value of a label", shorten(value));
                self.reject(
                    key.at,
                    message,
                    "use at most 63 letters, digits, `-`, `_` and `.`",
                );
            }
        }
    }

    /// Validates an IP address or CIDR range.
    pub(super) fn subnet(&mut self, subnet: &Spanned<String>) {
        if !is_subnet(&subnet.value) {
            let message = format!("`{}` is no address or subnet", shorten(&subnet.value));
            self.reject(
                subnet.at,
                message,
                "write an address such as 10.0.0.1 or 10.0.0.0/16",
            );
        }
    }

    /// Validates a regular expression.
    pub(super) fn regex(&mut self, regex: &str, at: NodeId) {
        // Istio's limit.
        if regex.len() > 1_024 {
            let message = "the regular expression is longer than 1024 bytes";
            self.reject(at, message, "shorten it");
        } else if let Err(error) = crate::foundation::matching::StringMatch::regex(regex) {
            let reason = shorten(error.reason());
            let message = format!("the regular expression cannot be used: {reason}");
            self.reject(at, message, "write it in the syntax of RE2");
        }
    }
}

fn is_label_value(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.is_empty()
        || bytes.len() <= 63
            && is_end(bytes.first())
            && is_end(bytes.last())
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}
