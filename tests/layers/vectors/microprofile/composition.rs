use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, FailureOn};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::retry::{Backoff, Condition, Jitter, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Failure, Outcome, Rejection};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::{breaker, ms};
use crate::vectors::rate_limit::{array, number};

/// The service that all of it is around: it takes its time, and then fails.
#[derive(Clone, Debug)]
struct Failing {
    executions: Arc<AtomicU64>,
    takes: Duration,
}

type Answered = BoxFuture<'static, Result<Response<Empty<Bytes>>, Infallible>>;

impl Failing {
    fn new(takes: Duration) -> Self {
        Self {
            executions: Arc::default(),
            takes,
        }
    }

    fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    fn service<B>(
        &self,
    ) -> impl Service<
        Request<B>,
        Response = Response<Empty<Bytes>>,
        Error = Infallible,
        Future = Answered,
    > + Clone
    + use<B> {
        let Self { executions, takes } = self.clone();
        service_fn(move |_: Request<B>| {
            executions.fetch_add(1, Ordering::Relaxed);
            let answer: Answered = async move {
                sleep(takes).await;
                let mut response = Response::new(Empty::new());
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                Ok(response)
            }
            .boxed();
            answer
        })
    }
}

pub(super) async fn play(case: &Value) {
    let config = &case["config"];
    if !config["bulkhead"].is_null() {
        return bulkhead(case).await;
    }
    let policy = match &config["breaker"] {
        Value::Null => CircuitBreakerPolicy::off(),
        breaker_config => breaker(breaker_config),
    };
    let circuit = CircuitBreakerLayer::new(policy);
    let results = array(&case["expect"]["results"]);
    let by_timeout =
        config["timeout"] == true || case["name"].as_str().unwrap().contains("time_out");
    let takes = match config["call_ms"].as_u64() {
        Some(millis) => Duration::from_millis(millis),
        None if by_timeout => Duration::from_secs(1),
        None => Duration::ZERO,
    };
    let failing = Failing::new(takes);
    let per_try = match config["timeout_ms"].as_u64() {
        Some(millis) => Duration::from_millis(millis),
        None if config["timeout"] == true => Duration::from_millis(100),
        None => Duration::ZERO,
    };
    let inner = TimeoutLayer::new(TimeoutPolicy::per_try(per_try)).layer(failing.service());
    let inner = RetryLayer::new(retry(config))
        .with_seed(7)
        .layer(circuit.layer(inner));
    let total = config["max_duration_ms"].as_u64().unwrap_or(0);
    let total = TimeoutPolicy::total(Duration::from_millis(total));
    let service = TimeoutLayer::new(total).layer(inner);
    let call = async || {
        let response = service
            .clone()
            .oneshot(Request::new(Empty::<Bytes>::new()))
            .await;
        result(&response.unwrap())
    };
    if config["breaker"]["delay_ms"] == 1_000 {
        // Four calls before that open it, each without a retry.
        for _ in 0..number(&config["breaker"]["volume"]) {
            assert_eq!(call().await, "service_error");
        }
    }
    let began = Instant::now();
    for expected in results {
        assert_eq!(*expected, call().await);
    }
    if !results.is_empty() {
        return;
    }
    let found = call().await;
    for (key, expected) in case["expect"].as_object().unwrap() {
        match key.as_str() {
            "result" => assert_eq!(*expected, found),
            "executions" => assert_eq!(*expected, failing.executions()),
            "executions_lt" => assert!(failing.executions() < number(expected)),
            "elapsed_ms_lt" => assert!(began.elapsed() < ms(expected)),
            other => panic!("{other}"),
        }
    }
}

fn retry(config: &Value) -> RetryPolicy {
    let attempts = u32::try_from(config["retry_max"].as_u64().unwrap_or(0)).unwrap();
    let named = |list: &str, what: &str| array(&config[list]).iter().any(|name| name == what);
    let retries_errors = config["retry_on"].is_null() || named("retry_on", "service_error");
    let retries_timeouts = config["retry_on"].is_null() || named("retry_on", "timeout");
    let retries_timeouts = retries_timeouts && !named("abort_on", "timeout");
    let timed_out = Outcome::Failed(Failure::Timeout);
    let on = RetryOn::none()
        .with(Condition::ServerError)
        .with_predicate(move |outcome, _| {
            let asked = if outcome == timed_out {
                retries_timeouts
            } else {
                retries_errors
            };
            Some(asked && !outcome.is_success())
        });
    let delay = Duration::from_millis(config["retry_delay_ms"].as_u64().unwrap_or(0));
    let jitter = Duration::from_millis(config["jitter_ms"].as_u64().unwrap_or(0));
    // The kit's jitter is added to its delay of 0.
    let backoff = Backoff::constant(delay + jitter).with_jitter(if jitter.is_zero() {
        Jitter::None
    } else {
        Jitter::Full
    });
    RetryPolicy::new(attempts)
        .with_retry_on(on)
        .with_backoff(backoff)
        .with_budget(RetryBudget::unlimited())
}

/// One call that does not end and fills the bulkhead, with as many in its queue as there is room;
/// then the calls that are looked at.
async fn bulkhead(case: &Value) {
    let config = &case["config"];
    // The kit counts what the bulkhead refuses as failures unless it is told otherwise.
    let refusals_count = config["breaker"]["fail_on"].is_null();
    let policy = breaker(&config["breaker"]);
    let policy = policy.with_failure_on(FailureOn::default().with_rejections(refusals_count));
    let count = |name: &str| u32::try_from(config[name].as_u64().unwrap_or(0)).unwrap();
    let limit = ConcurrencyLimitPolicy::new(count("bulkhead")).with_max_pending(count("queue"));
    let failing = Failing::new(Duration::from_secs(3_600));
    let inner = ConcurrencyLimitLayer::new(limit).layer(failing.service());
    let service = CircuitBreakerLayer::new(policy).layer(inner);
    let call = || Box::pin(service.clone().oneshot(Request::new(())));
    let mut running: Vec<_> = (0..count("bulkhead") + count("queue"))
        .map(|_| call())
        .collect();
    for call in &mut running {
        assert!(call.as_mut().now_or_never().is_none());
    }
    for expected in array(&case["expect"]["results"]) {
        assert_eq!(*expected, result(&call().await.unwrap()));
    }
    assert_eq!(failing.executions(), 1);
}

/// What the caller hears.
pub(super) fn result<B>(response: &Response<B>) -> &'static str {
    match Rejection::of(response) {
        None if response.status().is_success() => "ok",
        None => "service_error",
        Some(Rejection::CircuitOpen { .. }) => "circuit_open",
        Some(Rejection::Overflow(_)) => "bulkhead_full",
        Some(Rejection::TimedOut(_)) => "timeout",
        Some(other) => panic!("{other}"),
    }
}
