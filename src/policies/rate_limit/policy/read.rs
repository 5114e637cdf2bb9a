//! Settings that the limiter reads from its policy.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::RateLimitPolicy;
use crate::foundation::http::{GrpcStatus, RequestHead, ResponseHead};
use crate::foundation::sync::Percent;
use crate::policies::rate_limit::added_header::AddedHeader;
#[cfg(feature = "governor")]
use crate::policies::rate_limit::governed::Governed;
use crate::policies::rate_limit::quota::Limit;
use crate::policies::rate_limit::{Key, RateLimitHeaders};

impl RateLimitPolicy {
    pub(crate) fn cost(&self, head: RequestHead<'_>) -> u64 {
        self.cost.as_ref().map_or(1, |cost| (cost.0)(head))
    }

    pub(in crate::policies::rate_limit) fn usage(
        &self,
        head: ResponseHead<'_>,
        charged: u64,
    ) -> u64 {
        let usage = self.usage.as_ref();
        usage.map_or(charged, |usage| (usage.0)(head, charged))
    }

    /// True if the response is needed, to settle the charge or to write headers.
    pub(in crate::policies::rate_limit) const fn settles(&self) -> bool {
        self.charge || self.usage.is_some() || self.headers.on_all()
    }

    pub(in crate::policies::rate_limit) fn answer_headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.answer_headers
    }

    /// True if each call costs 1, does not wait and has no key.
    pub(in crate::policies::rate_limit) const fn may_be_sharded(&self) -> bool {
        let corrected = self.cost.is_some() || self.usage.is_some() || self.charge;
        self.key.is_global() && self.max_queue == 0 && !corrected
    }

    pub(in crate::policies::rate_limit) const fn is_off(&self) -> bool {
        matches!(self.limit, Limit::Off) && !self.is_governed()
    }

    pub(crate) const fn is_on(&self) -> bool {
        !self.is_off()
    }

    pub(crate) const fn is_keyed(&self) -> bool {
        !self.key.is_global()
    }

    /// True if a limiter of governor decides.
    #[cfg(feature = "governor")]
    pub(in crate::policies::rate_limit) const fn is_governed(&self) -> bool {
        self.governor.is_some()
    }

    #[cfg(not(feature = "governor"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    pub(in crate::policies::rate_limit) const fn is_governed(&self) -> bool {
        false
    }

    #[cfg(feature = "governor")]
    pub(in crate::policies::rate_limit) const fn governed(&self) -> Option<&Governed> {
        self.governor.as_ref()
    }

    #[cfg(feature = "governor")]
    pub(in crate::policies::rate_limit) fn with_governor(mut self, governor: Governed) -> Self {
        self.governor = Some(governor);
        self
    }

    /// Returns the settings that have no effect, since the state is governor's.
    #[cfg(feature = "governor")]
    pub(in crate::policies::rate_limit) fn without_effect(&self) -> Vec<&'static str> {
        let settings = [
            ("key", !self.key.is_global()),
            ("share", self.share.0 != self.share.1),
            ("max_queue", self.max_queue > 0),
            ("usage", self.usage.is_some()),
            ("charge", self.charge),
        ];
        let set = settings.into_iter().filter(|(_, is_set)| *is_set);
        set.filter(|_| self.is_governed())
            .map(|(name, _)| name)
            .collect()
    }

    pub(in crate::policies::rate_limit) const fn hands_out_charges(&self) -> bool {
        self.charge
    }

    pub(crate) const fn enabled(&self) -> Percent {
        self.enabled
    }

    pub(crate) const fn enforced(&self) -> Percent {
        self.enforced
    }

    pub(crate) const fn grpc_status(&self) -> GrpcStatus {
        self.grpc_status
    }

    pub(in crate::policies::rate_limit) const fn headers(&self) -> RateLimitHeaders {
        self.headers
    }

    pub(in crate::policies::rate_limit) const fn key(&self) -> &Key {
        &self.key
    }

    pub(in crate::policies::rate_limit) const fn limit(&self) -> &Limit {
        &self.limit
    }

    pub(crate) const fn max_keys(&self) -> usize {
        self.max_keys
    }

    pub(in crate::policies::rate_limit) const fn max_queue(&self) -> usize {
        self.max_queue
    }

    pub(in crate::policies::rate_limit) const fn max_wait(&self) -> Duration {
        self.max_wait
    }

    pub(in crate::policies::rate_limit) fn name(&self) -> &str {
        &self.name
    }

    pub(in crate::policies::rate_limit) fn request_headers(&self) -> Option<Arc<[AddedHeader]>> {
        self.request_headers.clone()
    }

    pub(in crate::policies::rate_limit) const fn share(&self) -> (u32, u32) {
        self.share
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }
}
