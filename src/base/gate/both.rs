use std::fmt::{self, Debug, Formatter};

use http::{Extensions, HeaderMap, Response};

use super::{Gate, Ticket};
use crate::base::{Failure, Outcome, Rejection, ResponseHead};

/// The tickets of two gates: what one is told, both are, the inner one first.
pub struct Both<A, B: Gate> {
    // In the order in which they are dropped: as the layers' would be.
    pub(super) inner: Inner<B>,
    pub(super) outer: A,
}

pub(super) enum Inner<B: Gate> {
    Admitted(B::Ticket),
    Refused(Box<Refused<B>>),
    /// The outer gate has still to decide, or has decided alone.
    Unasked,
}

/// A gate that turned the request away, and still has to write on the answer.
#[derive(Debug)]
pub(super) struct Refused<B> {
    gate: B,
    pub(super) rejection: Rejection,
}

impl<A, B: Gate> Both<A, B> {
    #[inline]
    pub(super) const fn new(outer: A, inner: B::Ticket) -> Self {
        let inner = Inner::Admitted(inner);
        Self { inner, outer }
    }

    pub(super) const fn unasked(outer: A) -> Self {
        let inner = Inner::Unasked;
        Self { inner, outer }
    }

    #[cold]
    pub(super) fn refused(outer: A, gate: &B, rejection: Rejection) -> Self {
        let gate = gate.clone();
        let inner = Inner::Refused(Box::new(Refused { gate, rejection }));
        Self { inner, outer }
    }

    #[inline]
    const fn inner(&mut self) -> Option<&mut B::Ticket> {
        match &mut self.inner {
            Inner::Admitted(inner) => Some(inner),
            Inner::Refused(_) | Inner::Unasked => None,
        }
    }
}

impl<A, B: Gate> Debug for Both<A, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let admitted = matches!(self.inner, Inner::Admitted(_));
        f.debug_struct("Both")
            .field("admitted", &admitted)
            .finish_non_exhaustive()
    }
}

impl<A: Ticket, B: Gate> Ticket for Both<A, B> {
    fn head(&mut self, outcome: Outcome) {
        if let Some(inner) = self.inner()
            && inner.hears_outcome()
        {
            inner.head(outcome);
        }
        if self.outer.hears_outcome() {
            self.outer.head(outcome);
        }
    }

    fn broken(&mut self, failure: Failure) {
        if let Some(inner) = self.inner()
            && inner.hears_outcome()
        {
            inner.broken(failure);
        }
        if self.outer.hears_outcome() {
            self.outer.broken(failure);
        }
    }

    #[inline]
    fn forward(&mut self, headers: &mut HeaderMap) {
        if let Some(inner) = self.inner() {
            inner.forward(headers);
        }
        self.outer.forward(headers);
    }

    fn inspect(&mut self, head: ResponseHead<'_>) {
        if let Some(inner) = self.inner() {
            inner.inspect(head);
        }
        self.outer.inspect(head);
    }

    fn annotate(&mut self, headers: &mut HeaderMap) {
        match &mut self.inner {
            Inner::Admitted(inner) => inner.annotate(headers),
            Inner::Refused(refused) => refused.gate.annotate(refused.rejection, headers),
            Inner::Unasked => {}
        }
        self.outer.annotate(headers);
    }

    fn extend(&mut self, extensions: &mut Extensions) {
        if let Some(inner) = self.inner() {
            inner.extend(extensions);
        }
        self.outer.extend(extensions);
    }

    #[inline]
    fn hears_outcome(&self) -> bool {
        let inner = matches!(&self.inner, Inner::Admitted(inner) if inner.hears_outcome());
        inner || self.outer.hears_outcome()
    }

    #[inline]
    fn watches(&self) -> bool {
        let inner = match &self.inner {
            Inner::Admitted(inner) => inner.watches(),
            Inner::Refused(_) => true,
            Inner::Unasked => false,
        };
        inner || self.outer.watches()
    }

    fn recognize<E: 'static>(&self, error: &E) -> Failure {
        self.outer.recognize(error)
    }

    #[inline]
    fn answered<R>(&mut self, response: &mut Response<R>, outcome: Option<Outcome>) {
        match &mut self.inner {
            Inner::Admitted(inner) => inner.answered(response, outcome),
            Inner::Refused(refused) => {
                let headers = response.headers_mut();
                refused.gate.annotate(refused.rejection, headers);
            }
            Inner::Unasked => {}
        }
        self.outer.answered(response, outcome);
    }

    fn failed<E: 'static>(&mut self, error: &E) {
        if let Some(inner) = self.inner() {
            inner.failed(error);
        }
        self.outer.failed(error);
    }

    fn broke<E: 'static>(&mut self, error: &E, undecided: bool) {
        if let Some(inner) = self.inner() {
            inner.broke(error, undecided);
        }
        self.outer.broke(error, undecided);
    }
}
