use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::change::Cause;
use super::mesh_state::MeshState;
use crate::foundation::time::clock;
use crate::istio::{Diagnostic, Severity};
use crate::mesh::service_mesh::Error;

/// Maximum number of remembered refusals.
const MAX_REFUSALS: usize = 10;
/// Maximum number of remembered errors of one refusal.
const MAX_ERRORS: usize = 20;

/// Changes that were refused, for operators.
#[derive(Debug, Default)]
pub(in crate::mesh) struct Refusals(Mutex<Refused>);

/// The number of refusals, and the newest ones.
#[derive(Clone, Debug, Default)]
pub(in crate::mesh) struct Refused {
    pub(in crate::mesh) count: u64,
    pub(in crate::mesh) last: VecDeque<Arc<Refusal>>,
}

/// One change that was refused.
#[derive(Debug)]
pub(in crate::mesh) struct Refusal {
    pub(in crate::mesh) at: SystemTime,
    pub(in crate::mesh) cause: Cause,
    /// Errors of the documents, the first ones.
    pub(in crate::mesh) errors: Vec<Diagnostic>,
    /// The error in one line.
    pub(in crate::mesh) text: Box<str>,
    /// The version that stayed.
    pub(in crate::mesh) version: u64,
}

impl MeshState {
    /// Remembers a change that was refused.
    pub(super) fn refuse(&self, cause: &Cause, error: &Error) {
        let version = self.snapshot().version;
        self.refusals.record(version, cause.clone(), error);
    }
}

impl Refusals {
    /// Remembers a refusal, in place of the oldest one if there are too many.
    fn record(&self, version: u64, cause: Cause, error: &Error) {
        let all = error.diagnostics();
        let errors = all
            .iter()
            .filter(|found| found.severity() == Severity::Error);
        let text = match errors.clone().count() {
            0 => error.to_string(),
            1 => "the documents have 1 error".to_owned(),
            count => format!("the documents have {count} errors"),
        };
        let refusal = Refusal {
            at: clock::system_time(),
            cause,
            errors: errors.take(MAX_ERRORS).cloned().collect(),
            text: text.into(),
            version,
        };
        let mut refused = self.lock();
        refused.count += 1;
        if refused.last.len() >= MAX_REFUSALS {
            refused.last.pop_front();
        }
        refused.last.push_back(Arc::new(refusal));
    }

    pub(in crate::mesh) fn current(&self) -> Refused {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Refused> {
        // Each refusal stands alone, so a poisoned lock is still usable.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
