use std::time::Duration;

use failsafe::futures::CircuitBreaker as _;
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, Window};
use recloser::{AsyncRecloser, Recloser};
use tower::{Layer, Service, service_fn};
use tower_resilience::circuitbreaker::{CircuitBreakerLayer as TrLayer, SlidingWindowType};

use crate::case::{Case, case};
use crate::message::Req;
use crate::peers::{WINDOW, context, seatbelt_breaker, tr_breaker};

const IN_A_ROW: &str = "circuit breaker, failures in a row";
const BY_COUNT: &str = "circuit breaker, rate over 100 calls";
const BY_TIME: &str = "circuit breaker, rate over time";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = in_a_row();
    cases.extend(by_count());
    cases.extend(by_time());
    cases
}

fn in_a_row() -> Vec<Case> {
    vec![
        case(IN_A_ROW, "meshless", |upstream| {
            CircuitBreakerLayer::new(CircuitBreakerPolicy::default()).layer(upstream)
        }),
        case(IN_A_ROW, "tower-resilience", |upstream| {
            TrLayer::builder()
                .consecutive_failures(5)
                .build()
                .expect("a policy")
                .layer(upstream)
        }),
        case(IN_A_ROW, "failsafe, by hand", |mut upstream| {
            let wait = failsafe::backoff::constant(Duration::from_secs(30));
            let breaker = failsafe::Config::new()
                .failure_policy(failsafe::failure_policy::consecutive_failures(5, wait))
                .build();
            service_fn(move |request: Req| breaker.call(upstream.call(request)))
        }),
    ]
}

fn by_count() -> Vec<Case> {
    vec![
        case(BY_COUNT, "meshless", |upstream| {
            let policy = rate().with_window(Window::Count(WINDOW));
            CircuitBreakerLayer::new(policy).layer(upstream)
        }),
        case(BY_COUNT, "tower-resilience", |upstream| {
            tr_breaker().layer(upstream)
        }),
        case(BY_COUNT, "recloser, by hand", |mut upstream| {
            let breaker = Recloser::custom().closed_len(WINDOW as usize).build();
            let breaker = AsyncRecloser::from(breaker);
            service_fn(move |request: Req| breaker.call(upstream.call(request)))
        }),
    ]
}

fn by_time() -> Vec<Case> {
    vec![
        case(BY_TIME, "meshless, 30 s", |upstream| {
            CircuitBreakerLayer::new(rate()).layer(upstream)
        }),
        // It walks through the window on each call: with 30 s the case would never end.
        case(BY_TIME, "tower-resilience, 100 µs", |upstream| {
            TrLayer::builder()
                .sliding_window_type(SlidingWindowType::TimeBased)
                .sliding_window_duration(Duration::from_micros(100))
                .build()
                .expect("a policy")
                .layer(upstream)
        }),
        case(BY_TIME, "seatbelt, 30 s", |upstream| {
            seatbelt_breaker(&context()).layer(upstream)
        }),
        case(BY_TIME, "failsafe (default), by hand", |mut upstream| {
            let breaker = failsafe::Config::new().build();
            service_fn(move |request: Req| breaker.call(upstream.call(request)))
        }),
    ]
}

fn rate() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default().with_failure_rate(Percent::new(50))
}
