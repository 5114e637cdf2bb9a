use std::fmt::{self, Display, Formatter};
use std::sync::Arc;

use super::gate::AuthorizationGate;
use super::machine::{Found, Verdict};
use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{DenyReason, Source};

/// Explanation of the decision about one request, which is neither sent nor counted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessExplanation {
    asks: Option<Arc<Source>>,
    denied: Option<DenyReason>,
    notes: Vec<(&'static str, Arc<Source>)>,
    source: Arc<Source>,
}

impl AccessExplanation {
    /// Returns true if the request is allowed, unless an [external authorizer](Self::external) denies it.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        self.denied.is_none()
    }

    /// Returns the reason for a denial.
    #[must_use]
    pub const fn denied(&self) -> Option<DenyReason> {
        self.denied
    }

    /// Returns the source of the decision: its [rule](Source::rule), with file and line in a mesh. A request that is
    /// allowed because no policy is for it has no rule.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the rule for which an external authorizer is asked first.
    #[must_use]
    pub fn external(&self) -> Option<&Source> {
        self.asks.as_deref()
    }

    /// Returns the rules that decide nothing: `audited`, and of policies in dry run `would deny`, `would allow` and
    /// `would not allow`.
    pub fn notes(&self) -> impl Iterator<Item = (&'static str, &Source)> {
        self.notes.iter().map(|(note, source)| (*note, &**source))
    }
}

/// Formats as `denied: a rule denies it; rule ns[shop]-policy[admin]-rule[0] (policies/shop.yaml:12)`.
impl Display for AccessExplanation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(asks) = &self.asks {
            write!(f, "asks its external authorizer{}, then ", Rule(asks))?;
        }
        match self.denied {
            Some(reason) => write!(f, "denied: {reason}")?,
            None if self.source.rule().is_none() => write!(f, "allowed: no policy is for it")?,
            None => f.write_str("allowed")?,
        }
        write!(f, "{}", Rule(&self.source))?;
        for (note, source) in &self.notes {
            write!(f, "; {note}{}", Rule(source))?;
        }
        Ok(())
    }
}

/// Rule of a source, with its place.
struct Rule<'a>(&'a Source);

impl Display for Rule<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.rule() {
            None => return Ok(()),
            Some("none") => f.write_str(" by the first policy that allows")?,
            Some(rule) => write!(f, " by {rule}")?,
        }
        match self.0.origin() {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl AuthorizationGate {
    /// Explains the decision about a request.
    pub(super) fn explain(&self, head: RequestHead<'_>) -> AccessExplanation {
        let emitter = self.emitter();
        let Some(state) = self.state() else {
            return AccessExplanation {
                asks: None,
                denied: None,
                notes: Vec::new(),
                source: emitter.source(),
            };
        };
        let request = self.attributes(head);
        let asks = state.engine.custom(&request).filter(|_| state.has_custom);
        let asks = asks.map(|rule| state.source(emitter, Some(rule)));
        let mut notes = Vec::new();
        let verdict = state.engine.decide(&request, |found| {
            let rule = |rule| state.source(emitter, Some(rule));
            notes.push(match found {
                Found::Audited(audited) => ("audited", rule(audited)),
                Found::WouldAllow(allows) => ("would allow", rule(allows)),
                Found::WouldDeny(denies) => ("would deny", rule(denies)),
                Found::WouldNotAllow => ("would not allow", state.source_of_missing(emitter, true)),
            });
        });
        let (denied, source) = match verdict {
            _ if asks.is_some() && state.authorizer.is_none() => {
                let rule = asks.clone().unwrap_or_else(|| emitter.source());
                (Some(DenyReason::NoAuthorizer), rule)
            }
            Verdict::Allowed(rule) => (None, state.source(emitter, rule)),
            Verdict::Denied(rule) => {
                let rule = state.source(emitter, Some(rule));
                (Some(DenyReason::RuleMatched), rule)
            }
            Verdict::NotAllowed => {
                let first = state.source_of_missing(emitter, false);
                (Some(DenyReason::RuleMissing), first)
            }
        };
        AccessExplanation {
            asks,
            denied,
            notes,
            source,
        }
    }
}
