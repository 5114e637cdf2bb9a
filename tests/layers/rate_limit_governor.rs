//! A limiter of the governor crate decides; everything around the decision is this crate's.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::middleware::{
    NoOpMiddleware, RateLimitingMiddleware, StateInformationMiddleware, StateSnapshot,
};
use governor::nanos::Nanos;
use governor::state::InMemoryState;
use governor::state::keyed::HashMapStateStore;
use governor::{NotUntil, Quota};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use meshless::events::EventKind;
use meshless::rate_limit::{
    GovernorState, RateLimitHeaders, RateLimitLayer, RateLimitPolicy, RateLimiter, TokioClock,
};
use meshless::{Percent, Rejection};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::Events;

fn number(n: u32) -> NonZeroU32 {
    NonZeroU32::new(n).unwrap()
}

/// Calls through the layer as the user `user`.
async fn call(layer: &RateLimitLayer, user: &'static str) -> Response<String> {
    let echo = service_fn(|request: Request<()>| async move {
        let mut response = Response::new(String::new());
        *response.headers_mut() = request.headers().clone();
        Ok::<_, std::convert::Infallible>(response)
    });
    let mut request = Request::new(());
    request
        .headers_mut()
        .insert("x-user", HeaderValue::from_static(user));
    let response = layer.layer(echo).oneshot(request).await.unwrap();
    response.map(|_| String::new())
}

#[tokio::test(start_paused = true)]
async fn a_direct_limiter_rejects_with_429_and_retry_after() {
    let clock = FakeRelativeClock::default();
    let quota = Quota::per_minute(number(2));
    let limiter = governor::RateLimiter::direct_with_clock(quota, clock.clone());
    let layer = RateLimitLayer::new(RateLimitPolicy::governor(limiter));
    for _ in 0..2 {
        assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    }
    let response = call(&layer, "ann").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers()["retry-after"], "30");
    // The quota is known from the rejection.
    assert_eq!(response.headers()["ratelimit"], "\"default\";r=0;t=30");
    assert_eq!(
        response.headers()["ratelimit-policy"],
        "\"default\";q=2;w=60"
    );
    let rejection = Rejection::of(&response).unwrap();
    assert!(matches!(rejection, Rejection::RateLimited(limited) if limited.limit == 2));
    assert_eq!(layer.stats().enforced, 1);

    clock.advance(Duration::from_secs(30));
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    assert_eq!(
        call(&layer, "ann").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test(start_paused = true)]
async fn a_keyed_limiter_counts_each_key_and_stays_the_users_own() {
    let clock = FakeRelativeClock::default();
    let states = <HashMapStateStore<String>>::default();
    let limiter: Arc<governor::RateLimiter<String, _, _, NoOpMiddleware<Nanos>>> = Arc::new(
        governor::RateLimiter::new(Quota::per_second(number(1)), states, clock),
    );
    let user = |head: meshless::gate::RequestHead<'_>| {
        let user = head
            .headers()
            .get("x-user")
            .and_then(|user| user.to_str().ok());
        user.unwrap_or_default().to_owned()
    };
    let layer = RateLimitLayer::new(RateLimitPolicy::governor_keyed(Arc::clone(&limiter), user));
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    assert_eq!(call(&layer, "bob").await.status(), StatusCode::OK);
    assert_eq!(
        call(&layer, "ann").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    assert_eq!(limiter.len(), 2);
    assert!(limiter.check_key(&String::from("bob")).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_middleware_that_tells_the_state_fills_the_headers_of_admitted_requests() {
    let quota = Quota::per_minute(number(3));
    let limiter = governor::RateLimiter::direct_with_clock(quota, FakeRelativeClock::default())
        .with_middleware::<StateInformationMiddleware>();
    let policy = RateLimitPolicy::governor(limiter)
        .with_name("calls")
        .with_headers(RateLimitHeaders::AllAndEnvoy);
    let layer = RateLimitLayer::new(policy);
    let response = call(&layer, "ann").await;
    assert_eq!(response.headers()["ratelimit"], "\"calls\";r=2;t=20");
    assert_eq!(response.headers()["ratelimit-policy"], "\"calls\";q=3;w=60");
    assert_eq!(response.headers()["x-ratelimit-remaining"], "2");
    call(&layer, "ann").await;
    let response = call(&layer, "ann").await;
    assert_eq!(response.headers()["ratelimit"], "\"calls\";r=0;t=20");
    assert_eq!(response.headers()["x-ratelimit-reset"], "20");
}

/// A middleware of the user's own.
#[derive(Debug)]
struct Counting;

/// Its outcome: the state, and a number.
struct Counted(
    StateSnapshot,
    #[expect(dead_code, reason = "the user's own")] u32,
);

impl GovernorState for Counted {
    fn snapshot(&self) -> Option<&StateSnapshot> {
        Some(&self.0)
    }
}

impl<P: governor::clock::Reference> RateLimitingMiddleware<P> for Counting {
    type PositiveOutcome = Counted;
    type NegativeOutcome = NotUntil<P>;

    fn allow<K>(_: &K, state: impl Into<StateSnapshot>) -> Counted {
        Counted(state.into(), 1)
    }

    fn disallow<K>(key: &K, limiter: impl Into<StateSnapshot>, start: P) -> NotUntil<P> {
        StateInformationMiddleware::disallow(key, limiter, start)
    }
}

#[tokio::test(start_paused = true)]
async fn any_store_clock_and_middleware_will_do() {
    let quota = Quota::per_minute(number(6));
    let state = InMemoryState::default();
    let limiter = governor::RateLimiter::<_, _, _, Counting>::new(quota, state, TokioClock);
    let policy = RateLimitPolicy::governor(limiter)
        .with_headers(RateLimitHeaders::All)
        .with_cost(|head| {
            if head.headers()["x-user"] == "big" {
                7
            } else {
                3
            }
        });
    let layer = RateLimitLayer::new(policy);
    // More than the whole quota: no wait would help.
    let response = call(&layer, "big").await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!response.headers().contains_key("retry-after"));
    let response = call(&layer, "ann").await;
    assert_eq!(response.headers()["ratelimit"], "\"default\";r=3;t=30");
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    assert_eq!(call(&layer, "ann").await.headers()["retry-after"], "30");
    // `TokioClock` stands still with tokio's.
    tokio::time::advance(Duration::from_secs(30)).await;
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_rejects_nothing_and_reports_what_it_would() {
    let seen = Events::default();
    let quota = Quota::per_minute(number(1));
    let limiter = governor::RateLimiter::direct_with_clock(quota, TokioClock);
    let name = HeaderName::from_static("x-over");
    let policy = RateLimitPolicy::governor(limiter)
        .with_enforced(Percent::NONE)
        .with_request_header_when_not_enforced(name, HeaderValue::from_static("yes"));
    let layer = RateLimitLayer::with_observer(policy, seen.observer());
    assert!(!call(&layer, "ann").await.headers().contains_key("x-over"));
    let response = call(&layer, "ann").await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["x-over"], "yes");
    assert_eq!((layer.stats().rate_limited, layer.stats().enforced), (1, 0));
    assert!(matches!(seen.all()[..], [EventKind::WouldReject(_)]));
}

#[tokio::test(start_paused = true)]
async fn policies_of_both_kinds_replace_each_other() {
    let layer = RateLimitLayer::new(RateLimitPolicy::per_minute(2));
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    let quota = Quota::per_minute(number(1));
    let limiter = Arc::new(governor::RateLimiter::direct_with_clock(quota, TokioClock));
    layer.reconfigure(RateLimitPolicy::governor(Arc::clone(&limiter)));
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    assert_eq!(
        call(&layer, "ann").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    // One of two was used before, and none since.
    layer.reconfigure(RateLimitPolicy::per_minute(2));
    assert_eq!(call(&layer, "ann").await.status(), StatusCode::OK);
    assert_eq!(
        call(&layer, "ann").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
    layer.reconfigure(RateLimitPolicy::governor(limiter));
    assert_eq!(
        call(&layer, "ann").await.status(),
        StatusCode::TOO_MANY_REQUESTS
    );
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_not_requests_are_decided_too() {
    let quota = Quota::per_minute(number(2));
    let limiter = governor::RateLimiter::direct_with_clock(quota, TokioClock);
    let calls = RateLimiter::new(RateLimitPolicy::governor(limiter));
    let permit = calls.admit(2).unwrap();
    assert_eq!(permit.charged(), 2);
    // Governor refunds nothing.
    permit.settle(0);
    let rejection = calls.until_ready(1).await.unwrap_err();
    assert_eq!(rejection.retry_after(), Some(Duration::from_secs(30)));
    assert!(calls.admit(0).is_ok());
}
