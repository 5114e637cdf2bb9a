use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::Guard;

use super::machine::{Engine, PolicyError, RuleRef};
use super::{
    Action, AuthorizationPolicies, AuthorizationPolicy, AuthorizationStats, Authorize, PolicyStats,
};
use crate::foundation::events::Emitter;
use crate::foundation::outcome::Source;
use crate::foundation::sync::Switchable;

/// State that all clones of a layer share.
#[derive(Debug)]
pub(super) struct Shared {
    denied: AtomicU64,
    emitter: Emitter,
    state: Switchable<State>,
}

/// One version of the policies.
pub(super) struct State {
    pub(super) authorizer: Option<Arc<dyn Authorize>>,
    counts: Vec<Arc<Count>>,
    pub(super) engine: Engine,
    pub(super) has_custom: bool,
    policies: Vec<AuthorizationPolicy>,
}

/// Number of requests that a policy matched; of a policy in dry run that allows also of those that none would allow.
#[derive(Debug, Default)]
struct Count {
    matched: AtomicU64,
    unmatched: AtomicU64,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(
        policies: AuthorizationPolicies,
        emitter: Emitter,
    ) -> Result<Self, PolicyError> {
        let state = State::new(policies, None)?;
        Ok(Self {
            denied: AtomicU64::new(0),
            emitter,
            state: Switchable::new(state, State::is_off),
        })
    }

    /// Replaces the policies; on an error those of before stay.
    pub(super) fn reconfigure(&self, policies: AuthorizationPolicies) -> Result<(), PolicyError> {
        let next = State::new(policies, Some(&self.state.load()))?;
        self.state.replace(|_| next, State::is_off);
        Ok(())
    }

    pub(super) const fn emitter(&self) -> &Emitter {
        &self.emitter
    }

    #[inline]
    pub(super) fn load(&self) -> Option<Guard<Arc<State>>> {
        self.state.load_unless_off()
    }

    #[inline]
    pub(super) fn is_on(&self) -> bool {
        self.state.is_on()
    }

    pub(super) fn count_denied(&self) {
        // Relaxed: statistics only.
        self.denied.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> AuthorizationStats {
        let state = self.state.load();
        let policies = state.policies.iter().zip(&state.counts);
        AuthorizationStats {
            denied: self.denied.load(Ordering::Relaxed),
            policies: policies
                .map(|(policy, count)| PolicyStats {
                    action: policy.action,
                    dry_run: policy.dry_run,
                    matched: count.matched.load(Ordering::Relaxed),
                    name: Arc::clone(&policy.name),
                    namespace: Arc::clone(&policy.namespace),
                    origin: policy.origin.clone(),
                    unmatched: count.unmatched.load(Ordering::Relaxed),
                })
                .collect(),
        }
    }
}

impl State {
    /// Compiles policies. Those that `before` has, too, keep their counts.
    fn new(set: AuthorizationPolicies, before: Option<&Self>) -> Result<Self, PolicyError> {
        let AuthorizationPolicies {
            authorizers,
            domains,
            policies,
        } = set;
        let engine = Engine::new(&policies, &domains)?;
        let counts = policies.iter().map(|policy| {
            let known = before.and_then(|before| before.count_of(policy));
            known.unwrap_or_default()
        });
        let counts = counts.collect();
        let mut providers = policies
            .iter()
            .filter(|policy| policy.action == Action::Custom && !policy.dry_run)
            .map(|policy| policy.provider.as_deref());
        let first = providers.next();
        // One server asks one authorizer, as in Istio: with several its requests are denied.
        let only = first
            .flatten()
            .filter(|only| providers.all(|one| one == Some(only)));
        Ok(Self {
            authorizer: only.and_then(|name| authorizers.get(name).cloned()),
            counts,
            engine,
            has_custom: first.is_some(),
            policies,
        })
    }

    fn is_off(&self) -> bool {
        self.engine.is_empty()
    }

    fn count_of(&self, policy: &AuthorizationPolicy) -> Option<Arc<Count>> {
        let is_same = |known: &AuthorizationPolicy| {
            let one = (&known.namespace, &known.name, known.action, known.dry_run);
            one == (
                &policy.namespace,
                &policy.name,
                policy.action,
                policy.dry_run,
            )
        };
        let place = self.policies.iter().position(is_same)?;
        Some(Arc::clone(&self.counts[place]))
    }

    pub(super) fn count(&self, policy: usize) {
        if let Some(count) = self.counts.get(policy) {
            count.matched.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a request that no policy in dry run would allow.
    pub(super) fn count_unallowed(&self) {
        for (policy, count) in self.policies.iter().zip(&self.counts) {
            if policy.action == Action::Allow && policy.dry_run {
                count.unmatched.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Returns the source of a decision by a rule.
    pub(super) fn source(&self, emitter: &Emitter, rule: Option<RuleRef>) -> Arc<Source> {
        let source = emitter.source();
        let found = rule.and_then(|rule| Some((self.policies.get(rule.policy)?, rule.rule)));
        let Some((policy, place)) = found else {
            return source;
        };
        let rule = policy.rules.get(place);
        let origin = rule.and_then(|rule| rule.origin.clone());
        let origin = origin.or_else(|| policy.origin.clone());
        let id = policy.rule_id(place).into();
        let source = Source::clone(&source).with_rule(Some(id));
        Arc::new(source.with_origin(origin))
    }

    /// Returns the source of a denial because no rule allows a request: the first policy that allows others.
    pub(super) fn source_of_missing(&self, emitter: &Emitter, is_dry_run: bool) -> Arc<Source> {
        let is = |policy: &&AuthorizationPolicy| {
            policy.action == Action::Allow && policy.dry_run == is_dry_run
        };
        let first = self.policies.iter().find(is);
        let origin = first.and_then(|policy| policy.origin.clone());
        let source = Source::clone(&emitter.source()).with_rule(Some("none".into()));
        Arc::new(source.with_origin(origin))
    }
}
