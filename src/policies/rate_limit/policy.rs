#[cfg(feature = "serde")]
mod config;
mod read;
#[cfg(feature = "istio")]
mod settings;

use std::borrow::Cow;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};

use super::added_header::{AddedHeader, AppendAction};
#[cfg(feature = "governor")]
use super::governed::Governed;
use super::quota::Limit;
use super::{Key, RateLimitHeaders};
use crate::foundation::http::{GrpcStatus, RequestHead, ResponseHead};
use crate::foundation::sync::Percent;

/// The rate, the key that it is counted for, and the treatment of requests over the limit.
///
/// The default limits nothing: start with [`at_most`](Self::at_most) or
/// [`token_bucket`](Self::token_bucket).
#[derive(Clone, Debug)]
pub struct RateLimitPolicy {
    answer_headers: Vec<(HeaderName, HeaderValue)>,
    charge: bool,
    cost: Option<Cost>,
    enabled: Percent,
    enforced: Percent,
    #[cfg(feature = "governor")]
    governor: Option<Governed>,
    grpc_status: GrpcStatus,
    headers: RateLimitHeaders,
    key: Key,
    limit: Limit,
    max_keys: usize,
    max_queue: usize,
    max_wait: Duration,
    name: Cow<'static, str>,
    request_headers: Option<Arc<[AddedHeader]>>,
    share: (u32, u32),
    status: StatusCode,
    usage: Option<Usage>,
}

impl RateLimitPolicy {
    /// Admits every request. Earlier counts are kept for the policy that replaces this one.
    #[must_use]
    pub const fn off() -> Self {
        Self::new(Limit::Off)
    }

    /// Admits at most `n` requests in any `period`, exactly: a request stops counting one period
    /// after its admission. `n` of 0 admits nothing; a `period` of 0 limits nothing.
    ///
    /// The time of each admission is remembered. Of more than 128 at once some are merged, and
    /// count for up to a 64th of the period too long, never too short.
    #[must_use]
    pub const fn at_most(n: u64, period: Duration) -> Self {
        Self::new(Limit::AtMost { n, period })
    }

    /// Admits at most `n` requests in any second; see [`at_most`](Self::at_most).
    #[must_use]
    pub const fn per_second(n: u64) -> Self {
        Self::at_most(n, Duration::from_secs(1))
    }

    /// Admits at most `n` requests in any minute; see [`at_most`](Self::at_most).
    #[must_use]
    pub const fn per_minute(n: u64) -> Self {
        Self::at_most(n, Duration::from_secs(60))
    }

    /// Admits each request that finds a token in a bucket of `max_tokens`, full at first and evenly
    /// refilled with `tokens_per_fill` in every `fill_interval`: Envoy's `token_bucket`.
    ///
    /// `max_tokens` of 0 admits nothing. The refill is never slower than a token a year, even with
    /// `tokens_per_fill` of 0, as in Envoy; a `fill_interval` of 0 refills at once. A bucket of 20
    /// with 20 a minute admits up to 39 during its first minute: for never more than 20 use
    /// [`at_most`](Self::at_most).
    #[must_use]
    pub const fn token_bucket(
        max_tokens: u64,
        tokens_per_fill: u64,
        fill_interval: Duration,
    ) -> Self {
        Self::new(Limit::TokenBucket {
            discrete: false,
            fill_interval,
            max_tokens,
            tokens_per_fill,
        })
    }

    const fn new(limit: Limit) -> Self {
        Self {
            answer_headers: Vec::new(),
            charge: false,
            cost: None,
            enabled: Percent::ALL,
            enforced: Percent::ALL,
            #[cfg(feature = "governor")]
            governor: None,
            grpc_status: GrpcStatus::UNAVAILABLE,
            headers: RateLimitHeaders::Rejections,
            key: Key::Global,
            limit,
            // About 1.6 MB of token buckets, at 16 bytes each.
            max_keys: 100_000,
            max_queue: 0,
            max_wait: Duration::MAX,
            name: Cow::Borrowed("default"),
            request_headers: None,
            share: (1, 1),
            status: StatusCode::TOO_MANY_REQUESTS,
            usage: None,
        }
    }

    /// Counts each key separately. The default is [`Key::Global`]: one count for all requests.
    #[must_use]
    pub fn with_key(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Sets the maximum number of keys that are remembered. The default is 100 000; 0 means 1.
    ///
    /// A key that has its whole limit left is not remembered. When there are more of the others, one that
    /// has much of its limit left gives way to the next, and has all of it when it comes back. So where more
    /// keys than this are used up at a time, a caller that is limited may be let in again early:
    /// [`RateLimitStats::evicted`](super::RateLimitStats::evicted) counts how often that could be. Keys that
    /// callers can make up, such as a header that nothing checks, are better not counted by.
    #[must_use]
    pub const fn with_max_keys(mut self, max_keys: usize) -> Self {
        self.max_keys = max_keys;
        self
    }

    /// Sets the cost of a request. The default is 1; a request of cost 0 is always admitted and not
    /// counted.
    #[must_use]
    pub fn with_cost(
        mut self,
        cost: impl Fn(RequestHead<'_>) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.cost = Some(Cost(Arc::new(cost)));
        self
    }

    /// Sets the actual cost of a request, computed from the response's head and the charge: the
    /// difference is refunded or charged. The default changes nothing.
    ///
    /// If only the body carries the cost, see [`with_charge`](Self::with_charge).
    #[must_use]
    pub fn with_usage(
        mut self,
        usage: impl Fn(ResponseHead<'_>, u64) -> u64 + Send + Sync + 'static,
    ) -> Self {
        self.usage = Some(Usage(Arc::new(usage)));
        self
    }

    /// Sets whether a [`Charge`](super::Charge) is put into the extensions of each response, for a
    /// caller that learns the cost from the body. The default is false.
    #[must_use]
    pub const fn with_charge(mut self, charge: bool) -> Self {
        self.charge = charge;
        self
    }

    /// Applies `part` of `whole` of the limit: where replicas share a limit, each of 3 uses
    /// `with_share(1, 3)`. The default is the whole limit.
    ///
    /// The result is rounded down, but not to 0 unless `part` is 0. A `whole` of 0, and a `part`
    /// greater than `whole`, mean the whole limit.
    #[must_use]
    pub const fn with_share(mut self, part: u32, whole: u32) -> Self {
        // A `whole` of 0 and a `part` beyond it fall back to the whole limit.
        self.share = if part < whole { (part, whole) } else { (1, 1) };
        self
    }

    /// Queues up to `max_queue` requests, all keys together, first come, first served. The default
    /// is 0: a request over the limit is rejected at once.
    #[must_use]
    pub const fn with_max_queue(mut self, max_queue: usize) -> Self {
        self.max_queue = max_queue;
        self
    }

    /// Sets the maximum wait in the queue. The default is no maximum but the caller's
    /// [`Deadline`](crate::Deadline). A request whose wait would be longer is rejected at once.
    #[must_use]
    pub const fn with_max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
        self
    }

    /// Sets the responses that carry the status of the limit. The default is
    /// [`RateLimitHeaders::Rejections`].
    #[must_use]
    pub const fn with_headers(mut self, headers: RateLimitHeaders) -> Self {
        self.headers = headers;
        self
    }

    /// Sets the limit's name in the `RateLimit` and `RateLimit-Policy` headers. The default is
    /// `default`. Characters other than printable ASCII become `?`.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the status of a rejection. The default is 429; a status below 400 means 429, as in
    /// Envoy.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = if status.as_u16() < 400 {
            StatusCode::TOO_MANY_REQUESTS
        } else {
            status
        };
        self
    }

    /// Sets the status of a rejection for gRPC callers. The default is `UNAVAILABLE`, as in Envoy,
    /// where `rate_limited_as_resource_exhausted` changes it to `RESOURCE_EXHAUSTED`.
    #[must_use]
    pub const fn with_grpc_status(mut self, status: GrpcStatus) -> Self {
        self.grpc_status = status;
        self
    }

    /// Adds a header to each rejection: Envoy's `response_headers_to_add`. The default is none.
    #[must_use]
    pub fn with_answer_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.answer_headers.push((name, value));
        self
    }

    /// Sets the share of requests that are counted: Envoy's `filter_enabled`. The default is 100 %,
    /// unlike Envoy's 0 %.
    #[must_use]
    pub const fn with_enabled(mut self, share: Percent) -> Self {
        self.enabled = share;
        self
    }

    /// Sets the share of requests over the limit that are rejected: Envoy's `filter_enforced`. The
    /// default is 100 %, unlike Envoy's 0 %; the others are reported as
    /// [`EventKind::WouldReject`](crate::events::EventKind::WouldReject). For a dry run use [`Percent::NONE`].
    #[must_use]
    pub const fn with_enforced(mut self, share: Percent) -> Self {
        self.enforced = share;
        self
    }

    /// Adds a header to requests over the limit that go on because it is not
    /// [enforced](Self::with_enforced) for them, so that the upstream knows. The default is none. Envoy:
    /// `request_headers_to_add_when_not_enforced`.
    ///
    /// It is added to what the request has under this name.
    #[must_use]
    pub fn with_request_header_when_not_enforced(
        self,
        name: HeaderName,
        value: HeaderValue,
    ) -> Self {
        self.with_added_header(AddedHeader::new(name, value, AppendAction::Append))
    }

    pub(crate) fn with_added_header(mut self, header: AddedHeader) -> Self {
        let known = self.request_headers.iter().flat_map(|all| all.iter());
        self.request_headers = Some(known.cloned().chain([header]).collect());
        self
    }

    /// Lets the tokens of a bucket come all at once at the end of every fill interval, as Envoy did
    /// up to 1.31. The default is evenly. It changes nothing about [`at_most`](Self::at_most).
    #[must_use]
    pub const fn with_discrete_refill(mut self, whether: bool) -> Self {
        if let Limit::TokenBucket { discrete, .. } = &mut self.limit {
            *discrete = whether;
        }
        self
    }
}

impl Default for RateLimitPolicy {
    fn default() -> Self {
        Self::off()
    }
}

#[derive(Clone)]
struct Cost(Arc<dyn Fn(RequestHead<'_>) -> u64 + Send + Sync>);

impl Debug for Cost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Cost(..)")
    }
}

#[derive(Clone)]
struct Usage(Arc<dyn Fn(ResponseHead<'_>, u64) -> u64 + Send + Sync>);

impl Debug for Usage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Usage(..)")
    }
}
