use std::sync::Arc;

use http::{Extensions, HeaderMap};

use crate::base::gate::{Admission, Gate, Never, Ticket};
use crate::base::{Failure, Outcome, Rejection, RequestHead, ResponseHead};
use crate::rate_limit::{RateLimitGate, RateLimitLayer, RateLimitTicket};
use crate::traffic_split::OnResponse;

/// As many rate limits as the documents set, one after another:
/// [`RateLimitGate`](crate::rate_limit::RateLimitGate) for a number of them that no type knows.
#[derive(Clone, Debug)]
pub struct Limits {
    gates: Arc<[RateLimitGate]>,
}

impl Limits {
    /// Puts limits together; none of them may have a queue.
    pub(super) fn new<'a>(layers: impl IntoIterator<Item = &'a RateLimitLayer>) -> Self {
        Self {
            gates: layers.into_iter().map(RateLimitLayer::gate).collect(),
        }
    }
}

impl Gate for Limits {
    type Ticket = LimitsTicket;
    type Wait = Never<LimitsTicket>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<LimitsTicket, Self::Wait> {
        admit(&*self.gates, head)
    }
}

/// Asks one limit after another; one that lets a request in is charged, whatever the next one says.
///
/// The ticket of a request that is turned away writes on the answer what its limit has to say.
#[inline]
pub(super) fn admit<'a>(
    gates: impl IntoIterator<Item = &'a RateLimitGate>,
    head: RequestHead<'_>,
) -> Admission<LimitsTicket, Never<LimitsTicket>> {
    let mut tickets = LimitsTicket(Tickets::None);
    for gate in gates {
        match gate.admit(head) {
            Admission::Admitted(ticket) => tickets.add(ticket),
            Admission::Refused(_, rejection) | Admission::Rejected(rejection) => {
                let refused = Tickets::Refused(Box::new(Refused {
                    gate: gate.clone(),
                    on_response: None,
                    rejection,
                }));
                return Admission::Refused(LimitsTicket(refused), rejection);
            }
            Admission::Waiting(_) => unreachable!("no limit of a document has a queue"),
        }
    }
    Admission::Admitted(tickets)
}

/// A request that all limits let in, or that one of them turned away.
#[derive(Debug)]
pub struct LimitsTicket(Tickets);

#[derive(Debug)]
enum Tickets {
    None,
    One(RateLimitTicket),
    Refused(Box<Refused>),
    Several(Vec<RateLimitTicket>),
}

/// What is said on the answer to a request that was turned away.
#[derive(Debug)]
struct Refused {
    gate: RateLimitGate,
    /// What its route has to say.
    on_response: Option<OnResponse>,
    rejection: Rejection,
}

impl LimitsTicket {
    /// Does to the answer to a request that was turned away what its route does to those of upstreams.
    pub(super) fn with_local_reply(mut self, on_response: Option<OnResponse>) -> Self {
        if let Tickets::Refused(refused) = &mut self.0 {
            refused.on_response = on_response;
        }
        self
    }

    fn add(&mut self, ticket: RateLimitTicket) {
        if !ticket.watches() {
            return;
        }
        self.0 = match std::mem::replace(&mut self.0, Tickets::None) {
            Tickets::One(first) => Tickets::Several(vec![first, ticket]),
            Tickets::Several(mut all) => {
                all.push(ticket);
                Tickets::Several(all)
            }
            Tickets::None | Tickets::Refused(_) => Tickets::One(ticket),
        };
    }

    fn each(&mut self, act: impl FnMut(&mut RateLimitTicket)) {
        match &mut self.0 {
            Tickets::None | Tickets::Refused(_) => {}
            Tickets::One(ticket) => [ticket].into_iter().for_each(act),
            Tickets::Several(all) => all.iter_mut().for_each(act),
        }
    }
}

impl Ticket for LimitsTicket {
    fn head(&mut self, _outcome: Outcome) {}

    fn broken(&mut self, _failure: Failure) {}

    fn hears_outcome(&self) -> bool {
        false
    }

    fn watches(&self) -> bool {
        !matches!(self.0, Tickets::None)
    }

    fn inspect(&mut self, head: ResponseHead<'_>) {
        self.each(|ticket| ticket.inspect(head));
    }

    fn annotate(&mut self, headers: &mut HeaderMap) {
        if let Tickets::Refused(refused) = &self.0 {
            refused.gate.annotate(refused.rejection, headers);
            if let Some(on_response) = &refused.on_response {
                on_response.apply(headers);
            }
        }
        self.each(|ticket| ticket.annotate(headers));
    }

    fn extend(&mut self, extensions: &mut Extensions) {
        self.each(|ticket| ticket.extend(extensions));
    }
}
