//! Shortcut past the table for cases without a choice: a policy that is off, and a single endpoint.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::table::{EndpointTable, Mode};
use crate::foundation::endpoints::Endpoint;

/// Single endpoint of all requests, while there is only one.
#[derive(Debug)]
pub(super) struct SingleEndpoint {
    is_off: AtomicBool,
    /// Endpoint that was the only one when the balancer was created; one that appears later is found
    /// in the table.
    only: Option<Endpoint>,
    /// Endpoint-set version for which the shortcut holds: one available endpoint and no observer.
    version: AtomicU64,
}

/// Destination of a request that needs no choice.
pub(super) enum Bypass<'a> {
    Only(&'a Endpoint),
    /// The address in the request.
    Untouched,
}

/// Version that no endpoint set has: versions are counted from 0.
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

    /// Updates the shortcut for a new table.
    pub(super) fn follow<S>(&self, table: &EndpointTable<S>) {
        let only = table.only().map(|entry| &entry.endpoint);
        let is_same = only.is_some() && only == self.only.as_ref();
        let version = if is_same { table.version() } else { NEVER };
        // Relaxed: a request that still sees the old values counts as one that began before the
        // change.
        self.version.store(version, Ordering::Relaxed);
        let is_off = table.mode == Mode::Off;
        self.is_off.store(is_off, Ordering::Relaxed);
    }

    /// Returns the destination of every request at this version of the endpoints, if there is just
    /// one.
    #[inline]
    pub(super) fn find(&self, version: u64) -> Option<Bypass<'_>> {
        if self.is_off.load(Ordering::Relaxed) {
            return Some(Bypass::Untouched);
        }
        let only = self.only.as_ref()?;
        (self.version.load(Ordering::Relaxed) == version).then_some(Bypass::Only(only))
    }
}
