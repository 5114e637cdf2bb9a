//! Which endpoints the attempts of one request have been at: the retry keeps it, the balancer reads
//! it.

use std::cell::Cell;

thread_local! {
    /// How many endpoints were tried for the running request, and one more; 0 if no retry is around it.
    static COUNT: Cell<u32> = const { Cell::new(0) };
    /// The last of them, if there are any; else anything.
    static IDS: Cell<Ids> = const { Cell::new([0; 4]) };
}

type Ids = [u64; 4];

/// The endpoints that were tried for one request: the last four of them. More would cost every request that
/// meets a balancer, since they change places with the thread's twice for each poll, and few requests
/// have five tries. Where there is no balancer, only the count changes places.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AttemptedHosts {
    count: u32,
    ids: Ids,
}

impl AttemptedHosts {
    /// Makes these the endpoints of the running request until the guard is dropped, which takes back
    /// what was added.
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

    /// Says whether there is a retry around the running request that keeps them, and whether it has
    /// tried any.
    #[inline]
    pub(crate) fn current() -> (bool, bool) {
        let count = COUNT.get();
        (count > 0, count > 1)
    }

    /// Says whether an endpoint is among those of the running request.
    pub(crate) fn is_current(id: u64) -> bool {
        // No endpoint has the id 0, which fills the rest.
        COUNT.get() > 1 && IDS.get().contains(&id)
    }

    /// Adds an endpoint to those of the running request.
    #[inline]
    pub(crate) fn record(id: u64) {
        let Some(count) = COUNT.get().checked_sub(1) else {
            return;
        };
        let mut ids = if count > 0 { IDS.get() } else { [0; 4] };
        if !ids.contains(&id) {
            ids[count as usize % ids.len()] = id;
            IDS.set(ids);
            COUNT.set(count + 2);
        }
    }
}

/// Puts the outer request's endpoints back, also when the code under it panics.
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
