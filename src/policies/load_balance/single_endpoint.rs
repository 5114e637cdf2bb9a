//! What needs no choice, and so no look at the table: a policy that is off, and a lone endpoint.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::table::{EndpointTable, Mode};
use crate::foundation::endpoints::Endpoint;

/// Where every request goes, as long as that is so.
#[derive(Debug)]
pub(super) struct SingleEndpoint {
    is_off: AtomicBool,
    /// The only endpoint that there was when all began: of another, the table knows.
    only: Option<Endpoint>,
    /// The version of the endpoints in which that is still the only one, and of which nobody is told.
    version: AtomicU64,
}

/// Where a request goes that nobody has to choose for.
pub(super) enum Bypass<'a> {
    Only(&'a Endpoint),
    /// Wherever it is addressed to.
    Untouched,
}

/// Of no endpoints: versions are counted from 0.
const NEVER: u64 = u64::MAX;

impl SingleEndpoint {
    pub(super) fn new<S>(table: &EndpointTable<S>) -> Self {
        let single = Self {
            is_off: AtomicBool::new(false),
            only: table.only().map(|entry| entry.endpoint.clone()),
            version: AtomicU64::new(NEVER),
        };
        single.follow(table);
        single
    }

    /// Takes note of a new table.
    pub(super) fn follow<S>(&self, table: &EndpointTable<S>) {
        let only = table.only().map(|entry| &entry.endpoint);
        let is_same = only.is_some() && only == self.only.as_ref();
        let version = if is_same { table.version() } else { NEVER };
        // Relaxed: a request that still sees what was here began before the change.
        self.version.store(version, Ordering::Relaxed);
        let is_off = table.mode == Mode::Off;
        self.is_off.store(is_off, Ordering::Relaxed);
    }

    /// Returns where every request goes, given the version of the endpoints as they are now.
    #[inline]
    pub(super) fn find(&self, version: u64) -> Option<Bypass<'_>> {
        if self.is_off.load(Ordering::Relaxed) {
            return Some(Bypass::Untouched);
        }
        let only = self.only.as_ref()?;
        (self.version.load(Ordering::Relaxed) == version).then_some(Bypass::Only(only))
    }
}
