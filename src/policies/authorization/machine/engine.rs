use super::attributes::Attributes;
use super::compile::{PolicyError, compile};
use super::matcher::Matcher;
use super::trust_domains::TrustDomains;
use crate::policies::authorization::policy::{Action, AuthorizationPolicy};

/// Compiled policies of one server.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    policies: Vec<CompiledPolicy>,
    /// True if a policy that is enforced allows, so that what none allows is denied.
    allows: bool,
    /// The same for policies in dry run.
    would_allow: bool,
}

#[derive(Debug)]
struct CompiledPolicy {
    action: Action,
    is_dry_run: bool,
    rules: Vec<CompiledRule>,
}

/// A rule: alternatives of sources and of operations, and conditions.
#[derive(Debug)]
pub(super) struct CompiledRule {
    pub(super) conditions: Box<[Matcher]>,
    pub(super) operations: Vec<Box<[Matcher]>>,
    pub(super) sources: Vec<Box<[Matcher]>>,
}

/// A rule of a policy, by their places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RuleRef {
    pub(crate) policy: usize,
    pub(crate) rule: usize,
}

/// Decision about a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// Allowed, by a rule if policies have the action `ALLOW`.
    Allowed(Option<RuleRef>),
    /// Denied by a rule.
    Denied(RuleRef),
    /// Denied, since no rule allows it.
    NotAllowed,
}

/// Match of a rule besides the decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Found {
    Audited(RuleRef),
    /// A policy in dry run would have denied the request.
    WouldDeny(RuleRef),
    /// Policies in dry run allow, and none would have allowed the request.
    WouldNotAllow,
    /// A policy in dry run would have allowed the request.
    WouldAllow(RuleRef),
}

impl Engine {
    /// Compiles policies.
    ///
    /// # Errors
    ///
    /// The first value that cannot be compiled.
    pub(crate) fn new(
        policies: &[AuthorizationPolicy],
        domains: &TrustDomains,
    ) -> Result<Self, PolicyError> {
        let compiled = policies.iter().map(|policy| {
            let rules = (0..policy.rules.len()).map(|place| compile(policy, place, domains));
            Ok(CompiledPolicy {
                action: policy.action,
                is_dry_run: policy.dry_run,
                rules: rules.collect::<Result<_, _>>()?,
            })
        });
        let has = |is_dry_run| {
            let is = |policy: &AuthorizationPolicy| {
                policy.action == Action::Allow && policy.dry_run == is_dry_run
            };
            policies.iter().any(is)
        };
        Ok(Self {
            policies: compiled.collect::<Result<_, _>>()?,
            allows: has(false),
            would_allow: has(true),
        })
    }

    /// Returns true if no policy depends on a request.
    pub(crate) fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// Returns the first rule for which an external authorizer has to be asked.
    pub(crate) fn custom(&self, request: &Attributes<'_>) -> Option<RuleRef> {
        // An attribute that is not known makes the authorizer decide.
        self.first(Action::Custom, false, true, request)
    }

    /// Decides about a request in Istio's order: audits, then denials, then permissions.
    pub(crate) fn decide(
        &self,
        request: &Attributes<'_>,
        mut report: impl FnMut(Found),
    ) -> Verdict {
        if let Some(rule) = self.first(Action::Audit, false, true, request) {
            report(Found::Audited(rule));
        }
        if let Some(rule) = self.first(Action::Deny, true, true, request) {
            report(Found::WouldDeny(rule));
        }
        if let Some(rule) = self.first(Action::Deny, false, true, request) {
            return Verdict::Denied(rule);
        }
        if self.would_allow {
            report(match self.first(Action::Allow, true, false, request) {
                Some(rule) => Found::WouldAllow(rule),
                None => Found::WouldNotAllow,
            });
        }
        if !self.allows {
            return Verdict::Allowed(None);
        }
        match self.first(Action::Allow, false, false, request) {
            Some(rule) => Verdict::Allowed(Some(rule)),
            None => Verdict::NotAllowed,
        }
    }

    /// Returns the first rule of an action that matches; `unknown` is the result for attributes that are not known.
    fn first(
        &self,
        action: Action,
        is_dry_run: bool,
        unknown: bool,
        request: &Attributes<'_>,
    ) -> Option<RuleRef> {
        let policies = self.policies.iter().enumerate();
        policies
            .filter(|(_, policy)| policy.action == action && policy.is_dry_run == is_dry_run)
            .find_map(|(place, policy)| {
                let mut rules = policy.rules.iter();
                let rule = rules.position(|rule| rule.matches(request, unknown))?;
                Some(RuleRef {
                    policy: place,
                    rule,
                })
            })
    }
}

impl CompiledRule {
    fn matches(&self, request: &Attributes<'_>, unknown: bool) -> bool {
        let all = |matchers: &[Matcher]| matchers.iter().all(|one| one.is_met(request, unknown));
        let one_of = |alternatives: &[Box<[Matcher]>]| {
            alternatives.is_empty() || alternatives.iter().any(|matchers| all(matchers))
        };
        // The operation first: methods and paths are compared with less work than identities.
        one_of(&self.operations) && one_of(&self.sources) && all(&self.conditions)
    }
}
