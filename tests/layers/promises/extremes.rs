//! Promise 8: no value of a policy panics, and 0 means what its documentation says.

use std::time::Duration;

use futures_util::FutureExt;
use http::{Response, StatusCode};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Probes, Window};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy, SlowStart};
use meshless::mirror::MirrorPolicy;
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Endpoints, Percent, Rejection};
use tower::{Layer, Service};

use super::inner::{Act, Inner, Mine};
use super::table::Mirrored;
use super::{Call, request};
use crate::support::call;

const AGES: Duration = Duration::MAX;
const NONE: Duration = Duration::ZERO;

/// What becomes of every call under a policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fate {
    /// The inner service answers.
    Passes,
    /// The layer answers, with a status of its own.
    Refused(u16),
}

use Fate::{Passes, Refused};

/// A line: a name, a layer under a policy of extremes, and what becomes of every call.
macro_rules! extremes {
    ($($name:ident: $layer:expr, $fate:expr;)*) => {$(
        #[tokio::test(start_paused = true)]
        async fn $name() {
            every_call_meets(&$layer, $fate).await;
        }
    )*};
}

pub(super) async fn every_call_meets<L, S, R>(layer: &L, expected: Fate)
where
    L: Layer<Inner, Service = S>,
    S: Service<Call, Response = Response<R>, Error = Mine>,
{
    let inner = Inner::default();
    let mut service = layer.layer(inner.clone());
    for act in [Act::Answer, Act::Answer, Act::Fail, Act::Hang, Act::Answer] {
        inner.will(act);
        let call = Box::pin(call(&mut service, request())).now_or_never();
        if let Some(Ok(response)) = call {
            let fate = match Rejection::of(&response) {
                Some(_) => Refused(response.status().as_u16()),
                None => Passes,
            };
            assert_eq!(fate, expected, "{act:?}");
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

extremes! {
    breaker_of_nothing: CircuitBreakerLayer::new(breaker(0, NONE, Percent::NONE, Window::Count(0))), Passes;
    breaker_of_no_time: CircuitBreakerLayer::new(breaker(u32::MAX, NONE, Percent::NONE, Window::Time(NONE))), Passes;
    breaker_for_ever: CircuitBreakerLayer::new(breaker(u32::MAX, AGES, Percent::ALL, Window::Time(AGES))), Passes;
    concurrency_of_none_is_no_limit: ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(0)), Passes;
    concurrency_of_all: ConcurrencyLimitLayer::new(
        ConcurrencyLimitPolicy::new(u32::MAX).with_max_pending(u32::MAX).with_max_wait(AGES)
    ), Passes;
    delay_of_ages: FaultInjectionLayer::new(FaultInjectionPolicy::off().with_delay(Percent::NONE, AGES)), Passes;
    delay_of_nothing: FaultInjectionLayer::new(FaultInjectionPolicy::off().with_delay(Percent::ALL, NONE)), Passes;
    aborts_of_none_at_a_time: FaultInjectionLayer::new(aborts().with_max_active(0)), Passes;
    aborts_of_all: FaultInjectionLayer::new(aborts()), Refused(500);
    balance_over_nobody: LoadBalanceLayer::new(balance(), Endpoints::fixed(Vec::<meshless::Endpoint>::new())), Refused(503);
    mirror_of_nothing: Mirrored::new(MirrorPolicy::default().with_max_in_flight(0).with_timeout(NONE)), Passes;
    mirror_without_room: Mirrored::new(MirrorPolicy::default().with_lag_limit(0).with_buffer_limit(0)), Passes;
    rate_of_none: RateLimitLayer::new(RateLimitPolicy::at_most(0, AGES)), Refused(429);
    rate_in_no_time: RateLimitLayer::new(RateLimitPolicy::at_most(u64::MAX, NONE)), Passes;
    rate_of_all: RateLimitLayer::new(RateLimitPolicy::at_most(u64::MAX, AGES).with_max_keys(0)), Passes;
    bucket_of_none: RateLimitLayer::new(RateLimitPolicy::token_bucket(0, 0, NONE)), Refused(429);
    bucket_of_all: RateLimitLayer::new(RateLimitPolicy::token_bucket(u64::MAX, u64::MAX, AGES)), Passes;
    rate_of_no_share: RateLimitLayer::new(RateLimitPolicy::per_second(9).with_share(0, 9)), Refused(429);
    rate_shared_by_nobody: RateLimitLayer::new(RateLimitPolicy::per_second(9).with_share(0, 0)), Passes;
    retries_of_none: RetryLayer::new(retry(0, NONE)), Passes;
    retries_for_ever: RetryLayer::new(retry(u32::MAX, AGES)), Passes;
    timeout_of_none_is_any_time: TimeoutLayer::new(TimeoutPolicy::total(NONE).with_idle(NONE)), Passes;
    timeout_of_ages: TimeoutLayer::new(TimeoutPolicy::total(AGES).with_idle(AGES)), Passes;
    no_route: TrafficSplitLayer::new(TrafficSplitPolicy::new([])), Refused(404);
    a_weight_of_all: TrafficSplitLayer::new(TrafficSplitPolicy::new([heavy()])), Passes;
}

fn breaker(failures: u32, time: Duration, share: Percent, window: Window) -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(failures)
        .with_failure_rate(share)
        .with_growth(f64::NAN)
        .with_jitter(share)
        .with_max_open_for(time)
        .with_minimum_calls(failures)
        .with_open_for(time)
        .with_probes(
            Probes::new(failures)
                .with_at_once(failures)
                .with_lease(time),
        )
        .with_ramp(time)
        .with_slow_calls(share, time)
        .with_window(window)
}

fn aborts() -> FaultInjectionPolicy {
    let abort = Abort::Http(StatusCode::INTERNAL_SERVER_ERROR);
    FaultInjectionPolicy::off().with_abort(Percent::ALL, abort)
}

fn balance() -> LoadBalancePolicy {
    LoadBalancePolicy::least_request()
        .with_choices(0)
        .with_min_ring_size(0)
        .with_slow_start(SlowStart::over(AGES).with_aggression(f64::NAN))
}

fn retry(attempts: u32, time: Duration) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_backoff(Backoff::constant(time))
        .with_budget(RetryBudget::share(Percent::NONE).with_reserve(0))
        .with_max_parallel(attempts)
        .with_per_try_timeout(time)
        .with_replay_limit(0)
        .with_retry_after(time)
}

fn heavy() -> Route {
    let weights = [
        (Destination::new("v1"), 0),
        (Destination::new("v2"), u32::MAX),
    ];
    Route::split(weights).unwrap()
}
