use http::{HeaderMap, HeaderValue, header};

use super::seat::Seated;
use crate::base::gate::Ticket;
use crate::base::{Endpoint, EndpointObserver, Failure, Outcome};

/// A request that is under way to an endpoint.
#[derive(Debug)]
pub struct BalanceTicket {
    /// Given to a caller who came without. Boxed: few responses carry one.
    cookie: Option<Box<HeaderValue>>,
    sent: Sent,
    settled: bool,
}

#[derive(Debug)]
enum Sent {
    Counted(Seated),
    /// Wherever it is addressed to.
    Unchosen,
    /// The one endpoint that there is: nobody compares.
    Uncounted(Endpoint),
}

impl BalanceTicket {
    pub(super) const fn new(seated: Seated, cookie: Option<Box<HeaderValue>>) -> Self {
        Self::of(Sent::Counted(seated), cookie)
    }

    pub(super) const fn unchosen() -> Self {
        Self::of(Sent::Unchosen, None)
    }

    /// Nobody hears of it.
    pub(super) const fn unwatched(endpoint: Endpoint) -> Self {
        Self::of(Sent::Uncounted(endpoint), None)
    }

    /// Reports how a call that is not HTTP turned out, and that it is over. One that is dropped instead
    /// says nothing of the endpoint.
    pub fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.report(outcome);
    }

    /// The endpoint that was chosen; none if the policy is off.
    #[must_use]
    pub fn endpoint(&self) -> Option<&Endpoint> {
        match &self.sent {
            Sent::Counted(seated) => Some(seated.endpoint()),
            Sent::Unchosen => None,
            Sent::Uncounted(endpoint) => Some(endpoint),
        }
    }

    const fn of(sent: Sent, cookie: Option<Box<HeaderValue>>) -> Self {
        Self {
            cookie,
            sent,
            settled: false,
        }
    }

    fn observer(&self) -> Option<&dyn EndpointObserver> {
        match &self.sent {
            Sent::Counted(seated) => seated.observer(),
            Sent::Unchosen | Sent::Uncounted(_) => None,
        }
    }

    fn report(&self, outcome: Outcome) {
        if let (Some(observer), Some(endpoint)) = (self.observer(), self.endpoint()) {
            observer.report(endpoint, outcome);
        }
    }
}

impl Ticket for BalanceTicket {
    fn head(&mut self, outcome: Outcome) {
        self.settled = true;
        self.report(outcome);
    }

    fn broken(&mut self, failure: Failure) {
        self.report(Outcome::Failed(failure));
    }

    fn hears_outcome(&self) -> bool {
        self.observer().is_some()
    }

    fn watches(&self) -> bool {
        !matches!(self.sent, Sent::Unchosen)
    }

    fn annotate(&mut self, headers: &mut HeaderMap) {
        if let Some(cookie) = self.cookie.take() {
            headers.append(header::SET_COOKIE, *cookie);
        }
    }
}

/// What our own timeout cuts off is the endpoint's failure; whose caller went away says nothing of it.
impl Drop for BalanceTicket {
    fn drop(&mut self) {
        if !self.settled
            && self.hears_outcome()
            && let outcome @ Outcome::Failed(_) = Outcome::of_drop()
        {
            self.report(outcome);
        }
    }
}
