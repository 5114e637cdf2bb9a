use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{Extensions, HeaderMap};
use pin_project::pin_project;

use super::chain_ticket::Inner;
use super::{Admission, ChainTicket, Gate, with_panic_guard};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::Rejection;

/// Two gates fused into one: a request is admitted if both admit it, the outer one first.
///
/// Behaves as the outer gate's layer around the inner one's. If the inner gate rejects a request,
/// the outer one's ticket observes that response to its end; while the inner gate queues a request,
/// the outer ticket is held. A response is classified once, as it arrived. See the [module
/// docs](super) for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct GateChain<A, B> {
    inner: B,
    outer: A,
}

impl<A, B> GateChain<A, B> {
    /// Creates a gate that asks `outer` first, then `inner`.
    pub const fn new(outer: A, inner: B) -> Self {
        Self { inner, outer }
    }
}

impl<A: Gate, B: Gate> GateChain<A, B> {
    /// Asks the inner gate about a request that the outer one admitted.
    #[inline]
    pub(crate) fn admit_inner(
        &self,
        outer: A::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<ChainTicket<A::Ticket, B>, GateChainWait<A, B>> {
        self.join(outer, |inner| inner.admit(head))
    }

    #[inline]
    fn join(
        &self,
        outer: A::Ticket,
        ask: impl FnOnce(&B) -> Admission<B::Ticket, B::Wait>,
    ) -> Admission<ChainTicket<A::Ticket, B>, GateChainWait<A, B>> {
        let mut outer = Some(outer);
        // A panic of the inner gate settles the outer ticket as a failure.
        let asked = with_panic_guard(&mut outer, || ask(&self.inner));
        let outer = outer.expect("only a panic takes it");
        match asked {
            Admission::Admitted(inner) => Admission::Admitted(ChainTicket::new(outer, inner)),
            Admission::RejectedInside(inner, rejection) => {
                Admission::RejectedInside(ChainTicket::new(outer, inner), rejection)
            }
            Admission::Rejected(rejection) => Admission::RejectedInside(
                ChainTicket::rejected(outer, &self.inner, rejection),
                rejection,
            ),
            Admission::Waiting(wait) => Admission::Waiting(GateChainWait(State::Inner {
                wait,
                gate: self.inner.clone(),
                outer: Some(outer),
            })),
        }
    }

    #[inline]
    fn proceed(
        &self,
        asked: Admission<A::Ticket, A::Wait>,
        head: RequestHead<'_>,
    ) -> Admission<ChainTicket<A::Ticket, B>, GateChainWait<A, B>> {
        match asked {
            Admission::Admitted(outer) => self.admit_inner(outer, head),
            Admission::RejectedInside(outer, rejection) => {
                Admission::RejectedInside(ChainTicket::outer_only(outer), rejection)
            }
            Admission::Rejected(rejection) => Admission::Rejected(rejection),
            Admission::Waiting(wait) => Admission::Waiting(GateChainWait(State::Outer(wait))),
        }
    }
}

impl<A: Gate, B: Gate> Gate for GateChain<A, B> {
    type Ticket = ChainTicket<A::Ticket, B>;
    type Wait = GateChainWait<A, B>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        self.proceed(self.outer.admit(head), head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        let ChainTicket { inner, outer } = ticket;
        match inner {
            Inner::Admitted(inner) => self.join(outer, |gate| gate.resume(inner, head)),
            Inner::Rejected(refused) => {
                let rejection = refused.rejection;
                let inner = Inner::Rejected(refused);
                Admission::RejectedInside(ChainTicket { inner, outer }, rejection)
            }
            Inner::NotAsked => self.proceed(self.outer.resume(outer, head), head),
        }
    }

    /// Writes the outer gate's headers: a plain rejection comes from it alone. An inner gate's
    /// rejection is written by [`ChainTicket`].
    fn write_headers(&self, rejection: Rejection, headers: &mut HeaderMap) {
        self.outer.write_headers(rejection, headers);
    }

    /// Writes the outer gate's extensions, as with the headers.
    fn write_extensions(&self, rejection: Rejection, extensions: &mut Extensions) {
        self.outer.write_extensions(rejection, extensions);
    }
}

/// The wait of a request that one of two gates has queued.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct GateChainWait<A: Gate, B: Gate>(#[pin] State<A, B>);

impl<A: Gate, B: Gate> Debug for GateChainWait<A, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let for_outer = matches!(self.0, State::Outer(_));
        f.debug_struct("GateChainWait")
            .field("for_outer", &for_outer)
            .finish_non_exhaustive()
    }
}

#[pin_project(project = StateProj)]
enum State<A: Gate, B: Gate> {
    Inner {
        // Declared before the outer gate's ticket, so that it is dropped first, as with nested
        // layers.
        #[pin]
        wait: B::Wait,
        gate: B,
        outer: Option<A::Ticket>,
    },
    Outer(#[pin] A::Wait),
}

impl<A: Gate, B: Gate> Future for GateChainWait<A, B> {
    /// The tickets so far; [`Gate::resume`] completes the admission.
    type Output = Result<ChainTicket<A::Ticket, B>, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProj::Inner { wait, gate, outer } => {
                let waited = ready!(with_panic_guard(outer, || wait.poll(cx)));
                let outer = outer.take().expect("not polled after completion");
                Poll::Ready(Ok(match waited {
                    Ok(inner) => ChainTicket::new(outer, inner),
                    Err(rejection) => ChainTicket::rejected(outer, gate, rejection),
                }))
            }
            StateProj::Outer(wait) => wait.poll(cx).map_ok(ChainTicket::outer_only),
        }
    }
}
