use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use crate::foundation::events::Emitter;
use crate::istio::config::{KeysConfig, TokenRuleConfig};
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::proxy::discarded::Leftover;
use crate::mesh::service_mesh::proxy::state::{Follow, Proxy};
#[cfg(feature = "reqwest")]
use crate::policies::jwt::JwksPolicy;
use crate::policies::jwt::{Jwks, JwksSource, JwtKeys, JwtLayer, JwtPolicy, JwtRule};

/// Check of the tokens to one proxy, which follows its configuration.
#[derive(Debug)]
pub(in crate::mesh) struct Authentication {
    applied: Mutex<Applied>,
    emitter: Emitter,
    envoy: bool,
    layer: JwtLayer,
    proxy: Weak<Proxy>,
}

/// The rules that are in force.
#[derive(Debug, Default)]
struct Applied {
    rules: Vec<TokenRuleConfig>,
    /// Sources by the place of their keys: they keep their keys as long as a rule names it.
    sources: HashMap<(KeysConfig, Option<Duration>), JwksSource>,
    version: u64,
}

impl Authentication {
    /// Creates the check of a proxy, which follows it.
    pub(in crate::mesh) fn new(proxy: &Arc<Proxy>) -> Arc<Self> {
        let emitter = proxy.emitter(proxy.inbound_source());
        let this = Arc::new(Self {
            applied: Mutex::default(),
            emitter: emitter.clone(),
            envoy: proxy.options.envoy_behaviour,
            layer: JwtLayer::with_emitter(JwtPolicy::off(), emitter),
            proxy: Arc::downgrade(proxy),
        });
        let follower: Weak<Self> = Arc::downgrade(&this);
        // Registered first, so that no change is missed in between.
        proxy.followed_by(follower);
        this.apply();
        this
    }

    pub(in crate::mesh) const fn layer(&self) -> &JwtLayer {
        &self.layer
    }

    /// Applies the configuration of the proxy, unless it is the one in force.
    pub(in crate::mesh) fn apply(&self) {
        let Some(proxy) = self.proxy.upgrade() else {
            return;
        };
        let mut applied = self.applied.lock().unwrap_or_else(PoisonError::into_inner);
        // Read under the lock, so that an older configuration never follows a newer one.
        let config = proxy.config();
        // A registration and a change may both call this for one version.
        if config.version < applied.version || config.tokens == applied.rules {
            return;
        }
        let mut before = std::mem::take(&mut applied.sources);
        let rules = config.tokens.iter().map(|rule| {
            let keys = self.keys(rule, &mut before, &mut applied.sources);
            self::rule(rule, keys)
        });
        let rules: Vec<_> = rules.collect();
        self.emitter
            .set_origin(config.tokens.first().map(|rule| &rule.origin));
        let policy = JwtPolicy::new(rules).with_envoy_behaviour(self.envoy);
        self.layer.reconfigure(policy);
        applied.rules.clone_from(&config.tokens);
        applied.version = config.version;
    }

    /// Returns the keys of a rule; a source stays the one from before.
    fn keys(
        &self,
        rule: &TokenRuleConfig,
        before: &mut HashMap<(KeysConfig, Option<Duration>), JwksSource>,
        now: &mut HashMap<(KeysConfig, Option<Duration>), JwksSource>,
    ) -> JwtKeys {
        if let KeysConfig::Inline(text) = &rule.keys {
            return match Jwks::from_json(text) {
                Ok(keys) => keys.into(),
                Err(error) => without_keys(rule, &error),
            };
        }
        let key = (rule.keys.clone(), rule.timeout);
        if let Some(source) = now.get(&key) {
            return source.clone().into();
        }
        let source = match before.remove(&key) {
            Some(source) => Ok(source),
            None => self.source(rule),
        };
        match source {
            Ok(source) => {
                source.start();
                now.insert(key, source.clone());
                source.into()
            }
            Err(error) => without_keys(rule, &error),
        }
    }

    #[cfg(feature = "reqwest")]
    fn source(&self, rule: &TokenRuleConfig) -> Result<JwksSource, Box<dyn std::error::Error>> {
        let mut policy = JwksPolicy::default();
        if let Some(timeout) = rule.timeout {
            policy = policy.with_timeout(timeout);
        }
        let client = Box::new(super::fetch::MeshFetch::new(Weak::clone(&self.proxy)));
        let emitter = self.emitter.clone();
        Ok(match &rule.keys {
            KeysConfig::Uri(uri) => JwksSource::at(uri, policy, client, emitter)?,
            KeysConfig::Discovery(issuer) | KeysConfig::Inline(issuer) => {
                JwksSource::described_by(issuer, policy, client, emitter)?
            }
        })
    }

    #[cfg(not(feature = "reqwest"))]
    #[expect(clippy::unused_self, reason = "the other form of it uses the proxy")]
    fn source(&self, _rule: &TokenRuleConfig) -> Result<JwksSource, &'static str> {
        Err("keys are fetched with the feature `reqwest`; write them as `jwks`")
    }
}

impl Follow for Authentication {
    fn follow(&self, _gone: &[ClusterKey]) -> Option<Box<dyn Leftover>> {
        self.apply();
        None
    }
}

fn rule(config: &TokenRuleConfig, keys: JwtKeys) -> JwtRule {
    let mut rule = JwtRule::new(config.issuer.clone(), keys)
        .with_audiences(config.audiences.iter().cloned())
        .with_forwarded_token(config.forwards_token)
        .with_required_token(config.requires_token);
    for (name, prefix) in &config.headers {
        rule = rule.with_header(name.clone(), prefix.clone());
    }
    for param in &config.params {
        rule = rule.with_param(param.clone());
    }
    for cookie in &config.cookies {
        rule = rule.with_cookie(cookie.clone());
    }
    if let Some(name) = &config.payload_header {
        rule = rule.with_payload_header(name.clone());
    }
    for (claim, name) in &config.claim_headers {
        rule = rule.with_claim_header(claim.clone(), name.clone());
    }
    for claim in &config.space_delimited {
        rule = rule.with_space_delimited_claim(claim.clone());
    }
    rule
}

/// Reports a rule without keys, which refuses each token.
fn without_keys(rule: &TokenRuleConfig, error: &dyn std::fmt::Display) -> JwtKeys {
    tracing::error!(origin = %rule.origin, "the tokens of {} are refused: {error}", rule.issuer);
    JwtKeys::None
}
