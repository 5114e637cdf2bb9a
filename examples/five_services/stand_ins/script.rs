//! What goes wrong at a stand-in, and when.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::StatusCode;

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The answer comes late.
    Delay(Duration),
    /// No answer ever comes.
    Hang,
    /// The connection is reset once the request is read.
    Reset,
    /// The answer is this status.
    Status(StatusCode),
    /// The answer is 429, and says how many seconds to stay away.
    TooMany(u32),
}

/// Script of failures by request; without entries every request succeeds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<Plan>>);

#[derive(Debug, Default)]
struct Plan {
    always: Option<Fault>,
    cycle: Vec<Option<Fault>>,
    next: VecDeque<Fault>,
    played: usize,
}

impl Script {
    /// Lets `fault` happen to the next request that has none planned.
    pub(crate) fn then(&self, fault: Fault) {
        self.plan().next.push_back(fault);
    }

    /// Lets `fault` happen to every request, until [`heal`](Self::heal).
    pub(crate) fn always(&self, fault: Fault) {
        self.plan().always = Some(fault);
    }

    /// Goes through `cycle` again and again, one entry a request, until [`heal`](Self::heal).
    pub(crate) fn cycle(&self, cycle: Vec<Option<Fault>>) {
        let mut plan = self.plan();
        plan.cycle = cycle;
        plan.played = 0;
    }

    /// Ends all trouble.
    pub(crate) fn heal(&self) {
        *self.plan() = Plan::default();
    }

    /// Does what a path such as `/fault/500` asks for; says whether it asks for anything.
    ///
    /// It is meant for trying the services by hand.
    pub(crate) fn obey(&self, path: &str) -> bool {
        let Some(wish) = path.strip_prefix("/fault/") else {
            return false;
        };
        let status = wish.parse().ok().map(Fault::Status);
        match wish {
            "hang" => self.always(Fault::Hang),
            "reset" => self.always(Fault::Reset),
            _ => status.map_or_else(|| self.heal(), |fault| self.always(fault)),
        }
        true
    }

    /// Returns what goes wrong with the request that just arrived.
    pub(crate) fn fault(&self) -> Option<Fault> {
        let mut plan = self.plan();
        if let Some(fault) = plan.next.pop_front() {
            return Some(fault);
        }
        if plan.cycle.is_empty() {
            return plan.always;
        }
        let turn = plan.played % plan.cycle.len();
        plan.played += 1;
        plan.cycle[turn]
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
