//! The assembled stacks behave as their layers put together by hand.

mod play;

use std::time::Duration;

use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::rate_limit::{RateLimitHeaders, RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, Condition, Jitter, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use proptest::prelude::*;
use tower::Layer;

use play::{Step, Wire, boxed, play, steps};

const MS: Duration = Duration::from_millis(1);

fn limits(pending: u32) -> ConcurrencyLimitPolicy {
    ConcurrencyLimitPolicy::new(2)
        .with_max_pending(pending)
        .with_max_wait(20 * MS)
}

fn rates(n: u64) -> RateLimitPolicy {
    RateLimitPolicy::at_most(n, 100 * MS)
        .with_max_queue(1)
        .with_headers(RateLimitHeaders::AllAndEnvoy)
}

fn breaks(failures: u32) -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(failures)
        .with_open_for(30 * MS)
        .with_jitter(Percent::NONE)
        .with_ramp(Duration::ZERO)
}

fn retries() -> RetryPolicy {
    RetryPolicy::new(2)
        .with_retry_on(RetryOn::none().with(Condition::ServerError))
        .with_backoff(Backoff::constant(10 * MS).with_jitter(Jitter::None))
        .with_budget(RetryBudget::unlimited())
}

/// Runs `test` on a clock that stands still.
fn paused<T>(test: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime.unwrap().block_on(test)
}

async fn outbound(steps: &[Step]) -> Vec<String> {
    let (wire, total) = (Wire::default(), TimeoutPolicy::total(80 * MS));
    let outbound = meshless::outbound()
        .with_rate_limit(rates(9))
        .with_timeout(total)
        .with_retry(retries())
        .with_attempt_limit(rates(7))
        .with_concurrency_limit(limits(1))
        .with_circuit_breaker(breaks(3));
    let handles = || {
        format!(
            "{:?} {:?} {} {} {:?}",
            outbound.rate_limit().stats(),
            outbound.attempt_limit().stats(),
            outbound.concurrency_limit().in_flight(),
            outbound.concurrency_limit().pending(),
            outbound.circuit_breaker().state(),
        )
    };
    let reconfigure = || {
        outbound.rate_limit().reconfigure(rates(12));
        outbound.attempt_limit().reconfigure(RateLimitPolicy::off());
        outbound.concurrency_limit().reconfigure(limits(0));
        outbound.circuit_breaker().reconfigure(breaks(5));
    };
    let stack = boxed(outbound.layer(wire.service()));
    play(stack, &wire, steps, handles, reconfigure).await
}

async fn outbound_by_hand(steps: &[Step]) -> Vec<String> {
    let (wire, total) = (Wire::default(), TimeoutPolicy::total(80 * MS));
    let rate = RateLimitLayer::new(rates(9));
    let attempts = RateLimitLayer::new(rates(7));
    let limit = ConcurrencyLimitLayer::new(limits(1));
    let breaker = CircuitBreakerLayer::new(breaks(3));
    let handles = || {
        format!(
            "{:?} {:?} {} {} {:?}",
            rate.stats(),
            attempts.stats(),
            limit.in_flight(),
            limit.pending(),
            breaker.state(),
        )
    };
    let reconfigure = || {
        rate.reconfigure(rates(12));
        attempts.reconfigure(RateLimitPolicy::off());
        limit.reconfigure(limits(0));
        breaker.reconfigure(breaks(5));
    };
    let inner = limit.layer(breaker.layer(wire.service()));
    let inner = TraceAttemptLayer::default().layer(attempts.layer(inner));
    let inner = RetryLayer::new(retries()).layer(inner);
    let inner = rate.layer(TimeoutLayer::new(total).layer(inner));
    let stack = boxed(TraceClientLayer::default().layer(inner));
    play(stack, &wire, steps, handles, reconfigure).await
}

async fn inbound(steps: &[Step], by_hand: bool) -> Vec<String> {
    let (wire, total) = (Wire::default(), TimeoutPolicy::total(40 * MS));
    let inbound = meshless::inbound()
        .with_rate_limit(rates(6))
        .with_concurrency_limit(limits(1))
        .with_timeout(total.clone());
    let (rate, limit) = if by_hand {
        (
            RateLimitLayer::new(rates(6)),
            ConcurrencyLimitLayer::new(limits(1)),
        )
    } else {
        (
            inbound.rate_limit().clone(),
            inbound.concurrency_limit().clone(),
        )
    };
    let handles = || {
        format!(
            "{:?} {} {}",
            rate.stats(),
            limit.in_flight(),
            limit.pending()
        )
    };
    let reconfigure = || {
        rate.reconfigure(rates(8));
        limit.reconfigure(limits(0));
    };
    let stack = if by_hand {
        let inner = limit.layer(TimeoutLayer::new(total).layer(wire.service()));
        boxed(TraceServerLayer::default().layer(rate.layer(inner)))
    } else {
        boxed(inbound.layer(wire.service()))
    };
    play(stack, &wire, steps, handles, reconfigure).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn the_outbound_stack_behaves_as_its_layers(steps in steps()) {
        let by_hand = paused(outbound_by_hand(&steps));
        prop_assert_eq!(paused(outbound(&steps)), by_hand);
    }

    #[test]
    fn the_inbound_stack_behaves_as_its_layers(steps in steps()) {
        let by_hand = paused(inbound(&steps, true));
        prop_assert_eq!(paused(inbound(&steps, false)), by_hand);
    }
}
