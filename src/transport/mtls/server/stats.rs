use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Addresses that are counted apart; all others are counted together, so that strangers cannot fill the memory.
const MAX_CALLERS: usize = 1_024;

/// Counts of a [`MtlsListener`](super::super::MtlsListener), shared with it.
///
/// The callers in plain text are those that would be refused by `STRICT`.
#[derive(Clone, Debug, Default)]
pub struct ListenerStats(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    callers: Mutex<Callers>,
    mutual_tls: AtomicU64,
}

#[derive(Debug, Default)]
struct Callers {
    by_address: HashMap<IpAddr, CallerStats>,
    others: CallerStats,
}

/// Connections of one caller that did not become mutual TLS.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct CallerStats {
    /// Handshakes that failed.
    pub failed_handshakes: u64,
    /// Connections in plain text that were accepted.
    pub plaintext_accepted: u64,
    /// Connections in plain text that were closed.
    pub plaintext_refused: u64,
}

impl ListenerStats {
    /// Returns the number of connections with mutual TLS.
    #[must_use]
    pub fn mutual_tls(&self) -> u64 {
        self.0.mutual_tls.load(Ordering::Relaxed)
    }

    /// Returns the callers that came in plain text or whose handshake failed, by address. The first 1,024 addresses are
    /// counted apart.
    #[must_use]
    pub fn callers(&self) -> Vec<(IpAddr, CallerStats)> {
        let mut callers: Vec<_> = self
            .with(|callers| callers.by_address.clone())
            .into_iter()
            .collect();
        callers.sort_unstable_by_key(|(address, _)| *address);
        callers
    }

    /// Returns the sum of the callers that are not counted apart.
    #[must_use]
    pub fn other_callers(&self) -> CallerStats {
        self.with(|callers| callers.others)
    }

    pub(super) fn add_mutual_tls(&self) {
        self.0.mutual_tls.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection of a caller, and returns its number among those of its kind.
    pub(super) fn add(&self, address: IpAddr, field: fn(&mut CallerStats) -> &mut u64) -> u64 {
        // ::ffff:192.0.2.1 on a dual-stack socket is the same caller as 192.0.2.1.
        let address = address.to_canonical();
        self.with(|callers| {
            let is_full = callers.by_address.len() >= MAX_CALLERS;
            let stats = if is_full && !callers.by_address.contains_key(&address) {
                &mut callers.others
            } else {
                callers.by_address.entry(address).or_default()
            };
            let count = field(stats);
            *count += 1;
            *count
        })
    }

    fn with<T>(&self, read: impl FnOnce(&mut Callers) -> T) -> T {
        let callers = self.0.callers.lock();
        read(&mut callers.unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn callers_are_counted_by_address_and_beyond_a_bound_together() {
        let stats = ListenerStats::default();
        for address in 0..2_000 {
            let address = IpAddr::from(Ipv4Addr::from_bits(address));
            assert!(stats.add(address, |caller| &mut caller.plaintext_refused) >= 1);
        }
        assert_eq!(stats.callers().len(), MAX_CALLERS);
        assert_eq!(stats.other_callers().plaintext_refused, 2_000 - 1_024);
        let mapped = "::ffff:0.0.0.1".parse().unwrap();
        assert_eq!(stats.add(mapped, |caller| &mut caller.plaintext_refused), 2);
    }
}
