use std::collections::BTreeSet;

use http::{HeaderName, header};

use crate::policies::jwt::cache::TokenCache;
use crate::policies::jwt::{JwtKeys, JwtPolicy, JwtRule};

/// A policy, ready for requests.
#[derive(Debug)]
pub(in crate::policies::jwt) struct Compiled {
    pub(in crate::policies::jwt) policy: JwtPolicy,
    pub(in crate::policies::jwt) envoy: bool,
    pub(super) rules: Box<[CompiledRule]>,
    /// The headers that the rules write, which callers may not bring.
    pub(super) written: Box<[HeaderName]>,
}

/// A rule, ready for requests.
#[derive(Debug)]
pub(super) struct CompiledRule {
    audiences: Box<[Box<str>]>,
    pub(super) cache: TokenCache,
    pub(super) claim_headers: Box<[(Box<str>, HeaderName)]>,
    pub(super) forwards_token: bool,
    pub(super) issuer: Box<str>,
    pub(super) keys: JwtKeys,
    pub(super) payload_header: Option<HeaderName>,
    /// In Envoy's order, which checks the last one first.
    pub(super) places: Box<[Place]>,
    pub(super) requires_token: bool,
    /// Claims that are lists of words.
    pub(super) words: Box<[Box<str>]>,
}

/// Place of a token in a request.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Cookie(Box<str>),
    Header { name: HeaderName, prefix: Box<str> },
    Param(Box<str>),
}

impl Compiled {
    pub(in crate::policies::jwt) fn new(policy: JwtPolicy) -> Self {
        let rules: Box<[_]> = policy
            .rules
            .iter()
            .map(|rule| CompiledRule::new(rule, policy.cache))
            .collect();
        let written = policy.rules.iter().flat_map(|rule| {
            let claims = rule.claim_headers.iter().map(|(_, name)| name);
            claims.chain(&rule.payload_header)
        });
        Self {
            envoy: policy.envoy,
            written: written.cloned().collect(),
            rules,
            policy,
        }
    }

    /// Returns the number of remembered tokens.
    pub(in crate::policies::jwt) fn cached(&self) -> usize {
        self.rules.iter().map(|rule| rule.cache.len()).sum()
    }
}

impl CompiledRule {
    fn new(rule: &JwtRule, cache: usize) -> Self {
        let words = ["scope", "permission"].map(Box::from);
        Self {
            audiences: rule
                .audiences
                .iter()
                .map(|one| sanitized(one).into())
                .collect(),
            cache: TokenCache::new(cache),
            claim_headers: rule.claim_headers.clone().into(),
            forwards_token: rule.forwards_token,
            issuer: rule.issuer.clone(),
            keys: rule.keys.clone(),
            payload_header: rule.payload_header.clone(),
            places: places(rule),
            requires_token: rule.requires_token,
            words: words
                .into_iter()
                .chain(rule.space_delimited.clone())
                .collect(),
        }
    }

    /// Returns true if one of the audiences is one of the rule's, or the rule has none.
    pub(super) fn allows<'a>(&self, mut audiences: impl Iterator<Item = &'a str>) -> bool {
        let is_own = |audience| {
            self.audiences
                .iter()
                .any(|own| **own == *sanitized(audience))
        };
        self.audiences.is_empty() || audiences.any(is_own)
    }
}

/// Returns an audience without its scheme and one slash at its end.
fn sanitized(audience: &str) -> &str {
    let rest = audience
        .strip_prefix("http://")
        .or_else(|| audience.strip_prefix("https://"))
        .unwrap_or(audience);
    rest.strip_suffix('/').unwrap_or(rest)
}

/// Returns the places of a rule, or the default ones: headers, parameters and cookies, each in the order of their names.
fn places(rule: &JwtRule) -> Box<[Place]> {
    let mut headers: Vec<_> = rule.headers.clone();
    headers.sort_by_key(|(name, prefix)| format!("{name}{prefix}"));
    headers.dedup();
    let mut params: BTreeSet<_> = rule.params.iter().cloned().collect();
    let cookies: BTreeSet<_> = rule.cookies.iter().cloned().collect();
    if headers.is_empty() && params.is_empty() && cookies.is_empty() {
        headers.push((header::AUTHORIZATION, "Bearer ".into()));
        params.insert("access_token".into());
    }
    let headers = headers
        .into_iter()
        .map(|(name, prefix)| Place::Header { name, prefix });
    let params = params.into_iter().map(Place::Param);
    let cookies = cookies.into_iter().map(Place::Cookie);
    headers.chain(params).chain(cookies).collect()
}
