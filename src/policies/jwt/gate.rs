use http::{Extensions, HeaderMap, HeaderValue, header};

use crate::foundation::admission::{Admission, Gate, NoQueue, Ticket};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{Failure, JwtStatus, Outcome, Rejection};

/// The refusal of a request, as an extension of it, which the service around the gate inserts.
#[derive(Clone, Debug)]
pub(super) struct JwtRefusal {
    pub(super) challenge: HeaderValue,
    pub(super) status: JwtStatus,
}

/// Gate that answers the requests whose tokens were refused.
///
/// The tokens are checked by [`Authenticate`](super::Authenticate) around it, which may change the request; so the answer has
/// its place inside the span of the request.
#[derive(Clone, Debug)]
pub struct JwtGate {
    emitter: Emitter,
}

impl JwtGate {
    pub(super) const fn new(emitter: Emitter) -> Self {
        Self { emitter }
    }
}

impl Gate for JwtGate {
    type Ticket = JwtTicket;
    type Wait = NoQueue<JwtTicket>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<JwtTicket, Self::Wait> {
        match head.extensions().get::<JwtRefusal>() {
            None => Admission::Admitted(JwtTicket(None)),
            Some(refusal) => self.refuse(refusal),
        }
    }
}

impl JwtGate {
    #[cold]
    fn refuse(&self, refusal: &JwtRefusal) -> Admission<JwtTicket, NoQueue<JwtTicket>> {
        let rejection = Rejection::Unauthenticated(refusal.status);
        self.emitter.emit(&EventKind::Rejected(rejection));
        let challenge = (refusal.challenge.clone(), self.emitter.clone());
        Admission::RejectedInside(JwtTicket(Some(Box::new(challenge))), rejection)
    }
}

/// Ticket of a request; of one that was refused it writes the challenge (`www-authenticate`).
#[derive(Debug)]
pub struct JwtTicket(Option<Box<(HeaderValue, Emitter)>>);

impl Ticket for JwtTicket {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, _failure: Failure) {}

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        if let Some(refused) = &self.0 {
            headers.insert(header::WWW_AUTHENTICATE, refused.0.clone());
        }
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        if let Some(refused) = &self.0 {
            refused.1.write_source(extensions);
        }
    }

    fn wants_outcome(&self) -> bool {
        false
    }

    fn is_active(&self) -> bool {
        self.0.is_some()
    }
}
