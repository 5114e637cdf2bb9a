//! What Envoy's router and fault filter answer, and what they tell outlier detection.
//!
//! Of 29 cases 22 run: 10 and 7 here, 3 with documents, 2 with the concurrency limit. 5 are of things
//! that are not here, and 2 are decided otherwise on purpose.

#[cfg(feature = "istio")]
mod documents;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
use meshless::outcome::GrpcStatus;
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{TrafficSplitLayer, TrafficSplitPolicy};
use meshless::{Failure, Outcome, Percent, Rejection};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::vectors::tally::{Tally, load};

const MS: Duration = Duration::from_millis(1);
const TOTAL: Duration = Duration::from_secs(1);

/// Writes down what becomes of each attempt, as an outlier detector would.
#[derive(Clone, Debug, Default)]
struct Detector(Arc<Mutex<Vec<String>>>);

#[derive(Debug)]
struct Attempt(Detector, bool);

impl Attempt {
    fn note(&mut self, outcome: Outcome) {
        self.1 = true;
        let text = match outcome {
            Outcome::Status(status) => format!("http {}", status.as_u16()),
            Outcome::Failed(Failure::Timeout) => "LocalOriginTimeout".into(),
            Outcome::Failed(_) => "LocalOriginConnectFailed".into(),
            Outcome::Abandoned | Outcome::Rejected => return,
            other => panic!("{other:?}"),
        };
        self.0.0.lock().unwrap().push(text);
    }
}

impl Ticket for Attempt {
    fn on_outcome(&mut self, outcome: Outcome) {
        self.note(outcome);
    }

    fn on_body_error(&mut self, failure: Failure) {
        self.note(Outcome::Failed(failure));
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !self.1 {
            self.note(Outcome::on_drop());
        }
    }
}

impl Gate for Detector {
    type Ticket = Attempt;
    type Wait = NoQueue<Attempt>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Attempt, Self::Wait> {
        Admission::Admitted(Attempt(self.clone(), false))
    }
}

/// What an upstream does with one attempt.
#[derive(Clone, Copy, Debug)]
enum Act {
    Answer(u16),
    Hang,
    Reset,
}

type Answered = BoxFuture<'static, io::Result<Response<Full<Bytes>>>>;

fn upstream<B>(
    acts: &[Act],
) -> impl Service<Request<B>, Response = Response<Full<Bytes>>, Error = io::Error, Future = Answered>
+ Clone
+ use<B> {
    let acts = Arc::new(Mutex::new(VecDeque::from(acts.to_vec())));
    service_fn(move |_: Request<B>| {
        let act = acts.lock().unwrap().pop_front();
        let answer: Answered = match act.expect("no more attempts than acts") {
            Act::Answer(status) => {
                let mut response = Response::new(Full::from("not read"));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                std::future::ready(Ok(response)).boxed()
            }
            Act::Hang => std::future::pending().boxed(),
            Act::Reset => std::future::ready(Err(io::ErrorKind::ConnectionReset.into())).boxed(),
        };
        answer
    })
}

fn retry(attempts: u32) -> RetryPolicy {
    RetryPolicy::new(attempts)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(MS))
        .with_budget(RetryBudget::unlimited())
}

/// Sends a request through total timeout, retry and, if given, circuit breaker.
async fn send(
    acts: &[Act],
    retry: RetryPolicy,
    breaker: CircuitBreakerPolicy,
) -> (Response<()>, String, Vec<String>) {
    let detector = Detector::default();
    let inner = Gated::new(upstream(acts), detector.clone());
    let inner = CircuitBreakerLayer::new(breaker).layer(inner);
    let inner = RetryLayer::new(retry).layer(inner);
    let service = TimeoutLayer::new(TimeoutPolicy::total(TOTAL)).layer(inner);
    let response = service.oneshot(Request::new(String::new())).await.unwrap();
    let (head, body) = split(response).await;
    let told = detector.0.lock().unwrap().clone();
    (head, body, told)
}

async fn split<B>(response: Response<B>) -> (Response<()>, String)
where
    B: http_body::Body<Data = Bytes>,
    B::Error: std::fmt::Debug,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let body = String::from_utf8(body.to_vec()).unwrap();
    (Response::from_parts(parts, ()), body)
}

fn check(case: &Value, response: &Response<()>, body: &str, heard: &[String]) {
    let (name, expect) = (&case["name"], &case["expect"]);
    assert_eq!(response.status().as_u16(), expect["status"], "{name}");
    let rejection = Rejection::of(response);
    if let Some(flag) = expect["flag"].as_str().filter(|_| rejection.is_some()) {
        assert_eq!(rejection.unwrap().flag(), flag, "{name}");
    }
    if let Some(text) = expect["body"].as_str() {
        assert_eq!(body, text, "{name}");
    }
    let content_type = expect["headers"]["content-type"].as_str();
    if content_type.is_some() && rejection.is_some() {
        let got = response.headers()["content-type"].to_str().ok();
        assert_eq!(got, content_type, "{name}");
        let length = body.len().to_string();
        assert_eq!(expect["headers"]["content-length"], length, "{name}");
    }
    if let Some(outlier) = expect["outlier"].as_array() {
        // Envoy tells connection and answer apart; a code that it would only repeat is left out.
        let expected: Vec<_> = outlier
            .iter()
            .map(|event| event.as_str().unwrap().replace(" code 504", ""))
            .filter(|event| event != "LocalOriginConnectSuccess")
            .collect();
        assert_eq!(heard, expected, "{name}");
    }
    if let Some(requests) = expect["upstream_requests"].as_u64() {
        assert_eq!(heard.len() as u64, requests, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_router_answers_as_envoys() {
    use Act::{Answer, Hang, Reset};
    let file = load("envoy_router_outcomes.json");
    let off = CircuitBreakerPolicy::off;
    let (mut ran, mut skipped) = (0, BTreeMap::new());
    for case in file["cases"].as_array().unwrap() {
        let name = case["name"].as_str().unwrap();
        let per_try = retry(1).with_per_try_timeout(5 * MS);
        let (response, body, heard) = match name {
            "RouteNotFound" => no_route().await,
            "NoHost" => {
                let breaker = CircuitBreakerLayer::default();
                breaker.force_open();
                let service = breaker.layer(upstream(&[]));
                let (head, body) = split(service.oneshot(Request::new(())).await.unwrap()).await;
                (head, body, Vec::new())
            }
            "NoRetriesOverflow" => {
                let once = RetryBudget::share(Percent::NONE).with_reserve(1);
                send(
                    &[Answer(503), Answer(503)],
                    retry(2).with_budget(once),
                    off(),
                )
                .await
            }
            "UpstreamTimeout" => send(&[Hang], RetryPolicy::off(), off()).await,
            "TimeoutBudgetHistogramStatDuringGlobalTimeout" => {
                send(&[Answer(503), Hang], retry(1), off()).await
            }
            "UpstreamPerTryTimeout" | "UpstreamPerTryTimeoutExcludesNewStream" => {
                let one_try = RetryPolicy::off().with_per_try_timeout(5 * MS);
                send(&[Hang], one_try, off()).await
            }
            "RetryNoneHealthy" => {
                let one = CircuitBreakerPolicy::default().with_consecutive_failures(1);
                send(&[Reset], retry(1), one).await
            }
            "RetryUpstreamPerTryTimeout" => send(&[Hang, Answer(200)], per_try, off()).await,
            "RetryUpstream5xxNotComplete" => {
                send(&[Answer(503), Answer(200)], retry(1), off()).await
            }
            other => {
                skipped.insert(other, reason(other));
                continue;
            }
        };
        check(case, &response, &body, &heard);
        ran += 1;
    }
    assert_eq!((ran, skipped.len()), (10, 7), "{skipped:#?}");
}

fn reason(name: &str) -> &'static str {
    match name {
        "PoolFailureWithPriority" => "a layer hands on the client's own error; a gateway answers",
        "DropOverloadDropped" => "load is shed by the concurrency limit, not by a control plane",
        "UpstreamTimeoutWithAltResponse" => "no caller may choose the status of our timeout",
        "RetryRequestDuringBodyBufferLimitExceeded" => "a body over the limit goes on, untried",
        "RetryUpstreamReset1xxResponseStarted" => "an informational response is no tower response",
        "RetryTimeoutDuringRetryDelay" => "a wait that cannot end before the deadline never starts",
        "RetryRespectsMaxHostSelectionCount" => {
            "how often a retry picks anew is fixed, as by Istio"
        }
        other => panic!("{other} is skipped for no reason"),
    }
}

async fn no_route() -> (Response<()>, String, Vec<String>) {
    let split_layer = TrafficSplitLayer::new(TrafficSplitPolicy::new([]));
    let service = split_layer.layer(upstream(&[]));
    let request = Request::get("http://users/").body(()).unwrap();
    let (head, body) = split(service.oneshot(request).await.unwrap()).await;
    (head, body, Vec::new())
}

#[tokio::test(start_paused = true)]
async fn the_fault_filter_injects_as_envoys() {
    let file = load("envoy_router_outcomes.json");
    let mut tally = Tally::default();
    for case in file["fault_filter_cases"].as_array().unwrap() {
        let (name, fault) = (case["name"].as_str().unwrap(), &case["fault"]);
        let layer = FaultInjectionLayer::new(policy(fault));
        let service = layer.layer(upstream::<()>(&[Act::Answer(200)]));
        // The cluster that is routed to is the host that is asked for.
        let host = fault["route_cluster"].as_str().unwrap_or("users");
        let request = Request::get(format!("http://{host}/")).body(());
        let mut request = request.unwrap();
        *request.headers_mut() = headers(&fault["request"]);
        let begin = Instant::now();
        if fault["event"].is_string() {
            let call = service.oneshot(request);
            assert!(tokio::time::timeout(MS, call).await.is_err());
        } else {
            let (head, body) = split(service.oneshot(request).await.unwrap()).await;
            let expect = &case["expect"];
            if let Some(status) = expect["status"].as_u64() {
                assert_eq!(u64::from(head.status().as_u16()), status, "{name}");
            }
            if let Some(text) = expect["body"].as_str() {
                assert_eq!(body, text, "{name}");
            }
            for (header, value) in expect["headers"].as_object().into_iter().flatten() {
                assert_eq!(
                    head.headers()[header.as_str()],
                    value.as_str().unwrap(),
                    "{name}"
                );
            }
            let delayed = layer.stats().delays > 0;
            let delay = if delayed { 5_000 * MS } else { Duration::ZERO };
            assert_eq!(begin.elapsed(), delay, "{name}");
        }
        let (stats, expect) = (layer.stats(), &case["expect"]["stats"]);
        for (got, key) in [
            (stats.aborts, "aborts_injected"),
            (stats.delays, "delays_injected"),
            (stats.overflows, "faults_overflow"),
            (stats.active, "active_faults"),
        ] {
            if let Some(expected) = expect[key].as_u64() {
                assert_eq!(got, expected, "{name}: {key}");
            }
        }
        tally.ran();
    }
    tally.assert(7, 0);
}

fn policy(fault: &Value) -> FaultInjectionPolicy {
    let share = |value: &Value| Percent::new(u8::try_from(value.as_u64().unwrap()).unwrap());
    let mut policy = FaultInjectionPolicy::off();
    if let Some(delay) = fault["delay"]["fixed_delay_ms"].as_u64() {
        let delay = Duration::from_millis(delay);
        policy = policy.with_delay(share(&fault["delay"]["percent"]), delay);
    }
    let abort = &fault["abort"];
    if let Some(status) = abort["http_status"].as_u64() {
        let status = StatusCode::from_u16(u16::try_from(status).unwrap()).unwrap();
        policy = policy.with_abort(share(&abort["percent"]), Abort::Http(status));
    }
    if let Some(status) = abort["grpc_status"].as_u64() {
        let status = GrpcStatus::new(u8::try_from(status).unwrap());
        policy = policy.with_abort(share(&abort["percent"]), Abort::Grpc(status));
    }
    if let Some(cluster) = fault["upstream_cluster"].as_str().map(str::to_owned) {
        policy = policy.with_match(move |head| {
            let authority = head.uri().authority();
            authority.is_some_and(|authority| *authority == cluster)
        });
    }
    if let Some(max) = fault["max_active_faults"].as_u64() {
        policy = policy.with_max_active(u32::try_from(max).unwrap());
    }
    if let Some(wanted) = fault["headers"].as_object().cloned() {
        policy = policy.with_match(move |head| {
            wanted.iter().all(|(name, value)| {
                let exact = value.as_str().unwrap().strip_prefix("exact ");
                let got = head.headers().get(name.to_lowercase().as_str());
                got.is_some_and(|got| exact.is_none_or(|exact| got == exact))
            })
        });
    }
    policy
}

fn headers(request: &Value) -> HeaderMap {
    let fields = request.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| {
            let value = HeaderValue::from_str(value.as_str().unwrap()).unwrap();
            (HeaderName::try_from(name).unwrap(), value)
        })
        .collect()
}
