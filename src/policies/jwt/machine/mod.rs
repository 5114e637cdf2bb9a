//! The decision about the tokens of a request: Envoy's requirement as Istio writes it, on a request that stays as it is.
//!
//! Of one rule the requirement is "a valid token, or none"; of several it is "a valid token of one, or for each a
//! valid token or none". Envoy removes a token from the request as soon as it is verified, and a later part does not see it;
//! here the removals are kept in [`Effects`], which are applied at the end.

mod compiled;
mod effects;
mod extract;
mod outputs;

pub(super) use compiled::Compiled;
use compiled::CompiledRule;
pub(super) use effects::Effects;
use extract::for_each_token;

use std::sync::Arc;

use http::{HeaderMap, Method, Uri, header};

use super::cache::Verified;
use super::source::{JwksSource, Waiting, Want};
use super::token::{Token, check_times};
use super::{Jwks, JwtKeys};
use crate::foundation::outcome::JwtStatus;

/// The parts of a request in which tokens are.
#[derive(Clone, Copy)]
pub(super) struct TokenCarrier<'a> {
    pub(super) headers: &'a HeaderMap,
    pub(super) uri: &'a Uri,
}

/// Decision about a request.
pub(super) enum Decision {
    Allowed(Effects),
    Refused(JwtStatus),
    /// The decision depends on keys that are being fetched.
    Waiting(Waiting, u64),
}

/// End of an evaluation.
enum Stop {
    Refused(JwtStatus),
    Waiting(Waiting, u64),
}

impl From<JwtStatus> for Stop {
    fn from(status: JwtStatus) -> Self {
        Self::Refused(status)
    }
}

/// Refusal of one token.
struct Refused {
    /// True if newer keys may verify it.
    is_by_unknown_key: bool,
    status: JwtStatus,
}

impl From<JwtStatus> for Refused {
    fn from(status: JwtStatus) -> Self {
        Self {
            is_by_unknown_key: false,
            status,
        }
    }
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused.status)
    }
}

/// One evaluation of a request.
pub(super) struct Evaluation<'a> {
    pub(super) compiled: &'a Compiled,
    pub(super) effects: Effects,
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) request: TokenCarrier<'a>,
    /// The sources for whose keys the request has waited already.
    pub(super) waited: &'a [u64],
}

/// Returns true for a CORS preflight, which browsers send without credentials.
pub(super) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    let has = |name| {
        headers
            .get(name)
            .is_some_and(|value: &http::HeaderValue| !value.is_empty())
    };
    method == Method::OPTIONS && has(header::ORIGIN) && has(header::ACCESS_CONTROL_REQUEST_METHOD)
}

impl Evaluation<'_> {
    pub(super) fn decide(mut self) -> Decision {
        match self.any() {
            Ok(()) => Decision::Allowed(self.effects),
            Err(Stop::Refused(status)) => Decision::Refused(status),
            Err(Stop::Waiting(waiting, source)) => Decision::Waiting(waiting, source),
        }
    }

    /// Evaluates the requirement of all rules.
    fn any(&mut self) -> Result<(), Stop> {
        let rules = &self.compiled.rules;
        let mut last = JwtStatus::Missing;
        for place in 0..rules.len() {
            match self.rule(place) {
                Err(Stop::Refused(status)) => last = prefer(last, status),
                decided => return decided,
            }
        }
        match self.all(last) {
            Err(Stop::Refused(status)) => Err(prefer(last, status).into()),
            decided => decided,
        }
    }

    /// Evaluates "for each rule a valid token or none", after all rules alone have been refused with `last`.
    fn all(&mut self, last: JwtStatus) -> Result<(), Stop> {
        let rules = &self.compiled.rules;
        // The same as before, if no token of a refused rule was valid.
        let is_known = rules.len() == 1 || (last == JwtStatus::Missing && self.effects.is_empty());
        for (place, rule) in rules.iter().enumerate() {
            let refused = if is_known {
                Err(Stop::Refused(last))
            } else {
                self.rule(place)
            };
            match refused {
                Err(Stop::Refused(JwtStatus::Missing)) if !rule.requires_token => {}
                Ok(()) => {}
                other => return other,
            }
        }
        Ok(())
    }

    /// Checks all tokens in the places of a rule, the last one first.
    fn rule(&mut self, place: usize) -> Result<(), Stop> {
        let compiled = self.compiled;
        let rule = &compiled.rules[place];
        self.effects.begin(place);
        let mut is_missing = true;
        let before = self.effects.len();
        for_each_token(self.request, rule, |at, token| {
            if self.effects.removes(compiled, before, &rule.places[at]) {
                return Ok(());
            }
            is_missing = false;
            let verified = self.token(rule, token)?;
            self.effects.add(place, at, verified);
            Ok(())
        })?;
        if is_missing {
            return Err(JwtStatus::Missing.into());
        }
        Ok(())
    }

    fn token(&self, rule: &CompiledRule, text: &[u8]) -> Result<Arc<Verified>, Stop> {
        match &rule.keys {
            JwtKeys::Inline(keys) => Ok(self.verified(rule, text, Some((keys, 0)))?),
            JwtKeys::None => Ok(self.verified(rule, text, None)?),
            JwtKeys::Remote(source) => self.fetched(rule, text, source),
        }
    }

    /// Verifies a token by fetched keys, and asks for newer ones where these do not do.
    fn fetched(
        &self,
        rule: &CompiledRule,
        text: &[u8],
        source: &JwksSource,
    ) -> Result<Arc<Verified>, Stop> {
        let current = source.current();
        let keys = current.as_ref().map(|current| (&current.keys, current.id));
        let refused = match self.verified(rule, text, keys) {
            Ok(verified) => return Ok(verified),
            Err(refused) => refused,
        };
        let (want, status) = match refused {
            Refused {
                status: JwtStatus::NoValidKeys,
                ..
            } => (Want::Any, JwtStatus::JwksFetchFailed),
            Refused {
                is_by_unknown_key: true,
                status,
            } => (Want::Newer, status),
            Refused { status, .. } => return Err(status.into()),
        };
        if self.waited.contains(&source.id()) {
            return Err(status.into());
        }
        match source.ask(want) {
            Some(waiting) => Err(Stop::Waiting(waiting, source.id())),
            None => Err(status.into()),
        }
    }

    /// Verifies a token by keys of a generation.
    fn verified(
        &self,
        rule: &CompiledRule,
        text: &[u8],
        keys: Option<(&Jwks, u64)>,
    ) -> Result<Arc<Verified>, Refused> {
        if let Some((_, generation)) = keys
            && let Some(verified) = rule.cache.get(text, generation, self.now)
        {
            verified.check_times(self.now)?;
            return Ok(verified);
        }
        // Other bytes than ASCII are no base64, whatever stands for them.
        let readable = String::from_utf8_lossy(text);
        let token = Token::parse(&readable, self.compiled.envoy)?;
        if !rule.issuer.is_empty() && *rule.issuer != *token.issuer() {
            return Err(JwtStatus::UnknownIssuer.into());
        }
        check_times(token.not_before, token.expires, self.now)?;
        if !rule.allows(token.audiences()) {
            return Err(JwtStatus::AudienceNotAllowed.into());
        }
        let (keys, generation) = keys.ok_or(JwtStatus::NoValidKeys)?;
        keys.verify(&token).map_err(|status| Refused {
            // A token without `kid` is compared with all keys, and the new one may not be among them.
            is_by_unknown_key: status == JwtStatus::NoMatchingKey || token.kid.is_empty(),
            status,
        })?;
        let verified = Arc::new(rule.outputs(token));
        rule.cache.insert(text, generation, self.now, &verified);
        Ok(verified)
    }
}

/// Chooses the answer of several refused rules as Envoy does: the last one that is about a token of its rule, then that the
/// issuer is unknown, then that there is no token.
fn prefer(one: JwtStatus, next: JwtStatus) -> JwtStatus {
    let is_about_it = !matches!(next, JwtStatus::Missing | JwtStatus::UnknownIssuer);
    if is_about_it || one == JwtStatus::Missing {
        next
    } else {
        one
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header};

    use super::*;
    use crate::policies::jwt::{JwtPolicy, JwtRule};

    fn decide(compiled: &Compiled, headers: &HeaderMap, now: u64) -> Result<(), JwtStatus> {
        let evaluation = Evaluation {
            compiled,
            effects: Effects::default(),
            now,
            request: TokenCarrier {
                headers,
                uri: &Uri::from_static("/"),
            },
            waited: &[],
        };
        match evaluation.decide() {
            Decision::Allowed(_) => Ok(()),
            Decision::Refused(status) => Err(status),
            Decision::Waiting(..) => unreachable!("the keys are there"),
        }
    }

    #[test]
    fn a_remembered_token_is_refused_once_its_time_is_over() {
        let keys = Jwks::from_json(r#"{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}"#).unwrap();
        let compiled = Compiled::new(JwtPolicy::new([JwtRule::new("i", keys)]));
        let claims = serde_json::json!({"iss": "i", "exp": 1_100});
        let key = EncodingKey::from_secret(b"secret").unwrap();
        let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
        let mut headers = HeaderMap::new();
        let value = format!("Bearer {token}").parse().unwrap();
        headers.insert(header::AUTHORIZATION, value);
        assert_eq!(decide(&compiled, &headers, 1_000), Ok(()));
        assert_eq!(compiled.cached(), 1);
        assert_eq!(decide(&compiled, &headers, 1_160), Ok(()));
        let late = decide(&compiled, &headers, 1_161);
        assert_eq!(late, Err(JwtStatus::Expired));
    }
}
