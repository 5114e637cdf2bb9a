use std::sync::Arc;

use super::Action;
use crate::foundation::outcome::Origin;

/// Statistics of a layer.
#[non_exhaustive]
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct AuthorizationStats {
    /// Number of requests that were denied.
    pub denied: u64,
    /// Statistics of each policy, in their order.
    pub policies: Vec<PolicyStats>,
}

/// Statistics of a policy.
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PolicyStats {
    /// Action of the policy.
    pub action: Action,
    /// True if the policy is not enforced.
    pub dry_run: bool,
    /// Number of requests that a rule matched. A policy that is enforced and allows does not count them.
    pub matched: u64,
    /// Name of the policy.
    pub name: Arc<str>,
    /// Namespace of the policy.
    pub namespace: Arc<str>,
    /// Place of the policy in the documents, if it is of one.
    pub origin: Option<Origin>,
    /// Number of requests that no rule in dry run would have allowed; 0 for other policies.
    pub unmatched: u64,
}
