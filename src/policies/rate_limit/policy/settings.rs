//! Settings as text.

use http::{HeaderName, HeaderValue, StatusCode};

use super::RateLimitPolicy;
use crate::foundation::http::GrpcStatus;
use crate::foundation::sync::Percent;
use crate::policies::rate_limit::RateLimitHeaders;
use crate::policies::rate_limit::quota::Limit;

impl RateLimitPolicy {
    /// Returns the settings by Envoy's names; none without a limit.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = match self.limit {
            Limit::Off => return Vec::new(),
            Limit::AtMost { n, period } => vec![
                ("at_most", n.to_string()),
                ("period", format!("{period:?}")),
            ],
            Limit::TokenBucket {
                fill_interval,
                max_tokens,
                tokens_per_fill,
                ..
            } => vec![
                ("max_tokens", max_tokens.to_string()),
                ("tokens_per_fill", tokens_per_fill.to_string()),
                ("fill_interval", format!("{fill_interval:?}")),
            ],
        };
        if !self.key.is_global() {
            settings.push(("buckets", "one for each value".to_owned()));
            settings.push(("max_dynamic_descriptors", self.max_keys.to_string()));
        }
        if self.status != StatusCode::TOO_MANY_REQUESTS {
            settings.push(("status", self.status.as_str().to_owned()));
        }
        if self.grpc_status == GrpcStatus::RESOURCE_EXHAUSTED {
            settings.push(("rate_limited_as_resource_exhausted", true.to_string()));
        }
        if matches!(
            self.headers,
            RateLimitHeaders::Envoy | RateLimitHeaders::AllAndEnvoy
        ) {
            settings.push(("enable_x_ratelimit_headers", "DRAFT_VERSION_03".to_owned()));
        }
        let shown = |name: &HeaderName, value: &HeaderValue| {
            format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()))
        };
        let added = self.request_headers.iter().flat_map(|all| all.iter());
        let added = added.map(|header| shown(header.name(), header.value()));
        let answered = self.answer_headers.iter();
        let answered = answered.map(|(name, value)| shown(name, value));
        for (name, headers) in [
            ("request_headers_to_add_when_not_enforced", added.collect()),
            ("response_headers_to_add", answered.collect::<Vec<_>>()),
        ] {
            if !headers.is_empty() {
                settings.push((name, headers.join(" and ")));
            }
        }
        let shares = [
            ("filter_enabled", self.enabled),
            ("filter_enforced", self.enforced),
        ];
        let partial = shares
            .into_iter()
            .filter(|(_, share)| *share < Percent::ALL);
        settings.extend(partial.map(|(name, share)| (name, share.to_string())));
        settings
    }
}
