//! Settings as text.

use super::RateLimitPolicy;
use crate::foundation::sync::Percent;
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
