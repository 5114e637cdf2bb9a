use super::HostPattern;
use super::host_pattern::Kind;
use crate::foundation::http::authority::{split_port, without_brackets};
use crate::foundation::sync::hash::hash_lowercase;

/// Index from host patterns to their positions; a lookup costs the same among 10,000 patterns as
/// among ten.
#[derive(Clone, Debug, Default)]
pub(crate) struct HostIndex {
    any: Option<usize>,
    exact: HostTable,
    prefixes: Affixes,
    suffixes: Affixes,
}

impl HostIndex {
    pub(crate) const fn none() -> Self {
        Self {
            any: None,
            exact: HostTable::none(),
            prefixes: Affixes::none(),
            suffixes: Affixes::none(),
        }
    }

    /// Indexes patterns by position; of two equal patterns the first one counts.
    pub(crate) fn of<'a>(patterns: impl IntoIterator<Item = (usize, &'a HostPattern)>) -> Self {
        let mut index = Self::none();
        for (place, pattern) in patterns {
            let (kind, text) = pattern.parts();
            match kind {
                Kind::Any => {
                    index.any.get_or_insert(place);
                }
                Kind::Exact => index.exact.insert(text, place),
                Kind::Prefix => index.prefixes.insert(text, place),
                Kind::Suffix => index.suffixes.insert(text, place),
            }
        }
        index
    }

    /// Returns the position of the most specific pattern that matches.
    pub(crate) fn find(&self, authority: &str) -> Option<usize> {
        let (host, _) = split_port(authority);
        let host = without_brackets(host);
        self.exact
            .get(authority.as_bytes())
            .or_else(|| self.exact.get(host.as_bytes()))
            .or_else(|| self.suffixes.longest(authority.as_bytes(), ends_with))
            .or_else(|| self.suffixes.longest(host.as_bytes(), ends_with))
            .or_else(|| self.prefixes.longest(host.as_bytes(), starts_with))
            .or(self.any)
    }
}

/// Hash table from texts in lower case to positions, queried without allocating a key.
#[derive(Clone, Debug, Default)]
struct HostTable {
    entries: Vec<(Box<str>, usize)>,
    /// Index into `entries` plus 1, or 0 for a free slot. At least twice as many slots as entries,
    /// so that a probe always meets a free one.
    slots: Vec<u32>,
}

impl HostTable {
    const fn none() -> Self {
        Self {
            entries: Vec::new(),
            slots: Vec::new(),
        }
    }

    fn insert(&mut self, text: &str, place: usize) {
        if self.get(text.as_bytes()).is_some() {
            return;
        }
        self.entries.push((text.into(), place));
        // At most half full, so that probes are short and always end.
        if self.entries.len() * 2 > self.slots.len() {
            self.slots = vec![0; (self.entries.len() * 4).next_power_of_two()];
            for entry in 0..self.entries.len() {
                self.fill(entry);
            }
        } else {
            self.fill(self.entries.len() - 1);
        }
    }

    fn get(&self, text: &[u8]) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut slot = self.slot(text);
        loop {
            // A free slot ends the probe: nothing is ever removed.
            let entry = self.slots[slot].checked_sub(1)?;
            let (found, place) = &self.entries[entry as usize];
            if found.as_bytes().eq_ignore_ascii_case(text) {
                return Some(*place);
            }
            slot = self.after(slot);
        }
    }

    fn fill(&mut self, entry: usize) {
        let mut slot = self.slot(self.entries[entry].0.as_bytes());
        while self.slots[slot] != 0 {
            slot = self.after(slot);
        }
        self.slots[slot] = u32::try_from(entry + 1).unwrap_or(0);
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "only the low bits are used"
    )]
    fn slot(&self, text: &[u8]) -> usize {
        hash_lowercase(text) as usize & (self.slots.len() - 1)
    }

    const fn after(&self, slot: usize) -> usize {
        (slot + 1) & (self.slots.len() - 1)
    }
}

/// Prefixes or suffixes of hosts, by length.
#[derive(Clone, Debug, Default)]
struct Affixes {
    /// Distinct lengths in bytes, the longest first: one lookup for each.
    lengths: Vec<usize>,
    texts: HostTable,
}

impl Affixes {
    const fn none() -> Self {
        Self {
            lengths: Vec::new(),
            texts: HostTable::none(),
        }
    }

    fn insert(&mut self, text: &str, place: usize) {
        let shorter = |length: &usize| std::cmp::Reverse(*length);
        let key = std::cmp::Reverse(text.len());
        // Reversed, since the lengths are sorted in descending order.
        if let Err(at) = self.lengths.binary_search_by_key(&key, shorter) {
            self.lengths.insert(at, text.len());
        }
        self.texts.insert(text, place);
    }

    /// Returns the position of the longest match; a wildcard covers at least one character.
    fn longest(&self, host: &[u8], part: fn(&[u8], usize) -> &[u8]) -> Option<usize> {
        let mut lengths = self.lengths.iter().filter(|length| **length < host.len());
        lengths.find_map(|length| self.texts.get(part(host, *length)))
    }
}

fn ends_with(host: &[u8], length: usize) -> &[u8] {
    &host[host.len() - length..]
}

fn starts_with(host: &[u8], length: usize) -> &[u8] {
    &host[..length]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            let best = patterns
                .iter()
                .filter(|pattern| pattern.matches(&host))
                .reduce(|best, next| if next.specificity(best).is_gt() { next } else { best });
            let found = HostIndex::of(patterns.iter().enumerate()).find(&host);
            prop_assert_eq!(found.map(|place| &patterns[place]), best);
        }
    }

    #[test]
    fn each_of_ten_thousand_is_found() {
        let patterns: Vec<_> = (0..10_000)
            .map(|i| HostPattern::parse(&format!("service-{i}.example")).unwrap())
            .collect();
        let index = HostIndex::of(patterns.iter().enumerate());
        for i in 0..10_000 {
            assert_eq!(index.find(&format!("Service-{i}.example:80")), Some(i));
        }
        assert_eq!(index.find("service-10000.example"), None);
    }
}
