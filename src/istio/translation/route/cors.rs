use super::http_match::string_match;
use crate::foundation::matching::StringMatch;
use crate::istio::api::fields::read::Texts;
use crate::istio::api::http_route::{CorsPolicy as ApiPolicy, UnmatchedPreflights as Api};
use crate::policies::cors::{CorsPolicy, UnmatchedPreflights};

/// Returns the policy of CORS of a route.
pub(super) fn cors(written: &ApiPolicy) -> CorsPolicy {
    let old = written.allow_origin.iter();
    let old = old.map(|origin| StringMatch::exact(origin.value.as_str()));
    let new = written.allow_origins.iter().filter_map(string_match);
    // The deprecated field applies only without the other one.
    let policy = if written.allow_origins.is_empty() {
        CorsPolicy::new(old)
    } else {
        CorsPolicy::new(new)
    };
    let policy = policy
        .with_allow_credentials(written.allow_credentials.is_some_and(|flag| flag.value))
        .with_allow_headers(names(&written.allow_headers))
        .with_allow_methods(names(&written.allow_methods))
        .with_expose_headers(names(&written.expose_headers))
        .with_unmatched_preflights(match written.unmatched_preflights.map(|pick| pick.value) {
            Some(Api::Ignore) => UnmatchedPreflights::Ignore,
            Some(Api::Forward | Api::Unspecified) | None => UnmatchedPreflights::Forward,
        });
    match written.max_age {
        Some(age) => policy.with_max_age(age.value),
        None => policy,
    }
}

fn names(texts: &Texts) -> impl Iterator<Item = &str> {
    texts.iter().map(|text| text.value.as_str())
}
