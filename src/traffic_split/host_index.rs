use std::cmp::Ordering;

use super::VirtualHost;
use crate::base::authority::split_port;
use crate::base::host_pattern::Kind;

/// Finds the virtual host of an authority without asking every one of them.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    any: Option<usize>,
    /// In order.
    exact: Vec<Entry>,
    /// The longest first.
    prefixes: Vec<Entry>,
    /// The longest first.
    suffixes: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    host: usize,
    /// In lower case.
    text: Box<str>,
}

impl HostIndex {
    pub(super) const fn none() -> Self {
        Self {
            any: None,
            exact: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
        }
    }

    /// Indexes the virtual hosts; of two with one pattern the first has it.
    pub(super) fn of(hosts: &[VirtualHost]) -> Self {
        let mut index = Self::default();
        for (host, virtual_host) in hosts.iter().enumerate() {
            for pattern in virtual_host.patterns() {
                let (kind, text) = pattern.parts();
                let entry = Entry {
                    host,
                    text: text.into(),
                };
                match kind {
                    Kind::Any => {
                        index.any.get_or_insert(host);
                    }
                    Kind::Exact => index.exact.push(entry),
                    Kind::Prefix => index.prefixes.push(entry),
                    Kind::Suffix => index.suffixes.push(entry),
                }
            }
        }
        // Both sorts keep the order of equal entries.
        index.exact.sort_by(|one, other| one.text.cmp(&other.text));
        index
            .exact
            .dedup_by(|later, first| later.text == first.text);
        for wildcards in [&mut index.prefixes, &mut index.suffixes] {
            wildcards.sort_by_key(|entry| std::cmp::Reverse(entry.text.len()));
        }
        index
    }

    /// Returns the place of the virtual host whose pattern is the most specific that fits.
    pub(super) fn find(&self, authority: &str) -> Option<usize> {
        let (host, _) = split_port(authority);
        let suffix = |text: &str| longest(&self.suffixes, |entry| ends_with(text, &entry.text));
        let prefix = |text: &str| longest(&self.prefixes, |entry| starts_with(text, &entry.text));
        self.exact(authority)
            .or_else(|| self.exact(host))
            .or_else(|| suffix(authority))
            .or_else(|| suffix(host))
            .or_else(|| prefix(host))
            .or(self.any)
    }

    fn exact(&self, host: &str) -> Option<usize> {
        let found = self
            .exact
            .binary_search_by(|entry| compare(&entry.text, host));
        found.ok().map(|place| self.exact[place].host)
    }
}

fn longest(entries: &[Entry], fits: impl Fn(&Entry) -> bool) -> Option<usize> {
    entries
        .iter()
        .find(|entry| fits(entry))
        .map(|entry| entry.host)
}

/// Compares a text in lower case with one in any.
fn compare(lower: &str, any: &str) -> Ordering {
    let any = any.bytes().map(|byte| byte.to_ascii_lowercase());
    lower.bytes().cmp(any)
}

/// A wildcard stands for one character at least.
fn ends_with(host: &str, suffix: &str) -> bool {
    let (host, suffix) = (host.as_bytes(), suffix.as_bytes());
    host.len() > suffix.len() && host[host.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
}

fn starts_with(host: &str, prefix: &str) -> bool {
    let (host, prefix) = (host.as_bytes(), prefix.as_bytes());
    host.len() > prefix.len() && host[..prefix.len()].eq_ignore_ascii_case(prefix)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::HostPattern;

    fn pattern() -> impl Strategy<Value = String> {
        prop_oneof!["\\*?[ab.]{1,4}(:8)?", "[ab.]{1,4}\\*", Just("*".to_owned())]
    }

    proptest! {
        #[test]
        fn it_finds_what_asking_every_pattern_finds(
            patterns in prop::collection::vec(pattern(), 0..8),
            host in "[abAB.]{1,6}(:8)?",
        ) {
            let patterns: Vec<_> = patterns.iter().map(|p| HostPattern::parse(p).unwrap()).collect();
            let hosts: Vec<_> = patterns.iter().map(|p| VirtualHost::new([p.clone()], [])).collect();
            let best = patterns
                .iter()
                .filter(|pattern| pattern.matches(&host))
                .reduce(|best, next| if next.specificity(best).is_gt() { next } else { best });
            let found = HostIndex::of(&hosts).find(&host).map(|place| &patterns[place]);
            prop_assert_eq!(found, best);
        }
    }
}
