//! Moves the routes of a client to another plan.

use std::collections::HashSet;
use std::sync::{Arc, PoisonError};

use super::destination::Key;
use super::discarded::Leftover;
use super::leftover::OldRoutes;
use super::proxy::Follow;
use super::routes::Routes;
use super::table::Table;

/// So many are taken out under one lock, which requests for hosts that are new to it wait for.
const STEP: usize = 64;

impl<S: Clone + Send + Sync + 'static, B: 'static> Follow for Routes<S, B> {
    fn follow(&self, gone: &[Key]) -> Option<Box<dyn Leftover>> {
        let _one = self
            .following
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let live = self.proxy().live();
        if self.table.load().live.version >= live.version {
            return None;
        }
        let hosts = live.outbound.hosts.iter();
        let hosts: HashSet<Arc<str>> = hosts.map(|host| Arc::clone(&host.id)).collect();
        let mut left = OldRoutes::new(self.table.swap(Arc::new(Table::of(live))));
        for some in gone.chunks(STEP) {
            let mut known = self.lock();
            let some = some.iter().filter_map(|key| known.of(key).remove(key));
            left.destinations.extend(some);
        }
        let mut known = self.lock();
        let unnamed = known.unnamed.extract_if(|key, _| !self.proxy().knows(key));
        left.destinations
            .extend(unnamed.map(|(_, reached)| reached));
        let mirrors = known
            .mirrors
            .extract_if(|key, _| !hosts.contains(&key.host));
        left.mirrors.extend(mirrors.map(|(_, (_, mirror))| mirror));
        Some(Box::new(left))
    }
}
