//! The endpoints that the attempts of one request have used: recorded for the retry layer, read by
//! the load balancer.

use std::cell::Cell;

thread_local! {
    /// Number of endpoints attempted for the running request, plus 1; 0 outside a retry.
    static COUNT: Cell<u32> = const { Cell::new(0) };
    /// The last of their ids; meaningless while `COUNT` is below 2.
    static IDS: Cell<Ids> = const { Cell::new([0; 4]) };
}

type Ids = [u64; 4];

/// The endpoints attempted for one request: the last four of them.
///
/// The ids are exchanged with the thread's twice in each poll, so a longer list would cost every
/// request through a balancer, and few requests have five attempts. Without a balancer only the
/// count is exchanged.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptedHosts {
    count: u32,
    ids: Ids,
}

impl AttemptedHosts {
    /// Makes these the endpoints of the running request until the guard is dropped, which takes
    /// back the list with its additions.
    #[inline]
    pub(crate) fn enter(&mut self) -> AttemptedHostsGuard<'_> {
        let outer = COUNT.replace(self.count + 1);
        let has_any = self.count > 0 || outer > 1;
        AttemptedHostsGuard {
            outer,
            outer_ids: has_any.then(|| IDS.replace(self.ids)),
            hosts: self,
        }
    }

    /// Returns two flags: true if a retry layer around the running request records endpoints, and
    /// true if it has recorded any.
    #[inline]
    pub(crate) fn current() -> (bool, bool) {
        let count = COUNT.get();
        (count > 0, count > 1)
    }

    /// True if an endpoint was attempted by the running request.
    pub(crate) fn is_current(id: u64) -> bool {
        // Unused entries are 0, which is no endpoint's id.
        COUNT.get() > 1 && IDS.get().contains(&id)
    }

    /// Records an endpoint for the running request.
    #[inline]
    pub(crate) fn record(id: u64) {
        let Some(count) = COUNT.get().checked_sub(1) else {
            return;
        };
        let mut ids = if count > 0 { IDS.get() } else { [0; 4] };
        if !ids.contains(&id) {
            // A ring: the fifth endpoint overwrites the first.
            ids[count as usize % ids.len()] = id;
            IDS.set(ids);
            COUNT.set(count + 2);
        }
    }
}

/// Guard that restores the outer request's endpoints, also when the code under it panics.
#[derive(Debug)]
pub(crate) struct AttemptedHostsGuard<'a> {
    outer: u32,
    outer_ids: Option<Ids>,
    hosts: &'a mut AttemptedHosts,
}

impl Drop for AttemptedHostsGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        let count = COUNT.replace(self.outer) - 1;
        if count > 0 {
            self.hosts.count = count;
            self.hosts.ids = IDS.get();
        }
        if let Some(ids) = self.outer_ids {
            IDS.set(ids);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_what_was_tried_for_it_and_nobody_else() {
        let (mut outer, mut inner) = (AttemptedHosts::default(), AttemptedHosts::default());
        {
            let _outer = outer.enter();
            AttemptedHosts::record(1);
            {
                let _inner = inner.enter();
                assert_eq!(AttemptedHosts::current(), (true, false));
                AttemptedHosts::record(2);
            }
            assert_eq!(AttemptedHosts::current(), (true, true));
            assert!(AttemptedHosts::is_current(1) && !AttemptedHosts::is_current(2));
        }
        assert_eq!(outer.ids, [1, 0, 0, 0]);
        assert_eq!(inner.ids, [2, 0, 0, 0]);
        AttemptedHosts::record(3);
        assert_eq!(AttemptedHosts::current(), (false, false));
        assert!(!AttemptedHosts::is_current(1));
    }

    #[test]
    fn the_last_four_are_kept() {
        let mut tried = AttemptedHosts::default();
        let guard = tried.enter();
        (1..=10).for_each(AttemptedHosts::record);
        drop(guard);
        assert_eq!(tried.ids, [9, 10, 7, 8]);
        let _again = tried.enter();
        assert!(!AttemptedHosts::is_current(6) && (7..=10).all(AttemptedHosts::is_current));
    }
}
