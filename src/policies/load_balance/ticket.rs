use std::sync::Arc;

use http::{HeaderMap, HeaderValue, header};

use crate::foundation::admission::Ticket;
use crate::foundation::endpoints::{Endpoint, EndpointObserver};
use crate::foundation::outcome::{Failure, Outcome};
use crate::foundation::sync::sharded_arc::LocalArc;

/// Ticket of a request in flight to an endpoint.
#[derive(Debug)]
pub struct BalanceTicket {
    /// Cookie for a caller without one. Boxed: few responses set one.
    cookie: Option<Box<HeaderValue>>,
    /// None if the request keeps its own address.
    endpoint: Option<Endpoint>,
    /// None if there is no observer.
    observer: Option<Observer>,
    settled: bool,
}

/// Observer of the attempts at all endpoints of a balancer, with a reference count for each thread.
pub(super) type Observer = LocalArc<Arc<dyn EndpointObserver>>;

impl BalanceTicket {
    /// Creates the ticket of a request to `endpoint`, whose count of requests in flight it holds.
    #[inline]
    pub(super) const fn new(
        endpoint: Endpoint,
        observer: Option<Observer>,
        cookie: Option<Box<HeaderValue>>,
    ) -> Self {
        Self {
            cookie,
            endpoint: Some(endpoint),
            observer,
            settled: false,
        }
    }

    #[inline]
    pub(super) const fn unchosen() -> Self {
        Self {
            cookie: None,
            endpoint: None,
            observer: None,
            settled: false,
        }
    }

    /// Reports the outcome of a call that is not HTTP, and ends it. A ticket that is dropped
    /// instead reports nothing about the endpoint.
    pub fn settle(mut self, outcome: Outcome) {
        self.settled = true;
        self.report(outcome);
    }

    /// Returns the chosen endpoint; none if the policy is off.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        self.endpoint.as_ref()
    }

    fn report(&self, outcome: Outcome) {
        if let (Some(observer), Some(endpoint)) = (&self.observer, &self.endpoint) {
            observer.report(endpoint, outcome);
        }
    }

    #[cold]
    fn set_cookie(&mut self, headers: &mut HeaderMap) {
        if let Some(cookie) = self.cookie.take() {
            headers.append(header::SET_COOKIE, *cookie);
        }
    }

    /// Reports a call that was dropped: a timeout of this crate is the endpoint's failure, whereas
    /// a caller that went away is not.
    #[cold]
    fn cancel_as_timeout(&self) {
        if let outcome @ Outcome::Failed(_) = Outcome::on_drop() {
            self.report(outcome);
        }
    }
}

impl Ticket for BalanceTicket {
    fn on_outcome(&mut self, outcome: Outcome) {
        self.settled = true;
        self.report(outcome);
    }

    fn on_body_error(&mut self, failure: Failure) {
        self.report(Outcome::Failed(failure));
    }

    #[inline]
    fn wants_outcome(&self) -> bool {
        self.observer.is_some()
    }

    #[inline]
    fn is_active(&self) -> bool {
        self.endpoint.is_some()
    }

    #[inline]
    fn write_headers(&mut self, headers: &mut HeaderMap) {
        if self.cookie.is_some() {
            self.set_cookie(headers);
        }
    }
}

impl Drop for BalanceTicket {
    #[inline]
    fn drop(&mut self) {
        if !self.settled && self.wants_outcome() {
            self.cancel_as_timeout();
        }
    }
}
