//! What the review asks for, at its true length: 30 seconds, a minute, three minutes.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{Empty, Full};
use meshless::Rejection;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::rate_limit::{ClientAddress, PeerAddress};
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryOn, RetryPolicy};
use tokio::time::{Instant, advance};
use tower::{Service, ServiceBuilder};

use crate::support::call;

const MINUTE: Duration = Duration::from_secs(60);

/// An external API that notes when it is called, and fails as `fails` says of each call's number.
#[derive(Clone)]
struct Api {
    calls: Arc<Mutex<Vec<Instant>>>,
    fails: fn(usize) -> bool,
}

impl Api {
    fn new(fails: fn(usize) -> bool) -> Self {
        let calls = Arc::default();
        Self { calls, fails }
    }

    fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }

    /// How many calls came within any one period, at the most.
    fn most_within(&self, period: Duration) -> usize {
        let calls = self.calls.lock().unwrap();
        let within = |first: &Instant| {
            let period = *first..*first + period;
            calls.iter().filter(|call| period.contains(call)).count()
        };
        calls.iter().map(within).max().unwrap_or_default()
    }
}

impl<B> Service<Request<B>> for Api {
    type Response = Response<Empty<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _request: Request<B>) -> Self::Future {
        let mut calls = self.calls.lock().unwrap();
        calls.push(Instant::now());
        let mut response = Response::new(Empty::new());
        if (self.fails)(calls.len()) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        std::future::ready(Ok(response))
    }
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_give_the_ai_api_30_seconds_of_rest_then_it_comes_back_gradually() {
    let api = Api::new(|number| number <= 5);
    let policy = CircuitBreakerPolicy::default().with_ramp(Duration::from_secs(30));
    let mut client = ServiceBuilder::new()
        .layer(CircuitBreakerLayer::new(policy))
        .service(api.clone());

    for _ in 0..5 {
        let response = call(&mut client, Request::new(())).await.unwrap();
        assert!(Rejection::of(&response).is_none(), "the API's own answer");
    }
    // It answers by itself for 30 seconds, and says how many of them are left.
    for second in 0..30 {
        let response = call(&mut client, Request::new(())).await.unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let left = (30 - second).to_string();
        assert_eq!(response.headers()[header::RETRY_AFTER], left.as_str());
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(api.calls(), 5);

    // Then it tries by itself, and lets more through from one third of the ramp to the next.
    let mut reached = [0; 4];
    for third in &mut reached {
        let before = api.calls();
        for _ in 0..1_000 {
            call(&mut client, Request::new(())).await.unwrap();
            advance(Duration::from_millis(10)).await;
        }
        *third = api.calls() - before;
    }
    assert!(reached.is_sorted(), "{reached:?}");
    assert!(reached[0] < 500 && reached[3] == 1_000, "{reached:?}");
}

#[tokio::test(start_paused = true)]
async fn openai_gets_20_calls_a_minute_and_no_more_whatever_is_tried_again() {
    let api = Api::new(|number| number % 5 == 0);
    let on = RetryOn::none().with_status(StatusCode::SERVICE_UNAVAILABLE);
    let mut client = ServiceBuilder::new()
        .layer(RetryLayer::new(RetryPolicy::new(2).with_retry_on(on)))
        .layer(RateLimitLayer::new(RateLimitPolicy::per_minute(20)))
        .service(api.clone());

    let (mut answered, mut refused) = (0, 0);
    for _ in 0..180 {
        let request = Request::post("/v1/chat/completions").header("idempotency-key", "1");
        let request = request.body(Full::<Bytes>::default()).unwrap();
        let response = call(&mut client, request).await.unwrap();
        match response.status() {
            StatusCode::OK => answered += 1,
            status => {
                assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
                let wait = response.headers()[header::RETRY_AFTER].to_str().unwrap();
                assert!((1..=60).contains(&wait.parse::<u64>().unwrap()), "{wait}");
                refused += 1;
            }
        }
        advance(Duration::from_secs(1)).await;
    }
    assert_eq!(api.most_within(MINUTE), 20, "retries are calls");
    assert_eq!(api.calls(), 60, "and all that may be had is had");
    assert!(answered < 60, "{answered} answers took 60 calls");
    assert_eq!(answered + refused, 180);
}

#[tokio::test(start_paused = true)]
async fn each_caller_may_have_10_pictures_a_minute_analysed_whatever_it_claims_to_be() {
    let waste = Api::new(|_| false);
    let key = Key::client_address(ClientAddress::peer());
    let mut route = ServiceBuilder::new()
        .layer(RateLimitLayer::new(
            RateLimitPolicy::per_minute(10).with_key(key),
        ))
        .service(waste.clone());

    for minute in 1..=3 {
        for caller in 1..=2 {
            let before = waste.calls();
            for claim in 0..15 {
                let claim = format!("192.0.2.{claim}");
                let request =
                    Request::post("/api/v1/waste/analyze").header("x-forwarded-for", claim);
                let mut request = request.body(()).unwrap();
                let address = std::net::IpAddr::from([203, 0, 113, caller]);
                request.extensions_mut().insert(PeerAddress(address));
                call(&mut route, request).await.unwrap();
            }
            assert_eq!(
                waste.calls() - before,
                10,
                "caller {caller}, minute {minute}"
            );
        }
        advance(MINUTE).await;
    }
}
