use std::fmt::{self, Display, Formatter};

/// The reason why authorization policies deny a request.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DenyReason {
    /// An external authorizer denies it.
    ExternallyDenied,
    /// An external authorizer did not answer.
    ExternallyFailed,
    /// A policy names an external authorizer that is not known, or not the only one of the server.
    NoAuthorizer,
    /// A rule of a policy with the action `DENY` matches.
    RuleMatched,
    /// Policies have the action `ALLOW`, and none of their rules matches.
    RuleMissing,
}

impl DenyReason {
    /// Returns the reason as a label, such as `rule_matched`.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ExternallyDenied => "externally_denied",
            Self::ExternallyFailed => "externally_failed",
            Self::NoAuthorizer => "no_authorizer",
            Self::RuleMatched => "rule_matched",
            Self::RuleMissing => "rule_missing",
        }
    }

    /// Returns Envoy's response flag: its RBAC filter sets none.
    pub(in crate::foundation::outcome) const fn flag(self) -> &'static str {
        match self {
            Self::ExternallyDenied | Self::ExternallyFailed => "UAEX",
            Self::NoAuthorizer | Self::RuleMatched | Self::RuleMissing => "-",
        }
    }

    /// Returns Envoy's text of the response.
    pub(in crate::foundation::outcome) const fn text(self) -> &'static str {
        match self {
            Self::ExternallyDenied | Self::ExternallyFailed => "",
            Self::NoAuthorizer | Self::RuleMatched | Self::RuleMissing => "RBAC: access denied",
        }
    }
}

impl Display for DenyReason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExternallyDenied => "the external authorizer denies it",
            Self::ExternallyFailed => "no answer of the external authorizer",
            Self::NoAuthorizer => "its external authorizer is not known",
            Self::RuleMatched => "a rule denies it",
            Self::RuleMissing => "no rule allows it",
        })
    }
}
