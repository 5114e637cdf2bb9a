use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// Number of hosts that are distinguished. Those after them are `unknown`, as a caller may make up any number.
const MAX_HOSTS: usize = 100;

/// Hosts of requests whose stack names none, each with a number from 1.
#[derive(Debug, Default)]
pub(super) struct Hosts(RwLock<Names>);

#[derive(Debug, Default)]
struct Names {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
}

/// Number of all hosts without a number of their own.
const OTHERS: u32 = u32::MAX;

impl Hosts {
    /// Returns the number of a host.
    pub(super) fn number(&self, host: &str) -> u32 {
        let known = {
            let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
            names.numbers.get(host).copied()
        };
        known.unwrap_or_else(|| self.add(host))
    }

    #[cold]
    fn add(&self, host: &str) -> u32 {
        let mut names = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = names.numbers.get(host) {
            return *known;
        }
        if names.all.len() >= MAX_HOSTS {
            return OTHERS;
        }
        let name = Arc::from(host);
        names.all.push(Arc::clone(&name));
        let number = u32::try_from(names.all.len()).unwrap_or(OTHERS);
        names.numbers.insert(name, number);
        number
    }

    /// Returns the name of a host; none for 0, and `unknown` for those beyond the limit.
    pub(super) fn name(&self, number: u32) -> Option<Arc<str>> {
        let place = number.checked_sub(1)?;
        let names = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let name = usize::try_from(place)
            .ok()
            .and_then(|place| names.all.get(place));
        Some(name.map_or_else(|| Arc::from(super::labels::UNKNOWN), Arc::clone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_beyond_the_limit_are_unknown_together() {
        let hosts = Hosts::default();
        let first = hosts.number("users:80");
        for number in 0..2 * MAX_HOSTS {
            hosts.number(&format!("h{number}"));
        }
        assert_eq!(hosts.number("users:80"), first);
        assert_eq!(hosts.name(first).as_deref(), Some("users:80"));
        assert_eq!(hosts.name(hosts.number("new")).as_deref(), Some("unknown"));
        assert_eq!(hosts.name(0), None);
    }
}
