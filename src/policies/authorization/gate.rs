use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use arc_swap::Guard;
use http::Extensions;

use super::external::{CheckFuture, CheckRequest, CheckResponse};
use super::machine::{Attributes, Found, RemoteAddress, RuleRef, Verdict};
use super::shared::{Shared, State};
use super::ticket::{AuthorizationTicket, Checked, Denied, Held};
use crate::foundation::admission::{Admission, Gate};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{DenyReason, Rejection, Source};

/// Gate that decides by the authorization policies of a server; clones share one state.
///
/// It compares paths in their normal form, and counts one that is not as unknown, which no rule allows: the service
/// around it normalizes the target of each request first, so that the application sees the path that was compared.
#[derive(Clone, Debug)]
pub struct AuthorizationGate {
    listener: Arc<Listener>,
    shared: Arc<Shared>,
}

/// Facts about the server that no request has.
#[derive(Clone, Debug, Default)]
pub(super) struct Listener {
    pub(super) port: Option<u16>,
    pub(super) remote_address: RemoteAddress,
}

/// Request extension with the reason why a target cannot be normalized.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MalformedTarget(pub(crate) &'static str);

type Admitted = Admission<AuthorizationTicket, AuthorizationWait>;

impl AuthorizationGate {
    pub(super) const fn new(shared: Arc<Shared>, listener: Arc<Listener>) -> Self {
        Self { listener, shared }
    }

    /// Returns false if there is no policy, so that no path has to be normalized.
    #[inline]
    pub(crate) fn is_on(&self) -> bool {
        self.shared.is_on()
    }

    pub(super) fn state(&self) -> Option<Guard<Arc<State>>> {
        self.shared.load()
    }

    pub(super) fn emitter(&self) -> &Emitter {
        self.shared.emitter()
    }

    pub(super) fn attributes<'a>(&'a self, head: RequestHead<'a>) -> Attributes<'a> {
        let Listener {
            port,
            remote_address,
        } = &*self.listener;
        Attributes::new(head, *port, remote_address)
    }

    /// Decides by all policies but those that an external authorizer answers.
    #[inline]
    fn decide(
        &self,
        state: &State,
        request: &Attributes<'_>,
        ticket: AuthorizationTicket,
    ) -> Admitted {
        let report = |found| self.report(state, found);
        match state.engine.decide(request, report) {
            Verdict::Allowed(_) => Admission::Admitted(ticket),
            Verdict::Denied(rule) => {
                state.count(rule.policy);
                self.deny(state, DenyReason::RuleMatched, Some(rule), None)
            }
            Verdict::NotAllowed => self.deny(state, DenyReason::RuleMissing, None, None),
        }
    }

    #[cold]
    fn report(&self, state: &State, found: Found) {
        let emitter = self.shared.emitter();
        let would_deny = |reason| EventKind::WouldReject(Rejection::AccessDenied(reason));
        match found {
            Found::Audited(rule) => {
                state.count(rule.policy);
                let source = state.source(emitter, Some(rule));
                emitter.emit_from(&source, &EventKind::Audited);
            }
            Found::WouldDeny(rule) => {
                state.count(rule.policy);
                let source = state.source(emitter, Some(rule));
                emitter.emit_from(&source, &would_deny(DenyReason::RuleMatched));
            }
            Found::WouldNotAllow => {
                state.count_unallowed();
                let source = state.source_of_missing(emitter, true);
                emitter.emit_from(&source, &would_deny(DenyReason::RuleMissing));
            }
            Found::WouldAllow(rule) => state.count(rule.policy),
        }
    }

    #[cold]
    fn deny(
        &self,
        state: &State,
        reason: DenyReason,
        rule: Option<RuleRef>,
        reply: Option<CheckResponse>,
    ) -> Admitted {
        self.shared.count_denied();
        let emitter = self.shared.emitter();
        let source = match rule {
            Some(_) => state.source(emitter, rule),
            None => state.source_of_missing(emitter, false),
        };
        let rejection = Rejection::AccessDenied(reason);
        emitter.emit_from(&source, &EventKind::Rejected(rejection));
        let denied = Denied { reply, source };
        Admission::RejectedInside(
            AuthorizationTicket(Held::Denied(Box::new(denied))),
            rejection,
        )
    }

    /// Asks the external authorizer about a request that a rule selects for it.
    #[cold]
    fn ask(&self, state: &State, head: RequestHead<'_>, rule: RuleRef) -> Admitted {
        let Some(authorize) = &state.authorizer else {
            return self.deny(state, DenyReason::NoAuthorizer, Some(rule), None);
        };
        let check = authorize.check(CheckRequest::of(head));
        Admission::Waiting(AuthorizationWait {
            check,
            rule: state.source(self.shared.emitter(), Some(rule)),
        })
    }
}

impl Gate for AuthorizationGate {
    type Ticket = AuthorizationTicket;
    type Wait = AuthorizationWait;

    #[inline]
    fn admit(&self, head: RequestHead<'_>) -> Admitted {
        let Some(state) = self.shared.load() else {
            return Admission::Admitted(AuthorizationTicket(Held::Nothing));
        };
        if let Some(MalformedTarget(reason)) = head.extensions().get() {
            let rejection = Rejection::BadRequest(reason);
            self.shared.emitter().emit(&EventKind::Rejected(rejection));
            return Admission::Rejected(rejection);
        }
        let request = self.attributes(head);
        if state.has_custom
            && let Some(rule) = state.engine.custom(&request)
        {
            return self.ask(&state, head, rule);
        }
        self.decide(&state, &request, AuthorizationTicket(Held::Nothing))
    }

    fn resume(&self, ticket: AuthorizationTicket, head: RequestHead<'_>) -> Admitted {
        // The policies of now: a change while the request waited holds for it.
        let Some(state) = self.shared.load() else {
            return Admission::Admitted(ticket);
        };
        match ticket.0 {
            Held::Checked(checked) => match checked.result {
                Some(CheckResponse::Allowed { .. }) => {
                    let request = self.attributes(head);
                    let ticket = AuthorizationTicket(Held::Checked(checked));
                    self.decide(&state, &request, ticket)
                }
                result => {
                    self.shared.count_denied();
                    let reason = if result.is_some() {
                        DenyReason::ExternallyDenied
                    } else {
                        DenyReason::ExternallyFailed
                    };
                    let rejection = Rejection::AccessDenied(reason);
                    let source = checked.source;
                    let event = EventKind::Rejected(rejection);
                    self.shared.emitter().emit_from(&source, &event);
                    let denied = Denied {
                        reply: result,
                        source,
                    };
                    let denied = Held::Denied(Box::new(denied));
                    Admission::RejectedInside(AuthorizationTicket(denied), rejection)
                }
            },
            other => Admission::Admitted(AuthorizationTicket(other)),
        }
    }

    /// Writes the source of a rejection of a malformed target; that of a policy is written by the ticket.
    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}

/// The wait of a request for an external authorizer.
pub struct AuthorizationWait {
    check: CheckFuture,
    rule: Arc<Source>,
}

impl Future for AuthorizationWait {
    type Output = Result<AuthorizationTicket, Rejection>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(self.check.as_mut().poll(cx));
        let checked = Checked {
            result: result
                .inspect_err(|error| tracing::debug!(%error, "external authorizer failed"))
                .ok(),
            source: Arc::clone(&self.rule),
        };
        Poll::Ready(Ok(AuthorizationTicket(Held::Checked(Box::new(checked)))))
    }
}

impl Debug for AuthorizationWait {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationWait").finish_non_exhaustive()
    }
}
