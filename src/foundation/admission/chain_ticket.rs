use std::fmt::{self, Debug, Formatter};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Response};

use super::{Gate, Ticket};
use crate::foundation::http::ResponseHead;
use crate::foundation::outcome::{Failure, Outcome, Rejection};

/// The tickets of two gates: every report goes to both, the inner one first.
pub struct ChainTicket<A, B: Gate> {
    // Declared in drop order: the inner ticket is released first, as with nested layers.
    pub(super) inner: Inner<B>,
    pub(super) outer: A,
}

pub(super) enum Inner<B: Gate> {
    Admitted(B::Ticket),
    Rejected(Box<RejectedBy<B>>),
    /// The inner gate was not asked: the outer one has still to decide, or rejected the request
    /// inside.
    NotAsked,
}

/// An inner gate that rejected the request, kept to write its headers on the response.
#[derive(Debug)]
pub(super) struct RejectedBy<B> {
    gate: B,
    pub(super) rejection: Rejection,
}

impl<B: Gate> RejectedBy<B> {
    /// Writes the gate's headers and extensions into its response.
    #[cold]
    fn write<R>(&self, response: &mut Response<R>) {
        let rejection = self.rejection;
        self.gate.write_headers(rejection, response.headers_mut());
        let extensions = response.extensions_mut();
        self.gate.write_extensions(rejection, extensions);
    }
}

impl<A, B: Gate> ChainTicket<A, B> {
    #[inline]
    pub(super) const fn new(outer: A, inner: B::Ticket) -> Self {
        let inner = Inner::Admitted(inner);
        Self { inner, outer }
    }

    pub(super) const fn outer_only(outer: A) -> Self {
        let inner = Inner::NotAsked;
        Self { inner, outer }
    }

    #[cold]
    pub(super) fn rejected(outer: A, gate: &B, rejection: Rejection) -> Self {
        let gate = gate.clone();
        let inner = Inner::Rejected(Box::new(RejectedBy { gate, rejection }));
        Self { inner, outer }
    }

    #[inline]
    const fn inner(&mut self) -> Option<&mut B::Ticket> {
        match &mut self.inner {
            Inner::Admitted(inner) => Some(inner),
            Inner::Rejected(_) | Inner::NotAsked => None,
        }
    }
}

impl<A, B: Gate> Debug for ChainTicket<A, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let admitted = matches!(self.inner, Inner::Admitted(_));
        f.debug_struct("ChainTicket")
            .field("admitted", &admitted)
            .finish_non_exhaustive()
    }
}

impl<A: Ticket, B: Gate> Ticket for ChainTicket<A, B> {
    fn on_outcome(&mut self, outcome: Outcome) {
        if let Some(inner) = self.inner()
            && inner.wants_outcome()
        {
            inner.on_outcome(outcome);
        }
        if self.outer.wants_outcome() {
            self.outer.on_outcome(outcome);
        }
    }

    fn on_body_error(&mut self, failure: Failure) {
        if let Some(inner) = self.inner()
            && inner.wants_outcome()
        {
            inner.on_body_error(failure);
        }
        if self.outer.wants_outcome() {
            self.outer.on_body_error(failure);
        }
    }

    #[inline]
    fn forward(&mut self, headers: &mut HeaderMap) -> bool {
        let inner = self.inner().is_some_and(|inner| inner.forward(headers));
        self.outer.forward(headers) || inner
    }

    fn on_response(&mut self, head: ResponseHead<'_>) {
        if let Some(inner) = self.inner() {
            inner.on_response(head);
        }
        self.outer.on_response(head);
    }

    #[inline]
    fn on_data(&mut self, data: &Bytes) {
        if let Some(inner) = self.inner() {
            inner.on_data(data);
        }
        self.outer.on_data(data);
    }

    fn write_headers(&mut self, headers: &mut HeaderMap) {
        match &mut self.inner {
            Inner::Admitted(inner) => inner.write_headers(headers),
            Inner::Rejected(refused) => refused.gate.write_headers(refused.rejection, headers),
            Inner::NotAsked => {}
        }
        self.outer.write_headers(headers);
    }

    fn write_extensions(&mut self, extensions: &mut Extensions) {
        match &mut self.inner {
            Inner::Admitted(inner) => inner.write_extensions(extensions),
            Inner::Rejected(refused) => {
                refused.gate.write_extensions(refused.rejection, extensions);
            }
            Inner::NotAsked => {}
        }
        self.outer.write_extensions(extensions);
    }

    #[inline]
    fn wants_outcome(&self) -> bool {
        let inner = matches!(&self.inner, Inner::Admitted(inner) if inner.wants_outcome());
        inner || self.outer.wants_outcome()
    }

    #[inline]
    fn is_active(&self) -> bool {
        let inner = match &self.inner {
            Inner::Admitted(inner) => inner.is_active(),
            // Kept to write the inner gate's headers on the rejection.
            Inner::Rejected(_) => true,
            Inner::NotAsked => false,
        };
        inner || self.outer.is_active()
    }

    fn classify<E: 'static>(&self, error: &E) -> Outcome {
        // One classification for both: the chain reports the error once, as it arrived.
        self.outer.classify(error)
    }

    #[inline]
    fn handle_response<R>(&mut self, response: &mut Response<R>, outcome: Option<Outcome>) {
        match &mut self.inner {
            Inner::Admitted(inner) => inner.handle_response(response, outcome),
            Inner::Rejected(refused) => refused.write(response),
            Inner::NotAsked => {}
        }
        self.outer.handle_response(response, outcome);
    }

    fn handle_error<E: 'static>(&mut self, error: &E) {
        if let Some(inner) = self.inner() {
            inner.handle_error(error);
        }
        self.outer.handle_error(error);
    }

    fn handle_body_error<E: 'static>(&mut self, error: &E, undecided: bool) {
        if let Some(inner) = self.inner() {
            inner.handle_body_error(error, undecided);
        }
        self.outer.handle_body_error(error, undecided);
    }
}
