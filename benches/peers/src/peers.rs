//! The peers' layers, set up to do what ours do and to refuse nothing.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::Quota;
use seatbelt::breaker::{Breaker, BreakerLayer};
use seatbelt::retry::{Retry, RetryLayer};
use seatbelt::timeout::{Timeout, TimeoutLayer};
use seatbelt::typestates::Set;
use seatbelt::{RecoveryInfo, ResilienceContext};
use tower::retry::Policy;
use tower_http::timeout::TimeoutLayer as TowerHttpTimeout;
use tower_resilience::bulkhead::BulkheadLayer;
use tower_resilience::circuitbreaker::CircuitBreakerLayer;
use tower_resilience::ratelimiter::RateLimiterLayer;
use tower_resilience::retry::RetryLayer as TrRetryLayer;
use tower_resilience::timelimiter::{FixedTimeout, TimeLimiterLayer};

use crate::message::{Req, Res};
use crate::upstream::Broken;

/// No case sends so many in a second.
pub const MANY: u32 = 1_000_000_000;
/// No case has so many in flight.
pub const IN_FLIGHT: u32 = 1_000;
/// No case takes so long.
pub const LONG: Duration = Duration::from_secs(30);
/// After the first try.
pub const RETRIES: u32 = 2;
/// So many calls make a window by count.
pub const WINDOW: u32 = 100;

/// tower's retry, told to copy the request and to try an error again.
#[derive(Clone, Copy, Debug)]
pub struct Again(pub u32);

impl<E> Policy<Req, Res, E> for Again {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut Req, result: &mut Result<Res, E>) -> Option<Self::Future> {
        if result.is_ok() || self.0 == 0 {
            return None;
        }
        self.0 -= 1;
        Some(std::future::ready(()))
    }

    fn clone_request(&mut self, request: &Req) -> Option<Req> {
        Some(request.clone())
    }
}

/// tower-resilience's circuit breaker over the last calls.
pub fn tr_breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::builder()
        .sliding_window_size(WINDOW as usize)
        .build()
        .expect("a policy")
}

/// tower-resilience's limit of calls in flight.
pub fn tr_bulkhead() -> BulkheadLayer {
    BulkheadLayer::builder()
        .max_concurrent_calls(IN_FLIGHT as usize)
        .build()
        .expect("a policy")
}

/// tower-resilience's rate limit.
pub fn tr_rate_limit() -> RateLimiterLayer {
    RateLimiterLayer::per_second(MANY as usize)
        .build()
        .expect("a policy")
}

/// tower-resilience's retry.
pub fn tr_retry<E: Send + Sync + 'static>() -> TrRetryLayer<Req, Res, E> {
    TrRetryLayer::builder()
        .max_attempts(RETRIES as usize + 1)
        .fixed_backoff(Duration::from_millis(25))
        .build()
}

/// tower-resilience's timeout.
pub fn tr_timeout() -> TimeLimiterLayer<FixedTimeout> {
    TimeLimiterLayer::builder().timeout_duration(LONG).build()
}

/// tower-http's timeout.
pub fn tower_http_timeout() -> TowerHttpTimeout {
    TowerHttpTimeout::with_status_code(http::StatusCode::GATEWAY_TIMEOUT, LONG)
}

/// What seatbelt's layers are made from.
pub type Context<E> = ResilienceContext<Req, Result<Res, E>>;

/// Creates what seatbelt's layers are made from.
pub fn context<E: 'static>() -> Context<E> {
    ResilienceContext::new(tick::Clock::new_tokio())
}

fn recovery<E>(result: &Result<Res, E>) -> RecoveryInfo {
    match result {
        Ok(response) if !response.status().is_server_error() => RecoveryInfo::never(),
        _ => RecoveryInfo::retry(),
    }
}

/// seatbelt's circuit breaker.
pub fn seatbelt_breaker(
    context: &Context<Broken>,
) -> BreakerLayer<Req, Result<Res, Broken>, Set, Set> {
    Breaker::layer("breaker", context)
        .recovery_with(|result: &Result<Res, Broken>, _| recovery(result))
        .rejected_input_error(|_, _| Broken)
}

/// seatbelt's retry.
pub fn seatbelt_retry(context: &Context<Broken>) -> RetryLayer<Req, Result<Res, Broken>, Set, Set> {
    Retry::layer("retry", context)
        .clone_input()
        .recovery_with(|result: &Result<Res, Broken>, _| recovery(result))
}

/// seatbelt's timeout.
pub fn seatbelt_timeout(
    context: &Context<Broken>,
) -> TimeoutLayer<Req, Result<Res, Broken>, Set, Set> {
    Timeout::layer("timeout", context)
        .timeout(LONG)
        .timeout_error(|_| Broken)
}

/// A quota for governor: a cell each nanosecond.
pub fn quota() -> Quota {
    Quota::per_second(NonZeroU32::new(MANY).expect("not zero"))
}

/// A quota for governor under which a key that was used is not soon like new.
pub fn hourly() -> Quota {
    Quota::per_hour(NonZeroU32::new(1).expect("not zero"))
        .allow_burst(NonZeroU32::new(MANY).expect("not zero"))
}
