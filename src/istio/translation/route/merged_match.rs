//! What a route asks for, where the root of a delegate asks for something too.

use crate::istio::api::fields::read;
use crate::istio::api::fields::read::{Entries, Spanned, Texts};
use crate::istio::api::http_route::{HttpMatch, TextMatch};

/// A match of a route, and of the route that delegates to it: what both say goes by the delegate.
#[derive(Clone, Copy, Debug)]
pub(in crate::istio::translation) struct MergedMatch<'a> {
    leaf: &'a HttpMatch,
    root: Option<&'a HttpMatch>,
}

impl<'a> MergedMatch<'a> {
    pub(in crate::istio::translation) const fn of(leaf: &'a HttpMatch) -> Self {
        Self { leaf, root: None }
    }

    /// Merges the matches of a root with those of its delegate; nothing if they exclude each other.
    ///
    /// Each of the delegate's has to be within one of the root's, and is merged with all that it is within.
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
            if merged.len() == before {
                return None;
            }
        }
        Some(merged)
    }

    /// Returns the first of a field that is set.
    pub(in crate::istio::translation) fn first<T>(
        &self,
        field: impl Fn(&'a HttpMatch) -> Option<T>,
    ) -> Option<T> {
        field(self.leaf).or_else(|| field(self.root?))
    }

    /// Returns the entries of both, the delegate's where both have one.
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

/// Says whether a delegate's match asks for what the root's does not let through.
pub(in crate::istio::translation) fn conflict(root: &HttpMatch, leaf: &HttpMatch) -> bool {
    let texts = |one: &HttpMatch, two: &HttpMatch| {
        [
            (&one.uri, &two.uri),
            (&one.scheme, &two.scheme),
            (&one.method, &two.method),
            (&one.authority, &two.authority),
        ]
        .iter()
        .any(|(root, leaf)| text_conflict(root.as_ref(), leaf.as_ref()))
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

/// Says whether both are set, and not to the same.
fn differ<T: Default + PartialEq>(one: &T, two: &T) -> bool {
    let none = T::default();
    *one != none && *two != none && one != two
}

fn gateways_conflict(root: &Texts, leaf: &Texts) -> bool {
    let unknown = |leaf: &Spanned<String>| !root.iter().any(|root| root.value == leaf.value);
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
        // Whether one regular expression is within another cannot be told.
        _ => true,
    }
}

/// What a text has to look like; what is empty is not set.
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
