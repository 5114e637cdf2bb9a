use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::HeaderMap;
use pin_project::pin_project;

use super::both::Inner;
use super::{Admission, Both, Gate, guarded};
use crate::base::{Rejection, RequestHead};

/// Two gates as one: a request goes on if both let it in, the outer one first.
///
/// Behaves as the outer gate's layer around the inner one's. If the inner gate turns a request away, the
/// outer one's ticket hears of that answer and is kept to its end; while it waits, that ticket is held. The
/// response is classified once, as it arrived. See the [module docs](super) for an example.
#[derive(Clone, Copy, Debug, Default)]
pub struct And<A, B> {
    inner: B,
    outer: A,
}

impl<A, B> And<A, B> {
    /// Puts `outer` before `inner`.
    pub const fn new(outer: A, inner: B) -> Self {
        Self { inner, outer }
    }
}

impl<A: Gate, B: Gate> And<A, B> {
    /// Asks the inner gate about a request that the outer one let in.
    #[inline]
    pub(crate) fn ask_inner(
        &self,
        outer: A::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Both<A::Ticket, B>, AndWait<A, B>> {
        self.join(outer, |inner| inner.admit(head))
    }

    #[inline]
    fn join(
        &self,
        outer: A::Ticket,
        ask: impl FnOnce(&B) -> Admission<B::Ticket, B::Wait>,
    ) -> Admission<Both<A::Ticket, B>, AndWait<A, B>> {
        let mut outer = Some(outer);
        let asked = guarded(&mut outer, || ask(&self.inner));
        let outer = outer.expect("only a panic takes it");
        match asked {
            Admission::Admitted(inner) => Admission::Admitted(Both::new(outer, inner)),
            Admission::Refused(inner, rejection) => {
                Admission::Refused(Both::new(outer, inner), rejection)
            }
            Admission::Rejected(rejection) => {
                Admission::Refused(Both::refused(outer, &self.inner, rejection), rejection)
            }
            Admission::Waiting(wait) => Admission::Waiting(AndWait(State::Inner {
                wait,
                gate: self.inner.clone(),
                outer: Some(outer),
            })),
        }
    }

    #[inline]
    fn go_on(
        &self,
        asked: Admission<A::Ticket, A::Wait>,
        head: RequestHead<'_>,
    ) -> Admission<Both<A::Ticket, B>, AndWait<A, B>> {
        match asked {
            Admission::Admitted(outer) => self.ask_inner(outer, head),
            Admission::Refused(outer, rejection) => {
                Admission::Refused(Both::unasked(outer), rejection)
            }
            Admission::Rejected(rejection) => Admission::Rejected(rejection),
            Admission::Waiting(wait) => Admission::Waiting(AndWait(State::Outer(wait))),
        }
    }
}

impl<A: Gate, B: Gate> Gate for And<A, B> {
    type Ticket = Both<A::Ticket, B>;
    type Wait = AndWait<A, B>;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admission<Self::Ticket, Self::Wait> {
        self.go_on(self.outer.admit(head), head)
    }

    fn resume(
        &self,
        ticket: Self::Ticket,
        head: RequestHead<'_>,
    ) -> Admission<Self::Ticket, Self::Wait> {
        let Both { inner, outer } = ticket;
        match inner {
            Inner::Admitted(inner) => self.join(outer, |gate| gate.resume(inner, head)),
            Inner::Refused(refused) => {
                let rejection = refused.rejection;
                let inner = Inner::Refused(refused);
                Admission::Refused(Both { inner, outer }, rejection)
            }
            Inner::Unasked => self.go_on(self.outer.resume(outer, head), head),
        }
    }

    /// Only the outer gate turns a request away by itself; see [`Both`] for the inner one.
    fn annotate(&self, rejection: Rejection, headers: &mut HeaderMap) {
        self.outer.annotate(rejection, headers);
    }
}

/// The wait of a request for one of two gates.
#[pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct AndWait<A: Gate, B: Gate>(#[pin] State<A, B>);

impl<A: Gate, B: Gate> Debug for AndWait<A, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let for_outer = matches!(self.0, State::Outer(_));
        f.debug_struct("AndWait")
            .field("for_outer", &for_outer)
            .finish_non_exhaustive()
    }
}

#[pin_project(project = StateProj)]
enum State<A: Gate, B: Gate> {
    Inner {
        // Before what the outer gate holds, as the layers' would be.
        #[pin]
        wait: B::Wait,
        gate: B,
        outer: Option<A::Ticket>,
    },
    Outer(#[pin] A::Wait),
}

impl<A: Gate, B: Gate> Future for AndWait<A, B> {
    /// What is let in so far; [`Gate::resume`] goes on.
    type Output = Result<Both<A::Ticket, B>, Rejection>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().0.project() {
            StateProj::Inner { wait, gate, outer } => {
                let waited = ready!(guarded(outer, || wait.poll(cx)));
                let outer = outer.take().expect("not polled after completion");
                Poll::Ready(Ok(match waited {
                    Ok(inner) => Both::new(outer, inner),
                    Err(rejection) => Both::refused(outer, gate, rejection),
                }))
            }
            StateProj::Outer(wait) => wait.poll(cx).map_ok(Both::unasked),
        }
    }
}
