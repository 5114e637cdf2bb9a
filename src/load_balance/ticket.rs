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
        }
    }

    pub(super) const fn unchosen() -> Self {
        Self {
            cookie: None,
            observer: None,
            sent: Sent::Unchosen,
        }
    }

    pub(super) const fn unwatched(endpoint: Endpoint) -> Self {
        Self {
            cookie: None,
            observer: None,
            sent: Sent::Uncounted(endpoint),
        }
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
        self.report(outcome);
    }

    fn broken(&mut self, failure: Failure) {
        self.report(Outcome::Failed(failure));
    }

    fn annotate(&mut self, headers: &mut HeaderMap) {
        if let Some(cookie) = self.cookie.take() {
            headers.append(header::SET_COOKIE, *cookie);
        }
    }
}
