//! Matches of delegated routes, merged with those of the root.

use crate::istio::api::fields::read;
use crate::istio::api::fields::read::{Entries, Spanned, Texts};
use crate::istio::api::http_route::{HttpMatch, TextMatch};

/// A match of a route and of the root route that delegates to it; the delegate's fields take
/// precedence.
#[derive(Clone, Copy, Debug)]
pub(in crate::istio::translation) struct MergedMatch<'a> {
    leaf: &'a HttpMatch,
    root: Option<&'a HttpMatch>,
}

impl<'a> MergedMatch<'a> {
    pub(in crate::istio::translation) const fn of(leaf: &'a HttpMatch) -> Self {
        Self { leaf, root: None }
    }

    /// Merges the matches of a root with those of its delegate; `None` if they exclude each other.
    ///
    /// Each match of the delegate has to be covered by one of the root's, and is merged with all
    /// that cover it.
    pub(in crate::istio::translation) fn merge(
        root: &[&'a HttpMatch],
        delegate: &[&'a HttpMatch],
    ) -> Option<Vec<Self>> {
        if root.is_empty() || delegate.is_empty() {
            let all = root.iter().chain(delegate);
            return Some(all.map(|one| Self::of(one)).collect());
        }
        let mut merged = Vec::new();
        for leaf in delegate {
            let before = merged.len();
            let within = root.iter().filter(|root| !conflict(root, leaf));
            merged.extend(within.map(|root| Self {
                leaf,
                root: Some(root),
            }));
            // Istio drops the whole route if one match of the delegate conflicts with all of the
            // root's.
            if merged.len() == before {
                return None;
            }
        }
        Some(merged)
    }

    /// Returns the first match's field that is set.
    pub(in crate::istio::translation) fn first<T>(
        &self,
        field: impl Fn(&'a HttpMatch) -> Option<T>,
    ) -> Option<T> {
        field(self.leaf).or_else(|| field(self.root?))
    }

    /// Returns the entries of both; the delegate's take precedence.
    pub(in crate::istio::translation) fn entries<T>(
        &self,
        field: impl Fn(&'a HttpMatch) -> &'a Entries<T>,
    ) -> Vec<(&'a str, Option<&'a T>)> {
        let mut entries: Vec<_> = field(self.leaf).iter().map(pair).collect();
        let inherited = self.root.map_or(&[][..], |root| field(root));
        for (name, value) in inherited.iter().map(pair) {
            if !entries.iter().any(|(own, _)| *own == name) {
                entries.push((name, value));
            }
        }
        entries
    }

    pub(in crate::istio::translation) fn gateways(&self) -> &'a Texts {
        match self.root {
            Some(root) if self.leaf.gateways.is_empty() => &root.gateways,
            _ => &self.leaf.gateways,
        }
    }

    pub(in crate::istio::translation) fn ignores_case(&self) -> bool {
        self.leaf.ignore_uri_case.is_some_and(|flag| flag.value)
    }
}

fn pair<T>((name, value): &(Spanned<String>, Option<T>)) -> (&str, Option<&T>) {
    (&name.value, value.as_ref())
}

/// Returns true if a delegate's match accepts requests that the root's rejects.
pub(in crate::istio::translation) fn conflict(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = |one: &HttpMatch, two: &HttpMatch| {
        [
            (&one.uri, &two.uri),
            (&one.scheme, &two.scheme),
            (&one.method, &two.method),
            (&one.authority, &two.authority),
        ]
        .iter()
        .any(|(root, leaf)| text_conflict(root.as_deref(), leaf.as_deref()))
    };
    let flag = |one: &HttpMatch| one.ignore_uri_case.is_some_and(|flag| flag.value);
    let port = |one: &HttpMatch| one.port.map_or(0, |port| port.value);
    let namespace = |one: &HttpMatch| {
        let text = one.source_namespace.as_ref();
        text.map_or_else(String::new, |text| text.value.clone())
    };
    texts(root, leaf)
        || entries_conflict(&root.headers, &leaf.headers)
        || entries_conflict(&root.without_headers, &leaf.without_headers)
        || entries_conflict(&root.query_params, &leaf.query_params)
        || flag(root) != flag(leaf)
        || differ(&port(root), &port(leaf))
        || differ(&namespace(root), &namespace(leaf))
        || leaf.source_labels.iter().map(pair).any(|(name, value)| {
            let of_root = root.source_labels.iter().map(pair);
            of_root
                .filter(|(own, _)| *own == name)
                .any(|(_, own)| own.map(|own| &own.value) != value.map(|value| &value.value))
        })
        || gateways_conflict(&root.gateways, &leaf.gateways)
}

/// Returns true if both are set to different values.
fn differ<T: Default + PartialEq>(one: &T, two: &T) -> bool {
    let none = T::default();
    *one != none && *two != none && one != two
}

fn gateways_conflict(root: &Texts, leaf: &Texts) -> bool {
    let unknown = |leaf: &Spanned<String>| !root.iter().any(|root| root.value == leaf.value);
    // The delegate's gateways have to be a subset of the root's.
    !root.is_empty() && !leaf.is_empty() && (root.len() < leaf.len() || leaf.iter().any(unknown))
}

fn entries_conflict(root: &Entries<TextMatch>, leaf: &Entries<TextMatch>) -> bool {
    leaf.iter().map(pair).any(|(name, value)| {
        let of_root = root.iter().map(pair).find(|(own, _)| *own == name);
        text_conflict(of_root.and_then(|(_, own)| own), value)
    })
}

fn text_conflict(root: Option<&TextMatch>, leaf: Option<&TextMatch>) -> bool {
    let (Some(root), Some(leaf)) = (root, leaf) else {
        return false;
    };
    match (kind(root), kind(leaf)) {
        (Some(Text::Exact(root)), Some(Text::Exact(leaf))) => root != leaf,
        (Some(Text::Prefix(root)), Some(Text::Exact(leaf) | Text::Prefix(leaf))) => {
            !leaf.starts_with(root)
        }
        // Inclusion of regular expressions cannot be decided here.
        _ => true,
    }
}

/// A text match; an empty one is unset.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::istio::translation) enum Text<'a> {
    Exact(&'a str),
    Prefix(&'a str),
    Regex(&'a str),
}

pub(in crate::istio::translation) fn kind(text: &TextMatch) -> Option<Text<'_>> {
    let exact = set(&text.exact).map(Text::Exact);
    exact
        .or_else(|| set(&text.prefix).map(Text::Prefix))
        .or_else(|| set(&text.regex).map(Text::Regex))
}

fn set(text: &read::Text) -> Option<&str> {
    let text = text.as_ref()?;
    (!text.value.is_empty()).then_some(text.value.as_str())
}
