use std::sync::Arc;

use super::state::State;
use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::Outcome;

/// A retry that waits or runs.
#[derive(Debug)]
pub(in crate::policies::retry) struct Slot {
    bill: Bill,
    state: Arc<State>,
}

/// Payment for a retry.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Bill {
    Free,
    /// It is paid for once it fails: the try before it reached no server, which saw one request so far.
    Owed,
    Paid,
}

impl Slot {
    /// Takes a place among the retries that wait or run, if the limit that holds for so many requests in flight
    /// has room for it; else returns how many there are.
    pub(super) fn take(
        state: &Arc<State>,
        limit: impl Fn(u32) -> Option<u32>,
    ) -> Result<Self, u32> {
        state.enter(limit)?;
        Ok(Self {
            bill: Bill::Free,
            state: Arc::clone(state),
        })
    }

    pub(super) const fn with_bill(mut self, bill: Bill) -> Self {
        self.bill = bill;
        self
    }

    /// Settles a retry that ended so, which the policy may name as a failure. One that helped gives back what it
    /// cost, and what another one will.
    pub(in crate::policies::retry) fn settle(mut self, outcome: Outcome, failed: bool) {
        if failed || !helped(outcome) {
            return;
        }
        match self.bill {
            Bill::Free => {}
            Bill::Owed => self.state.credit(1),
            Bill::Paid => self.state.credit(2),
        }
        self.bill = Bill::Free;
    }
}

/// One whose end is not known is one that failed: its caller may have gone because it took too long.
impl Drop for Slot {
    fn drop(&mut self) {
        if self.bill == Bill::Owed {
            self.state.charge();
        }
        self.state.left();
    }
}

/// Says that a retry was no load in vain: an upstream answered it that is not in trouble, or a policy of ours kept
/// it from all of them.
fn helped(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Abandoned | Outcome::Failed(_) => false,
        Outcome::Grpc(status) => !matches!(
            status,
            GrpcStatus::DATA_LOSS
                | GrpcStatus::DEADLINE_EXCEEDED
                | GrpcStatus::INTERNAL
                | GrpcStatus::RESOURCE_EXHAUSTED
                | GrpcStatus::UNAVAILABLE
                | GrpcStatus::UNKNOWN
        ),
        Outcome::Rejected => true,
        Outcome::Status(status) => !status.is_server_error() && status.as_u16() != 429,
    }
}
