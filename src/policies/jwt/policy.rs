use super::JwtRule;

/// Number of remembered tokens of each rule.
const DEFAULT_CACHE: usize = 4_096;

/// Settings of a [`JwtLayer`](super::JwtLayer): rules, one for each issuer.
///
/// A request passes if a token of one rule is valid, or if it has no token at all and no rule
/// [requires one](JwtRule::with_required_token). Each token in the places of a rule must be valid.
#[derive(Clone, Debug)]
pub struct JwtPolicy {
    pub(super) cache: usize,
    pub(super) envoy: bool,
    pub(super) rules: Vec<JwtRule>,
}

impl JwtPolicy {
    /// Creates the policy without a rule, under which each request passes untouched.
    #[must_use]
    pub const fn off() -> Self {
        Self {
            cache: DEFAULT_CACHE,
            envoy: false,
            rules: Vec::new(),
        }
    }

    /// Creates a policy with these rules.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = JwtRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            ..Self::off()
        }
    }

    /// Sets the number of tokens whose verification each rule remembers, until they expire and 5 minutes at most. The
    /// default is 4,096; 0 remembers none.
    #[must_use]
    pub const fn with_cache(mut self, tokens: usize) -> Self {
        self.cache = tokens;
        self
    }

    /// Behaves as Envoy where this crate differs, if `true`: a token in a cookie is passed on, and the header `crit` of
    /// a token is not looked at. The default is `false`.
    #[must_use]
    pub const fn with_envoy_behaviour(mut self, envoy: bool) -> Self {
        self.envoy = envoy;
        self
    }

    /// Returns the rules.
    #[must_use]
    pub fn rules(&self) -> &[JwtRule] {
        &self.rules
    }

    /// Returns true if the policy has no rule.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Default for JwtPolicy {
    fn default() -> Self {
        Self::off()
    }
}
