#[cfg(feature = "serde")]
mod config;
#[cfg(feature = "istio")]
mod settings;

use super::SlowStart;
use crate::foundation::http::HashPolicy;
use crate::foundation::sync::Percent;

/// Load balancing algorithm with its settings.
///
/// The default is Istio's, [least request](Self::least_request), with a slow start.
#[derive(Clone, Debug)]
pub struct LoadBalancePolicy {
    elsewhere: Option<bool>,
    method: Method,
    min_health: Percent,
    on: bool,
    slow_start: SlowStart,
}

#[derive(Clone, Debug)]
pub(super) enum Method {
    ConsistentHash { key: HashPolicy, min_ring_size: u32 },
    LeastRequest { choices: u32 },
    Random,
    RoundRobin,
}

impl LoadBalancePolicy {
    /// Draws two endpoints and takes the one with fewer requests in flight. Istio: `LEAST_REQUEST`,
    /// its default.
    ///
    /// The two are drawn by weight, and compared by requests in flight per unit of weight.
    #[must_use]
    pub const fn least_request() -> Self {
        Self::of(Method::LeastRequest { choices: 2 })
    }

    /// Takes the endpoints in turn, heavier ones more often. Istio: `ROUND_ROBIN`.
    ///
    /// Each thread takes its own turns and starts at another position of the round, as Envoy's
    /// workers do: a shared counter would be written by all threads, and two threads were no faster
    /// than one. On several threads the requests of each are even, and one endpoint may get two in
    /// a row, from two threads. The turns of heavier endpoints are spread over the round, as in
    /// gRPC's static stride scheduler.
    #[must_use]
    pub const fn round_robin() -> Self {
        Self::of(Method::RoundRobin)
    }

    /// Chooses at random, by weight. Istio: `RANDOM`.
    #[must_use]
    pub const fn random() -> Self {
        Self::of(Method::Random)
    }

    /// Takes the same endpoint for the same key, while it is available: a header, a cookie, the
    /// caller's address or a query parameter. Istio: `consistentHash`.
    ///
    /// A request without the key goes to a random endpoint. A cookie with a time to live is set for
    /// callers without one. When `n` endpoints become `n + 1`, about one key in `n + 1` moves, and
    /// only to the new endpoint.
    #[must_use]
    pub const fn consistent_hash(key: HashPolicy) -> Self {
        Self::of(Method::ConsistentHash {
            key,
            min_ring_size: 1_024,
        })
    }

    /// Creates a policy that is off: the layer leaves the address of a request unchanged, and a
    /// service that has to choose takes the first endpoint.
    #[must_use]
    pub const fn off() -> Self {
        let mut policy = Self::random();
        policy.on = false;
        policy
    }

    /// Sets how many endpoints [least request](Self::least_request) compares. The default is 2; 0 and 1
    /// compare nothing, and with as many as there are endpoints, or more, each is looked at once. It changes nothing for the other ways to choose. Envoy: `choice_count`.
    #[must_use]
    pub fn with_choices(mut self, choices: u32) -> Self {
        if let Method::LeastRequest { choices: current } = &mut self.method {
            *current = choices;
        }
        self
    }

    /// Sets the minimum number of points on the ring of a [consistent hash](Self::consistent_hash).
    /// The default is 1,024, the maximum 262,144. Other algorithms ignore it. Istio:
    /// `minimumRingSize`.
    ///
    /// Each endpoint of the lowest weight has half as many points, whatever the other endpoints
    /// are: 512 by default, which makes its share of the keys even to some 5 %. More points make it
    /// more even.
    #[must_use]
    pub fn with_min_ring_size(mut self, size: u32) -> Self {
        if let Method::ConsistentHash { min_ring_size, .. } = &mut self.method {
            *min_ring_size = size;
        }
        self
    }

    /// Sets the share of available endpoints below which ejections are ignored and all endpoints
    /// are used. The default is 0: with all endpoints ejected, requests get 503. Istio:
    /// `minHealthPercent`; Envoy's panic threshold, whose own default is 50 %.
    #[must_use]
    pub const fn with_min_health_percent(mut self, percent: Percent) -> Self {
        self.min_health = percent;
        self
    }

    /// Sets the slow start of an endpoint that is new, or back from an ejection. The default is
    /// [`SlowStart::default`]; in Istio it is [`SlowStart::off`]. Istio: `warmup`.
    ///
    /// A [consistent hash](Self::consistent_hash) has no slow start, as in Envoy.
    #[must_use]
    pub const fn with_slow_start(mut self, slow_start: SlowStart) -> Self {
        self.slow_start = slow_start;
        self
    }

    /// Sets whether a retry prefers endpoints that were not attempted for its request. The default
    /// is true, except with a [consistent hash](Self::consistent_hash). Istio:
    /// `retryIgnorePreviousHosts`.
    #[must_use]
    pub const fn with_retries_elsewhere(mut self, elsewhere: bool) -> Self {
        self.elsewhere = Some(elsewhere);
        self
    }

    const fn of(method: Method) -> Self {
        Self {
            elsewhere: None,
            method,
            min_health: Percent::NONE,
            on: true,
            slow_start: SlowStart::DEFAULT,
        }
    }
}

impl LoadBalancePolicy {
    /// Takes `source` for the caller's address where a request has none, as those that a workload itself
    /// sends.
    #[cfg(feature = "istio")]
    pub(crate) fn with_source(mut self, source: impl FnOnce() -> HashPolicy) -> Self {
        if let Method::ConsistentHash { key, .. } = &mut self.method
            && key.is_by_address()
        {
            *key = key.clone().or(source());
        }
        self
    }

    pub(super) fn goes_elsewhere(&self) -> bool {
        let hashed = matches!(self.method, Method::ConsistentHash { .. });
        self.elsewhere.unwrap_or(!hashed)
    }

    pub(super) const fn is_on(&self) -> bool {
        self.on
    }

    pub(super) const fn method(&self) -> &Method {
        &self.method
    }

    pub(super) const fn slow_start(&self) -> SlowStart {
        self.slow_start
    }

    /// Returns true if the available endpoints are too few, so that all are used.
    pub(super) const fn panics(&self, available: usize, all: usize) -> bool {
        !self.min_health.reached_by(available as u64, all as u64)
    }
}

impl Default for LoadBalancePolicy {
    fn default() -> Self {
        Self::least_request()
    }
}
