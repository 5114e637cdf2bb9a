use std::borrow::Cow;
use std::str::FromStr;

use http::HeaderName;

use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::scheme;
use crate::foundation::matching::StringMatch;
use crate::istio::syntax::tree::{NodeId, Tree, Value};
use crate::istio::validation::either;

/// A header or pseudo-header in Envoy's sense.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Authority,
    Header(HeaderName),
    Method,
    Path,
    Scheme,
}

/// Envoy's `HeaderMatcher`.
#[derive(Clone, Debug)]
pub(super) struct HeaderMatcher {
    inverted: bool,
    missing_is_empty: bool,
    part: Part,
    /// The value to match; `None` if the header only has to be present.
    value: Option<StringMatch>,
}

impl Part {
    pub(super) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            ":authority" | "host" => Self::Authority,
            ":method" => Self::Method,
            ":path" => Self::Path,
            ":scheme" => Self::Scheme,
            name => Self::Header(HeaderName::from_str(name).ok()?),
        })
    }

    /// Returns the value in a request; the first of a repeated header.
    pub(super) fn of<'a>(&self, head: RequestHead<'a>) -> Option<Cow<'a, [u8]>> {
        let uri = head.uri();
        let text = match self {
            Self::Authority => match uri.authority() {
                Some(authority) => authority.as_str(),
                None => {
                    // HTTP/1 requests have their authority in `Host`.
                    return head
                        .headers()
                        .get("host")
                        .map(|host| host.as_bytes().into());
                }
            },
            Self::Header(name) => return Some(head.headers().get(name)?.as_bytes().into()),
            Self::Method => head.method().as_str(),
            Self::Path => uri.path_and_query().map_or("/", |path| path.as_str()),
            Self::Scheme => scheme(&head),
        };
        Some(text.as_bytes().into())
    }
}

impl HeaderMatcher {
    /// Reads a matcher; `None` if it is not supported.
    pub(super) fn read(tree: &Tree, at: NodeId) -> Option<Self> {
        let field = |snake, camel| either(tree, at, snake, camel);
        let text = |snake, camel| field(snake, camel).and_then(|at| tree.text(at));
        let flag = |snake, camel| {
            matches!(
                field(snake, camel).map(|at| tree.value(at)),
                Some(Value::Bool(true))
            )
        };
        let part = Part::parse(text("name", "name")?)?;
        let mut inverted = flag("invert_match", "invertMatch");
        let value = if let Some(at) = field("string_match", "stringMatch") {
            Some(string(tree, at)?)
        } else if let Some(exact) = text("exact_match", "exactMatch") {
            Some(StringMatch::exact(exact))
        } else if let Some(prefix) = text("prefix_match", "prefixMatch") {
            Some(StringMatch::prefix(prefix))
        } else if let Some(suffix) = text("suffix_match", "suffixMatch") {
            Some(StringMatch::suffix(suffix))
        } else if let Some(part) = text("contains_match", "containsMatch") {
            Some(StringMatch::contains(part))
        } else if let Some(at) = field("safe_regex_match", "safeRegexMatch") {
            Some(StringMatch::regex(tree.text(tree.child(at, "regex")?)?).ok()?)
        } else if let Some(at) = field("present_match", "presentMatch") {
            // `present_match: false` requires absence.
            inverted ^= matches!(tree.value(at), Value::Bool(false));
            None
        // Not supported: the action is reported as unknown.
        } else if field("range_match", "rangeMatch").is_some() {
            return None;
        } else {
            None
        };
        Some(Self {
            inverted,
            missing_is_empty: flag("treat_missing_header_as_empty", "treatMissingHeaderAsEmpty"),
            part,
            value,
        })
    }

    pub(super) fn matches(&self, head: RequestHead<'_>) -> bool {
        let found = self.part.of(head);
        let found = match (&self.value, found) {
            (None, found) => found.is_some() || self.missing_is_empty,
            (Some(value), Some(found)) => value.matches(found),
            (Some(value), None) if self.missing_is_empty => value.matches(""),
            // As in Envoy: an absent header never matches a value, not even inverted.
            (Some(_), None) => return false,
        };
        found != self.inverted
    }
}

/// Reads Envoy's `StringMatcher`.
pub(super) fn string(tree: &Tree, at: NodeId) -> Option<StringMatch> {
    let text = |key| tree.child(at, key).and_then(|at| tree.text(at));
    let ignore = either(tree, at, "ignore_case", "ignoreCase").map(|at| tree.value(at));
    let plain = text("exact").map(StringMatch::exact);
    let plain = plain.or_else(|| text("prefix").map(StringMatch::prefix));
    let plain = plain.or_else(|| text("suffix").map(StringMatch::suffix));
    let plain = plain.or_else(|| text("contains").map(StringMatch::contains));
    if let Some(plain) = plain {
        return Some(plain.with_ignore_case(matches!(ignore, Some(Value::Bool(true)))));
    }
    let regex = either(tree, at, "safe_regex", "safeRegex")?;
    StringMatch::regex(tree.text(tree.child(regex, "regex")?)?).ok()
}
