use std::sync::Arc;

use arc_swap::Guard;
use http::Extensions;

use super::external::{CheckRequest, CheckResponse};
use super::machine::{Attributes, Found, RemoteAddress, RuleRef, Verdict};
use super::shared::{Shared, State};
use super::ticket::{AuthorizationTicket, Checked, Denied, Held};
use super::wait::AuthorizationWait;
use crate::foundation::admission::{Admission, Gate};
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{DenyReason, Rejection};

/// Gate that decides by the authorization policies of a server; clones share one state.
///
/// It compares paths in their normal form, and counts one that is not as unknown, which no rule allows: the service
/// around it normalizes the target of each request first, so that the application sees the path that was compared.
#[derive(Clone, Debug)]
pub struct AuthorizationGate {
    listener: Arc<Listener>,
    part: Part,
    shared: Arc<Shared>,
}

/// Part of the decision that a gate makes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    All,
    /// That of the external authorizer.
    #[cfg(all(feature = "istio", feature = "jwt"))]
    External,
    /// That of all policies but the external authorizer's.
    #[cfg(all(feature = "istio", feature = "jwt"))]
    Own,
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
        Self {
            listener,
            part: Part::All,
            shared,
        }
    }

    /// Splits the gate in two, the first of which decides by the external authorizer, and the second by the rest.
    #[cfg(all(feature = "istio", feature = "jwt"))]
    pub(crate) fn split(self) -> (Self, Self) {
        let external = Self {
            part: Part::External,
            ..self.clone()
        };
        let part = Part::Own;
        (external, Self { part, ..self })
    }

    /// Says whether the external authorizer decides by this gate, and other policies do.
    const fn has_parts(&self) -> [bool; 2] {
        match self.part {
            Part::All => [true, true],
            #[cfg(all(feature = "istio", feature = "jwt"))]
            Part::External => [true, false],
            #[cfg(all(feature = "istio", feature = "jwt"))]
            Part::Own => [false, true],
        }
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
        state.count(rule.policy);
        #[cfg(all(feature = "istio", feature = "jwt"))]
        if let Some(checked) = super::ask_first::answer_of(&self.shared, head) {
            return self.settle(state, head, checked);
        }
        match self.check(state, head, rule) {
            Some(wait) => Admission::Waiting(wait),
            None => self.deny(state, DenyReason::NoAuthorizer, Some(rule), None),
        }
    }

    /// Begins to ask the external authorizer, if there is one.
    pub(super) fn check(
        &self,
        state: &State,
        head: RequestHead<'_>,
        rule: RuleRef,
    ) -> Option<AuthorizationWait> {
        let check = state.authorizer.as_ref()?.check(CheckRequest::of(head));
        let rule = state.source(self.shared.emitter(), Some(rule));
        Some(AuthorizationWait { check, rule })
    }

    #[cfg(all(feature = "istio", feature = "jwt"))]
    pub(super) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Goes on with the decision of the external authorizer.
    fn settle(&self, state: &State, head: RequestHead<'_>, checked: Box<Checked>) -> Admitted {
        let Some(CheckResponse::Allowed { .. }) = &checked.result else {
            return self.deny_externally(*checked);
        };
        let ticket = AuthorizationTicket(Held::Checked(checked));
        let [_, is_decided_here] = self.has_parts();
        if is_decided_here {
            self.decide(state, &self.attributes(head), ticket)
        } else {
            Admission::Admitted(ticket)
        }
    }

    fn deny_externally(&self, checked: Checked) -> Admitted {
        self.shared.count_denied();
        let Checked { result, source } = checked;
        let rejection = Rejection::AccessDenied(match result {
            Some(_) => DenyReason::ExternallyDenied,
            None => DenyReason::ExternallyFailed,
        });
        let event = EventKind::Rejected(rejection);
        self.shared.emitter().emit_from(&source, &event);
        let reply = result;
        let denied = Held::Denied(Box::new(Denied { reply, source }));
        Admission::RejectedInside(AuthorizationTicket(denied), rejection)
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
        let [asks, decides] = self.has_parts();
        if let Some(MalformedTarget(reason)) = head.extensions().get() {
            let rejection = Rejection::BadRequest(reason);
            self.shared.emitter().emit(&EventKind::Rejected(rejection));
            return Admission::Rejected(rejection);
        }
        let nothing = AuthorizationTicket(Held::Nothing);
        if !decides && !state.has_custom {
            return Admission::Admitted(nothing);
        }
        let request = self.attributes(head);
        if asks
            && state.has_custom
            && let Some(rule) = state.engine.custom(&request)
        {
            return self.ask(&state, head, rule);
        }
        if !decides {
            return Admission::Admitted(nothing);
        }
        self.decide(&state, &request, nothing)
    }

    fn resume(&self, ticket: AuthorizationTicket, head: RequestHead<'_>) -> Admitted {
        // The policies of now: a change while the request waited holds for it.
        let Some(state) = self.shared.load() else {
            return Admission::Admitted(ticket);
        };
        match ticket.0 {
            Held::Checked(checked) => self.settle(&state, head, checked),
            other => Admission::Admitted(AuthorizationTicket(other)),
        }
    }

    /// Writes the source of a rejection of a malformed target; that of a policy is written by the ticket.
    fn write_extensions(&self, _rejection: Rejection, extensions: &mut Extensions) {
        self.shared.emitter().write_source(extensions);
    }
}
