use std::time::Duration;

use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::TracePolicy;
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower::{Layer, ServiceBuilder};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::GlobalKeyExtractor;

use crate::case::{Case, case, held_only};
use crate::peers::{
    Again, IN_FLIGHT, LONG, MANY, RETRIES, context, seatbelt_breaker, seatbelt_retry,
    seatbelt_timeout, tower_http_timeout, tr_breaker, tr_bulkhead, tr_rate_limit, tr_retry,
    tr_timeout,
};

const SECOND: Duration = Duration::from_secs(1);
/// Concurrency limit, rate limit, circuit breaker, retry, timeout, outermost first.
const WORK: &str = "the five";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ours();
    cases.extend(theirs());
    cases
}

fn ours() -> Vec<Case> {
    vec![
        case(WORK, "meshless, by hand in this order", |upstream| {
            ServiceBuilder::new()
                .layer(ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(
                    IN_FLIGHT,
                )))
                .layer(RateLimitLayer::new(bucket()))
                .layer(CircuitBreakerLayer::new(CircuitBreakerPolicy::default()))
                .layer(RetryLayer::new(RetryPolicy::new(RETRIES)))
                .layer(TimeoutLayer::new(alone()))
                .service(upstream)
        }),
        case(
            WORK,
            "meshless, `outbound()` without trace and deadline",
            |upstream| {
                meshless::outbound()
                    .with_rate_limit(bucket())
                    .with_timeout(alone())
                    .with_trace(TracePolicy::off())
                    .layer(upstream)
            },
        ),
        case(
            WORK,
            "meshless, `outbound()` with a rate limit",
            |upstream| {
                meshless::outbound()
                    .with_rate_limit(bucket())
                    .layer(upstream)
            },
        ),
    ]
}

fn bucket() -> RateLimitPolicy {
    RateLimitPolicy::token_bucket(u64::from(MANY), u64::from(MANY), SECOND)
}

/// A timeout that does no more than those of the peers.
fn alone() -> TimeoutPolicy {
    TimeoutPolicy::total(LONG)
        .with_incoming(false)
        .with_outgoing(false)
}

fn theirs() -> Vec<Case> {
    vec![
        case(WORK, "tower-resilience", |upstream| {
            ServiceBuilder::new()
                .layer(tr_bulkhead())
                .layer(tr_rate_limit())
                .layer(tr_breaker())
                .layer(tr_retry())
                .layer(tr_timeout())
                .service(upstream)
        }),
        case(
            WORK,
            "tower limit, tower_governor, seatbelt's three",
            |upstream| {
                let config = GovernorConfigBuilder::default()
                    .per_nanosecond(1)
                    .burst_size(MANY)
                    .key_extractor(GlobalKeyExtractor)
                    .finish()
                    .expect("a policy");
                let context = context();
                ServiceBuilder::new()
                    .concurrency_limit(IN_FLIGHT as usize)
                    .layer(GovernorLayer::new(config))
                    .layer(seatbelt_breaker(&context))
                    .layer(seatbelt_retry(&context))
                    .layer(seatbelt_timeout(&context))
                    .service(upstream)
            },
        ),
        case(
            WORK,
            "tower limit, tower_governor, seatbelt breaker, tower retry, tower-http timeout",
            |upstream| {
                let config = GovernorConfigBuilder::default()
                    .per_nanosecond(1)
                    .burst_size(MANY)
                    .key_extractor(GlobalKeyExtractor)
                    .finish()
                    .expect("a policy");
                ServiceBuilder::new()
                    .concurrency_limit(IN_FLIGHT as usize)
                    .layer(GovernorLayer::new(config))
                    .layer(seatbelt_breaker(&context()))
                    .retry(Again(RETRIES))
                    .layer(tower_http_timeout())
                    .service(upstream)
            },
        ),
        held_only(WORK, "tower (four: it has no breaker)", |upstream| {
            ServiceBuilder::new()
                .concurrency_limit(IN_FLIGHT as usize)
                .rate_limit(u64::from(MANY), SECOND)
                .retry(Again(RETRIES))
                .timeout(LONG)
                .service(upstream)
        }),
    ]
}
