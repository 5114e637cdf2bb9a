//! Which endpoints the attempts of one request have been at: the retry keeps it, the balancer reads
//! it.

use std::cell::Cell;

thread_local! {
    static CURRENT: Cell<Option<Tried>> = const { Cell::new(None) };
}

/// The endpoints that were tried for one request: the last four of them. More would cost every request, since
/// they change places with the thread's twice for each poll, and few requests have five tries.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tried {
    count: u32,
    ids: [u64; 4],
}

impl Tried {
    /// Makes these the endpoints of the running request until the guard is dropped, which takes back
    /// what was added.
    #[inline]
    pub(crate) fn enter(&mut self) -> TriedGuard<'_> {
        let outer = CURRENT.replace(Some(*self));
        TriedGuard { outer, tried: self }
    }

    /// Says whether an endpoint is among them.
    pub(crate) fn contains(&self, id: u64) -> bool {
        // No endpoint has the id 0, which fills the rest.
        self.ids.contains(&id)
    }

    /// Says whether there is a retry around the running request that keeps them, and whether it has
    /// tried any.
    #[inline]
    pub(crate) fn current() -> (bool, bool) {
        match CURRENT.get() {
            None => (false, false),
            Some(tried) => (true, tried.count > 0),
        }
    }

    /// Says whether an endpoint is among those of the running request.
    pub(crate) fn is_current(id: u64) -> bool {
        CURRENT.get().is_some_and(|tried| tried.contains(id))
    }

    /// Adds an endpoint to those of the running request.
    #[inline]
    pub(crate) fn note(id: u64) {
        if let Some(mut tried) = CURRENT.get()
            && !tried.contains(id)
        {
            tried.ids[tried.count as usize % tried.ids.len()] = id;
            tried.count += 1;
            CURRENT.set(Some(tried));
        }
    }
}

/// Puts the outer request's endpoints back, also when the code under it panics.
#[derive(Debug)]
pub(crate) struct TriedGuard<'a> {
    outer: Option<Tried>,
    tried: &'a mut Tried,
}

impl Drop for TriedGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(tried) = CURRENT.replace(self.outer) {
            *self.tried = tried;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_keeps_what_was_tried_for_it_and_nobody_else() {
        let (mut outer, mut inner) = (Tried::default(), Tried::default());
        {
            let _outer = outer.enter();
            Tried::note(1);
            {
                let _inner = inner.enter();
                assert_eq!(Tried::current(), (true, false));
                Tried::note(2);
            }
            assert_eq!(Tried::current(), (true, true));
            assert!(Tried::is_current(1) && !Tried::is_current(2));
        }
        assert!(outer.contains(1) && !outer.contains(2) && inner.contains(2));
        Tried::note(3);
        assert_eq!(Tried::current(), (false, false));
        assert!(!Tried::is_current(1));
    }

    #[test]
    fn the_last_four_are_kept() {
        let mut tried = Tried::default();
        let guard = tried.enter();
        (1..=10).for_each(Tried::note);
        drop(guard);
        assert!(!tried.contains(6) && (7..=10).all(|id| tried.contains(id)));
    }
}
