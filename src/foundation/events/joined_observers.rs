use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;

use super::{Event, Observe};

/// Observers that joined after the layers were made, beside the one that those were made with.
///
/// Each observes until its last other owner drops it.
#[derive(Default)]
pub(crate) struct JoinedObservers(ArcSwap<Vec<Weak<dyn Observe>>>);

impl JoinedObservers {
    /// Adds an observer. Layers that were made before do not report the ends of requests to it, unless they did so
    /// already.
    pub(crate) fn join(&self, observe: &Arc<dyn Observe>) {
        self.0.rcu(|all| {
            let living = all.iter().filter(|one| one.strong_count() > 0);
            living
                .cloned()
                .chain([Arc::downgrade(observe)])
                .collect::<Vec<_>>()
        });
    }
}

impl Observe for JoinedObservers {
    fn on_event(&self, event: &Event<'_>) {
        let is_decision = event.kind().completion().is_none();
        for observe in self.0.load().iter().filter_map(Weak::upgrade) {
            if is_decision || observe.observes_requests() {
                observe.on_event(event);
            }
        }
    }

    fn observes_requests(&self) -> bool {
        let all = self.0.load();
        let mut living = all.iter().filter_map(Weak::upgrade);
        living.any(|observe| observe.observes_requests())
    }
}

impl Debug for JoinedObservers {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinedObservers")
            .field("len", &self.0.load().len())
            .finish()
    }
}
