use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use crate::base::endpoint::InFlight;
use crate::base::gate::Ticket;
use crate::base::{Endpoint, EndpointObserver, Failure, Outcome};

/// A request that is under way to an endpoint.
#[derive(Debug)]
pub struct BalanceTicket {
    /// Given to a caller who came without. Boxed: few responses carry one.
    cookie: Option<Box<HeaderValue>>,
    observer: Option<Arc<dyn EndpointObserver>>,
    sent: Sent,
    settled: bool,
}

#[derive(Debug)]
enum Sent {
    Counted(InFlight),
    /// Wherever it was addressed to.
    Unchosen,
    /// The one endpoint that there is: nobody compares.
    Uncounted(Endpoint),
}

impl BalanceTicket {
    pub(super) const fn new(
        in_flight: InFlight,
        observer: Option<Arc<dyn EndpointObserver>>,
        cookie: Option<Box<HeaderValue>>,
    ) -> Self {
        Self {
            cookie,
            observer,
            sent: Sent::Counted(in_flight),
            settled: false,
        }
    }

    pub(super) const fn unchosen() -> Self {
        Self {
            cookie: None,
            observer: None,
            sent: Sent::Unchosen,
            settled: false,
        }
    }

    pub(super) const fn unwatched(endpoint: Endpoint) -> Self {
        Self {
            cookie: None,
            observer: None,
            sent: Sent::Uncounted(endpoint),
            settled: false,
        }
    }

    /// Reports how a call that is not HTTP turned out, and that it is over. One that is dropped instead
    /// says nothing of the endpoint.
    pub fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.report(outcome);
    }

    /// The endpoint that was chosen; none if the policy is off.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match &self.sent {
            Sent::Counted(in_flight) => Some(in_flight.endpoint()),
            Sent::Unchosen => None,
            Sent::Uncounted(endpoint) => Some(endpoint),
        }
    }

    fn report(&self, outcome: Outcome) {
        if let (Some(observer), Some(endpoint)) = (&self.observer, self.endpoint()) {
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
        self.observer.is_some()
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
            && self.observer.is_some()
            && let outcome @ Outcome::Failed(_) = Outcome::of_drop()
        {
            self.report(outcome);
        }
    }
}
