mod rule;

pub(super) use rule::Values;
pub use rule::{Condition, OperationMatch, Rule, SourceMatch};

use std::sync::Arc;

use crate::foundation::outcome::Origin;

/// An authorization policy: an action, and the rules for whose requests it is taken.
///
/// The fields are those of Istio's `AuthorizationPolicy`. A policy without rules matches nothing: with the action
/// [`Action::Allow`] it lets no request pass that no other policy allows.
#[derive(Clone, Debug)]
pub struct AuthorizationPolicy {
    pub(super) action: Action,
    pub(super) dry_run: bool,
    pub(super) name: Arc<str>,
    pub(super) namespace: Arc<str>,
    pub(super) origin: Option<Origin>,
    pub(super) provider: Option<Arc<str>>,
    pub(super) rules: Vec<Rule>,
}

/// Action of a policy whose rule matches a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Action {
    /// Allows the request, and denies those that no such policy allows.
    #[default]
    Allow,
    /// Reports the request as [`EventKind::Audited`](crate::events::EventKind::Audited).
    Audit,
    /// Asks an external authorizer about the request.
    Custom,
    /// Denies the request.
    Deny,
}

impl Action {
    /// Returns Istio's name of the action, such as `ALLOW`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "ALLOW",
            Self::Audit => "AUDIT",
            Self::Custom => "CUSTOM",
            Self::Deny => "DENY",
        }
    }
}

impl AuthorizationPolicy {
    /// Creates a policy without rules.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, action: Action) -> Self {
        Self {
            action,
            dry_run: false,
            name: name.into(),
            namespace: "default".into(),
            origin: None,
            provider: None,
            rules: Vec::new(),
        }
    }

    /// Creates a policy that allows what its rules match.
    #[must_use]
    pub fn allow(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Action::Allow)
    }

    /// Creates a policy that denies what its rules match.
    #[must_use]
    pub fn deny(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Action::Deny)
    }

    /// Creates a policy that reports what its rules match.
    #[must_use]
    pub fn audit(name: impl Into<Arc<str>>) -> Self {
        Self::new(name, Action::Audit)
    }

    /// Creates a policy that asks the [authorizer](super::AuthorizationPolicies::with_authorizer) of the name `provider`
    /// about what its rules match.
    #[must_use]
    pub fn custom(name: impl Into<Arc<str>>, provider: impl Into<Arc<str>>) -> Self {
        Self {
            provider: Some(provider.into()),
            ..Self::new(name, Action::Custom)
        }
    }

    /// Counts and reports the decisions instead of enforcing them, if `true`: the annotation `istio.io/dry-run`. The
    /// default is `false`.
    #[must_use]
    pub const fn with_dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Sets the namespace, which is that of service accounts without one. The default is `default`.
    #[must_use]
    pub fn with_namespace(mut self, namespace: impl Into<Arc<str>>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Adds a rule; the policy matches a request if one of them does.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Sets the place of the policy in the documents.
    #[cfg(feature = "istio")]
    pub(crate) fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = Some(origin);
        self
    }

    /// Returns the action.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns true if the decisions are not enforced.
    #[must_use]
    pub const fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Returns Istio's name of a rule, which its proxies log.
    pub(super) fn rule_id(&self, rule: usize) -> String {
        let (namespace, name) = (&self.namespace, &self.name);
        format!("ns[{namespace}]-policy[{name}]-rule[{rule}]")
    }

    /// Returns true if a rule depends on the identity of the peer, which only mTLS gives.
    #[must_use]
    pub fn needs_peer_identity(&self) -> bool {
        self.rules.iter().any(Rule::needs_peer_identity)
    }

    /// Returns true if a rule depends on a token.
    #[must_use]
    pub fn needs_claims(&self) -> bool {
        self.rules.iter().any(Rule::needs_claims)
    }
}
