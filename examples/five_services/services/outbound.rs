//! The clients of the services: what stands around each call that goes out.

use std::time::Duration;

use http::StatusCode;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::client::{self, Boxed, Client, Transport};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy, SlowStart};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Condition, RetryLayer, RetryOn, RetryPolicy};
use meshless::telemetry::{TraceClientLayer, TracePolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use serde_json::Value;
use tower::ServiceBuilder;
use tower::util::MapRequestLayer;

use super::Users;
use super::versions::{Versions, WASTE};
use crate::args::Part;
use crate::recorder::stamp;
use crate::world::Settings;

pub(crate) type Error = client::Error;
pub(crate) type Response = client::Response;
pub(crate) type Call = client::RequestBuilder<Boxed>;

/// How many calls a minute OpenAI may get.
pub(crate) const OPENAI_CALLS: u64 = 20;

/// Over which time Roboflow, or an endpoint of users, gets more and more again, in production.
pub(crate) const RAMP_SECONDS: u32 = 30;

/// How long an endpoint of users is left alone the first time, in production.
pub(crate) const EJECTED_SECONDS: u32 = 30;

/// How long locations waits for Kakao Map, in production.
pub(crate) const KAKAO_SECONDS: u32 = 15;

/// How many calls of locations may be at Kakao Map at once.
pub(crate) const KAKAO_IN_FLIGHT: u32 = 8;

/// Another service, or an external API.
#[derive(Clone, Debug)]
pub(crate) struct Upstream {
    client: Client<Boxed>,
    url: String,
}

impl Upstream {
    pub(crate) fn get(&self, path: &str) -> Call {
        self.client.get(format!("{}{path}", self.url))
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Call {
        self.client.post(format!("{}{path}", self.url)).json(body)
    }
}

/// users: lookups are tried again, at another endpoint; an endpoint that fails 5 times in a row is left
/// alone for 30 s, and then gets more and more again.
pub(crate) fn to_users(settings: Settings, users: &Users) -> reqwest::Result<Upstream> {
    let scale = settings.scale;
    let endpoints = users.addresses();
    let ejection = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(5)
        .with_interval(scale.seconds(10))
        .with_base_ejection_time(scale.seconds(EJECTED_SECONDS));
    let ejection = settings.policy(Part::Endpoints, ejection, OutlierDetectionPolicy::off());
    let ejection = OutlierDetector::new(ejection, endpoints.clone());
    let slow_start = SlowStart::over(scale.seconds(RAMP_SECONDS));
    let balance = LoadBalancePolicy::least_request().with_slow_start(slow_start);
    let balance = LoadBalanceLayer::new(balance, endpoints).with_observer(ejection);
    let stack = ServiceBuilder::new()
        .layer(trace(settings))
        .layer(timeout(settings, Duration::from_secs(10)))
        .layer(retry(settings))
        .layer(balance)
        .service(transport()?);
    Ok(upstream(Client::new(stack).boxed(), "http://users-service"))
}

/// Roboflow: after 5 failures in a row it is left alone for 30 s; then it gets more and more again.
pub(crate) fn to_roboflow(settings: Settings, url: &str) -> reqwest::Result<Upstream> {
    let breaker = CircuitBreakerPolicy::default()
        .with_consecutive_failures(5)
        .with_open_for(settings.scale.seconds(30))
        .with_ramp(settings.scale.seconds(RAMP_SECONDS));
    let breaker = settings.policy(Part::Breaker, breaker, CircuitBreakerPolicy::off());
    let stack = ServiceBuilder::new()
        .layer(trace(settings))
        .layer(timeout(settings, Duration::from_secs(10)))
        .layer(CircuitBreakerLayer::new(breaker))
        .service(transport()?);
    Ok(upstream(Client::new(stack).boxed(), url))
}

/// OpenAI: each call costs money, so the limit stands inside the retry, where it counts attempts.
pub(crate) fn to_openai(settings: Settings, url: &str) -> reqwest::Result<Upstream> {
    let limit = RateLimitPolicy::at_most(OPENAI_CALLS, settings.scale.minute());
    let limit = settings.policy(Part::RateLimit, limit, RateLimitPolicy::off());
    let stack = ServiceBuilder::new()
        .layer(trace(settings))
        .layer(timeout(settings, Duration::from_secs(10)))
        .layer(retry(settings))
        // Only for the measurement: how long a call is on its way.
        .layer(MapRequestLayer::new(stamp))
        .layer(RateLimitLayer::new(limit))
        .service(transport()?);
    Ok(upstream(Client::new(stack).boxed(), url))
}

/// Kakao Map: whoever waits is told in time, and only so many wait.
pub(crate) fn to_kakao(settings: Settings, url: &str) -> reqwest::Result<Upstream> {
    let limit = ConcurrencyLimitPolicy::new(KAKAO_IN_FLIGHT);
    let stack = ServiceBuilder::new()
        .layer(trace(settings))
        .layer(timeout(settings, settings.scale.seconds(KAKAO_SECONDS)))
        .layer(ConcurrencyLimitLayer::new(limit))
        .service(transport()?);
    Ok(upstream(Client::new(stack).boxed(), url))
}

/// waste, in whichever version `versions` says.
pub(crate) fn to_waste(settings: Settings, versions: &Versions) -> reqwest::Result<Upstream> {
    let stack = ServiceBuilder::new()
        .layer(trace(settings))
        .layer(versions.layer())
        .layer(versions.mirror())
        .layer(timeout(settings, Duration::from_secs(10)))
        .layer(retry(settings))
        .service(transport()?);
    Ok(upstream(Client::new(stack).boxed(), WASTE))
}

fn upstream(client: Client<Boxed>, url: &str) -> Upstream {
    let url = url.to_owned();
    Upstream { client, url }
}

/// Sends every request once, and not through a proxy, which could not reach this machine.
pub(super) fn transport() -> reqwest::Result<Transport> {
    Transport::build(reqwest::Client::builder().no_proxy())
}

fn trace(settings: Settings) -> TraceClientLayer {
    let policy = settings.policy(Part::Trace, TracePolicy::default(), TracePolicy::off());
    TraceClientLayer::new(policy)
}

fn timeout(settings: Settings, total: Duration) -> TimeoutLayer {
    let policy = TimeoutPolicy::total(total);
    TimeoutLayer::new(settings.policy(Part::Timeout, policy, TimeoutPolicy::off()))
}

/// Two more tries, if the answer says that it may help; a POST only if that repeats nothing.
fn retry(settings: Settings) -> RetryLayer {
    let on = RetryOn::none()
        .with(Condition::ConnectFailure)
        .with(Condition::RefusedStream)
        .with(Condition::Reset)
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
        .with_status(StatusCode::TOO_MANY_REQUESTS);
    let policy = RetryPolicy::new(2).with_retry_on(on);
    RetryLayer::new(settings.policy(Part::Retry, policy, RetryPolicy::off()))
}
