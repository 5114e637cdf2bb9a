use std::collections::HashMap;

/// Map by host with wildcard suffix lookup.
#[derive(Debug)]
pub(in crate::istio::translation) struct HostMap<T>(HashMap<String, T>);

impl<T: Default> HostMap<T> {
    pub(in crate::istio::translation) fn entry(&mut self, host: String) -> &mut T {
        self.0.entry(host).or_default()
    }
}

impl<T> HostMap<T> {
    pub(in crate::istio::translation) fn iter(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().map(|(host, found)| (host.as_str(), found))
    }

    /// Returns the value of the most specific matching host that `counts` accepts: the exact name,
    /// otherwise the wildcard with the longest suffix.
    pub(in crate::istio::translation) fn most_specific(
        &self,
        needle: &str,
        counts: impl Fn(&T) -> bool,
    ) -> Option<&T> {
        let counting = |found: &&T| counts(found);
        let itself = self.0.get(needle).filter(counting);
        itself.or_else(|| {
            let end = needle.strip_prefix('*').unwrap_or(needle);
            let mut wildcard = String::with_capacity(end.len() + 1);
            end.char_indices()
                .map(|(start, _)| &end[start..])
                .chain([""])
                .find_map(|end| {
                    wildcard.clear();
                    wildcard.push('*');
                    wildcard.push_str(end);
                    self.0.get(&wildcard).filter(counting)
                })
        })
    }
}

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}
