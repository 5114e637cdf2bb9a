use std::collections::BTreeMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use super::machine::TrustDomains;
use super::{AuthorizationPolicy, Authorize};

/// All authorization policies of one server, with what they refer to.
#[derive(Clone, Default)]
pub struct AuthorizationPolicies {
    pub(super) authorizers: BTreeMap<Arc<str>, Arc<dyn Authorize>>,
    pub(super) domains: TrustDomains,
    pub(super) policies: Vec<AuthorizationPolicy>,
}

impl AuthorizationPolicies {
    /// Creates a set of policies. Without any, every request is allowed.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = AuthorizationPolicy>) -> Self {
        Self {
            policies: policies.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Sets the external authorizer that policies with the action `CUSTOM` ask by the name `provider`. A request for
    /// which an unknown one would have to be asked is denied.
    #[must_use]
    pub fn with_authorizer(
        mut self,
        provider: impl Into<Arc<str>>,
        authorize: Arc<dyn Authorize>,
    ) -> Self {
        self.authorizers.insert(provider.into(), authorize);
        self
    }

    /// Sets the trust domain of the mesh, and its former names: a principal of one of them, or of `cluster.local`,
    /// means all. The default is `cluster.local` alone.
    #[must_use]
    pub fn with_trust_domain<A: Into<Arc<str>>>(
        mut self,
        domain: impl Into<Arc<str>>,
        aliases: impl IntoIterator<Item = A>,
    ) -> Self {
        self.domains = TrustDomains::new(domain, aliases.into_iter().map(Into::into));
        self
    }

    /// Replaces the policies, and keeps the rest.
    #[cfg(feature = "istio")]
    #[must_use]
    pub(crate) fn with_policies(
        self,
        policies: impl IntoIterator<Item = AuthorizationPolicy>,
    ) -> Self {
        Self {
            policies: policies.into_iter().collect(),
            ..self
        }
    }

    /// Returns the policies.
    #[must_use]
    pub fn policies(&self) -> &[AuthorizationPolicy] {
        &self.policies
    }
}

impl Debug for AuthorizationPolicies {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationPolicies")
            .field("policies", &self.policies)
            .field("authorizers", &self.authorizers.keys())
            .finish_non_exhaustive()
    }
}

impl FromIterator<AuthorizationPolicy> for AuthorizationPolicies {
    fn from_iter<I: IntoIterator<Item = AuthorizationPolicy>>(policies: I) -> Self {
        Self::new(policies)
    }
}

impl<const N: usize> From<[AuthorizationPolicy; N]> for AuthorizationPolicies {
    fn from(policies: [AuthorizationPolicy; N]) -> Self {
        Self::new(policies)
    }
}
