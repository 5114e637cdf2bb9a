use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::external::CheckFuture;
use super::ticket::{AuthorizationTicket, Checked, Held};
use crate::foundation::outcome::{Rejection, Source};

/// The wait of a request for an external authorizer.
pub struct AuthorizationWait {
    pub(super) check: CheckFuture,
    pub(super) rule: Arc<Source>,
}

impl AuthorizationWait {
    /// Waits for the decision.
    pub(super) fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Box<Checked>> {
        let result = ready!(self.check.as_mut().poll(cx));
        let result = result.inspect_err(|error| {
            tracing::debug!(%error, "external authorizer failed");
        });
        Poll::Ready(Box::new(Checked {
            result: result.ok(),
            source: Arc::clone(&self.rule),
        }))
    }
}

impl Future for AuthorizationWait {
    type Output = Result<AuthorizationTicket, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let checked = ready!(self.poll_checked(cx));
        Poll::Ready(Ok(AuthorizationTicket(Held::Checked(checked))))
    }
}

impl Debug for AuthorizationWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationWait").finish_non_exhaustive()
    }
}
