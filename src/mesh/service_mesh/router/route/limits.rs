use std::sync::Arc;

use http::{Extensions, HeaderMap};

use crate::foundation::admission::{Admission, Gate, NoQueue, Ticket};
use crate::foundation::http::{RequestHead, ResponseHead};
use crate::foundation::outcome::{Failure, Outcome, Rejection};
use crate::policies::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitTicket};
use crate::policies::traffic_split::ResponseActions;

/// Any number of rate limits in sequence, as the documents set them: the dynamic form of
/// [`RateLimitGate`](crate::rate_limit::RateLimitGate).
#[derive(Clone, Debug)]
pub struct RateLimits {
    gates: Arc<[RateLimitGate]>,
}

impl RateLimits {
    /// Creates a sequence of limits; none of them may have a queue.
    pub(in crate::mesh) fn new<'a>(layers: impl IntoIterator<Item = &'a RateLimitLayer>) -> Self {
        Self {
            gates: layers.into_iter().map(RateLimitLayer::gate).collect(),
        }
    }
}

impl Gate for RateLimits {
    type Ticket = RateLimitsTicket;
    type Wait = NoQueue<RateLimitsTicket>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<RateLimitsTicket, Self::Wait> {
        admit(&*self.gates, head)
    }
}

/// Admits a request to one limit after another. An admitted request is charged even if a later limit rejects it.
///
/// The ticket of a rejected request writes the headers of the limit that rejected it.
#[inline]
pub(in crate::mesh) fn admit<'a>(
    gates: impl IntoIterator<Item = &'a RateLimitGate>,
    head: RequestHead<'_>,
) -> Admission<RateLimitsTicket, NoQueue<RateLimitsTicket>> {
    let mut tickets = RateLimitsTicket(Tickets::None);
    for gate in gates {
        match gate.admit(head) {
            Admission::Admitted(ticket) => tickets.add(ticket),
            Admission::RejectedInside(_, rejection) | Admission::Rejected(rejection) => {
                let refused = Tickets::Rejected(Box::new(Refused {
                    gate: gate.clone(),
                    on_response: None,
                    rejection,
                }));
                return Admission::RejectedInside(RateLimitsTicket(refused), rejection);
            }
            Admission::Waiting(_) => unreachable!("no limit of a document has a queue"),
        }
    }
    Admission::Admitted(tickets)
}

/// Ticket of a request that all limits admitted, or that one of them rejected.
#[derive(Debug)]
pub struct RateLimitsTicket(Tickets);

#[derive(Debug)]
enum Tickets {
    None,
    One(RateLimitTicket),
    Rejected(Box<Refused>),
    Several(Vec<RateLimitTicket>),
}

/// Rejection by a limit, with the headers for its reply.
#[derive(Debug)]
struct Refused {
    gate: RateLimitGate,
    /// Header changes of the request's route.
    on_response: Option<ResponseActions>,
    rejection: Rejection,
}

impl RateLimitsTicket {
    /// Adds the header changes of the request's route to the reply to a rejected request.
    pub(in crate::mesh) fn with_local_reply(
        mut self,
        on_response: Option<ResponseActions>,
    ) -> Self {
        if let Tickets::Rejected(refused) = &mut self.0 {
            refused.on_response = on_response;
        }
        self
    }

    fn add(&mut self, ticket: RateLimitTicket) {
        if !ticket.is_active() {
            return;
        }
        self.0 = match std::mem::replace(&mut self.0, Tickets::None) {
            Tickets::One(first) => Tickets::Several(vec![first, ticket]),
            Tickets::Several(mut all) => {
                all.push(ticket);
                Tickets::Several(all)
            }
            Tickets::None | Tickets::Rejected(_) => Tickets::One(ticket),
        };
    }

    fn each(&mut self, act: impl FnMut(&mut RateLimitTicket)) {
        match &mut self.0 {
            Tickets::None | Tickets::Rejected(_) => {}
            Tickets::One(ticket) => [ticket].into_iter().for_each(act),
            Tickets::Several(all) => all.iter_mut().for_each(act),
        }
    }
}

impl Ticket for RateLimitsTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn wants_outcome(&self) -> bool {
        false
    }

    fn is_active(&self) -> bool {
        !matches!(self.0, Tickets::None)
    }

    #[inline]
    fn forward(&mut self, headers: &mut HeaderMap) -> bool {
        let mut changed = false;
        self.each(|ticket| changed |= ticket.forward(headers));
        changed
    }

    fn on_response(&mut self, head: ResponseHead<'_>) {
        self.each(|ticket| ticket.on_response(head));
    }

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        match &mut self.0 {
            Tickets::None => {}
            Tickets::One(ticket) => {
                if ticket.is_charged() {
                    ticket.write_headers(headers);
                }
            }
            Tickets::Rejected(refused) => {
                refused.gate.write_headers(refused.rejection, headers);
                if let Some(on_response) = &refused.on_response {
                    on_response.apply(headers);
                }
            }
            // Reversed, so that the first charged limit writes last and wins, as in Envoy: a matching descriptor
            // comes before the default bucket.
            Tickets::Several(all) => {
                let charged = all.iter_mut().rev().filter(|ticket| ticket.is_charged());
                charged.for_each(|ticket| ticket.write_headers(headers));
            }
        }
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        if let Tickets::Rejected(refused) = &self.0 {
            refused.gate.write_extensions(refused.rejection, extensions);
        }
        self.each(|ticket| ticket.write_extensions(extensions));
    }
}
