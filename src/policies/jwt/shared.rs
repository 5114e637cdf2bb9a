use std::fmt::{self, Debug, Formatter};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use http::{HeaderValue, Request};

use super::JwtPolicy;
use super::gate::JwtRefusal;
use super::machine::{Compiled, Decision, Evaluation, TokenCarrier, is_preflight};
use super::source::Waiting;
use crate::foundation::events::Emitter;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::authority;
use crate::foundation::outcome::JwtStatus;
use crate::foundation::sync::Switchable;
use crate::foundation::time::clock;

/// Maximum length of the path in a challenge, Envoy's.
const MAX_PATH: usize = 256;

/// State that all clones of a layer share.
pub(super) struct Shared {
    pub(super) compiled: Switchable<Compiled>,
    pub(super) emitter: Emitter,
    pub(super) refused: AtomicU64,
}

impl Debug for Shared {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("policy", &self.compiled.load().policy)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(super) fn new(policy: JwtPolicy, emitter: Emitter) -> Self {
        Self {
            compiled: Switchable::new(Compiled::new(policy), is_off),
            emitter,
            refused: AtomicU64::new(0),
        }
    }

    pub(super) fn reconfigure(&self, policy: JwtPolicy) {
        self.compiled.replace(|_| Compiled::new(policy), is_off);
    }

    /// Checks the tokens of a request, and changes it accordingly; a refusal is an extension of it. Returns the wait for keys
    /// and the source of them, if the decision depends on keys that are being fetched. `waited` are the sources for
    /// which the request has waited already.
    pub(super) fn authenticate<B>(
        &self,
        request: &mut Request<B>,
        waited: &[u64],
    ) -> Option<(Waiting, u64)> {
        let compiled = self.compiled.load_unless_off()?;
        compiled.sanitize(request.headers_mut());
        if is_preflight(request.method(), request.headers()) {
            return None;
        }
        let since = clock::system_time().duration_since(UNIX_EPOCH);
        let evaluation = Evaluation {
            compiled: &compiled,
            effects: super::machine::Effects::default(),
            // A clock before 1970 is no clock: every token that expires has expired.
            now: since.map_or(u64::MAX, |since| since.as_secs()),
            request: TokenCarrier {
                headers: request.headers(),
                uri: request.uri(),
            },
            waited,
        };
        match evaluation.decide() {
            Decision::Allowed(effects) => {
                effects.apply(&compiled, request);
                None
            }
            Decision::Refused(status) => {
                // Relaxed: a number for statistics.
                self.refused.fetch_add(1, Ordering::Relaxed);
                let challenge = challenge(request, status);
                request
                    .extensions_mut()
                    .insert(JwtRefusal { challenge, status });
                None
            }
            Decision::Waiting(waiting, source) => Some((waiting, source)),
        }
    }
}

fn is_off(compiled: &Compiled) -> bool {
    compiled.policy.is_off()
}

/// Returns the value of `www-authenticate`: the realm is the URI of the request.
#[cold]
fn challenge<B>(request: &Request<B>, status: JwtStatus) -> HeaderValue {
    let forwarded = request.headers().get("x-forwarded-proto");
    let forwarded = forwarded.map(HeaderValue::as_bytes);
    let scheme = match (request.uri().scheme_str(), forwarded) {
        (Some("https"), _) | (None, Some(b"https")) => "https",
        _ => "http",
    };
    let target = request.uri().path_and_query();
    let mut path = target.map_or("/", |target| target.as_str());
    while path.len() > MAX_PATH {
        // Characters of several bytes are not cut.
        let end = (0..=MAX_PATH).rev().find(|end| path.is_char_boundary(*end));
        path = &path[..end.unwrap_or(0)];
    }
    let authority = authority(&RequestHead::of(request));
    let uri = format!("{scheme}://{authority}{path}").replace('"', "%22");
    let error = match status {
        JwtStatus::Missing => "",
        _ => ", error=\"invalid_token\"",
    };
    HeaderValue::try_from(format!("Bearer realm=\"{uri}\"{error}"))
        .unwrap_or(HeaderValue::from_static("Bearer"))
}
