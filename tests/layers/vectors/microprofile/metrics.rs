use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::circuit_breaker::{FailureOn, Verdict};
use meshless::events::EventKind;
use meshless::retry::RetryStopReason;
use meshless::retry::{Backoff, ReplayBody, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Failure, Outcome};
use serde_json::{Value, json};
use tokio::time::sleep;
use tower::{Layer, ServiceExt, service_fn};

use super::composition::result;
use super::{breaker, ms};
use crate::support::Events;
use crate::vectors::bench::{BAD, Bench, GOOD};
use crate::vectors::rate_limit::{array, number};

pub(super) async fn play(case: &Value) {
    match case["name"].as_str().unwrap() {
        "breaker_counters" => counters(case).await,
        _ => retries(case).await,
    }
}

/// What a caller counts by the verdicts of a policy, and by the events of its circuit breaker.
async fn counters(case: &Value) {
    // What the service throws that is none of its failures.
    let thrown = Outcome::Failed(Failure::Other);
    let failure_on = FailureOn::default()
        .with_classifier(move |outcome| (outcome == thrown).then_some(Verdict::Success));
    let bench = Bench::new(breaker(&case["config"]).with_failure_on(failure_on.clone()));
    let (mut good, mut bad) = (0, 0);
    let (mut ok, mut err) = (0, 0);
    for step in array(&case["steps"]) {
        let Some(call) = step["call"].as_str() else {
            bench.at(ms(&step["sleep_ms"])).await;
            continue;
        };
        let (calls, outcome) = match call {
            "fail" => (1, BAD),
            "ok->circuit_open" => (1, GOOD),
            "ok x2" => (2, GOOD),
            "exception not in fail_on" | "skipped exception" => (1, thrown),
            other => panic!("{other}"),
        };
        for _ in 0..calls {
            let admitted = bench.quick(outcome);
            let verdict = failure_on.verdict(outcome);
            good += u64::from(admitted && verdict == Verdict::Success);
            bad += u64::from(admitted && verdict == Verdict::Failure);
            let is_ok = admitted && outcome.is_success();
            ok += u64::from(is_ok);
            err += u64::from(!is_ok);
        }
        let found = json!({
            "success": good,
            "failure": bad,
            "open": bench.refused(),
            "opened": bench.opened(),
            "invocations_ok": ok,
            "invocations_err": err,
        });
        for (key, expected) in step["expect"].as_object().unwrap() {
            assert_eq!(found[key], *expected, "{key} after {call}");
        }
    }
}

fn retries_of(events: &Events) -> usize {
    events.count(|event| matches!(event, EventKind::Retrying { .. }))
}

fn gave_up(events: &Events) -> Option<RetryStopReason> {
    events.all().iter().find_map(|event| match event {
        EventKind::RetryStopped(reason) => Some(*reason),
        _ => None,
    })
}

async fn retries(case: &Value) {
    let (config, expect) = (&case["config"], &case["expect"]);
    let ends = expect["result"] == "maxRetriesReached";
    let most = if ends { number(&expect["retries"]) } else { 5 };
    let attempts = config["retry_max"].as_u64().unwrap_or(most);
    let policy = RetryPolicy::new(u32::try_from(attempts).unwrap())
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_budget(RetryBudget::unlimited());
    let events = Events::default();
    let layer = RetryLayer::with_observer(policy, events.observer());
    // As many failures as are worth a retry, and what comes then.
    let last = match expect["result"].as_str().unwrap() {
        "exceptionNotRetryable" => 400,
        "valueReturned" => 200,
        _ => 500,
    };
    let failures = usize::try_from(number(&expect["retries"])).unwrap();
    let answers = [vec![500; failures], vec![last]].concat();
    let answers = Arc::new(Mutex::new(VecDeque::from(answers)));
    let takes = Duration::from_millis(config["call_ms"].as_u64().unwrap_or(0));
    let inner = layer.layer(service_fn(move |_: Request<ReplayBody<_>>| {
        let mut response = Response::new(Empty::<Bytes>::new());
        let status = answers.lock().unwrap().pop_front().unwrap();
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        async move {
            sleep(takes).await;
            Ok::<_, Infallible>(response)
        }
    }));
    let total = Duration::from_millis(config["max_duration_ms"].as_u64().unwrap_or(0));
    let service = TimeoutLayer::new(TimeoutPolicy::total(total)).layer(inner);
    let request = Request::new(Empty::<Bytes>::new());
    let response = service.oneshot(request).await.unwrap();

    assert_eq!(expect["calls"], 1);
    assert_eq!(expect["retries"], retries_of(&events));
    assert_eq!(expect["retried"], retries_of(&events) > 0);
    let gave_up = match u32::try_from(attempts).unwrap() {
        // No attempts are no policy, so nothing is given up.
        0 => None,
        attempts => ends.then_some(RetryStopReason::Attempts(attempts)),
    };
    assert_eq!(self::gave_up(&events), gave_up);
    let found = (result(&response), response.status().as_u16());
    let expected = match last {
        // Ours does not wait for the answer that comes too late.
        _ if expect["result"] == "maxDurationReached" => ("timeout", 504),
        200 => ("ok", 200),
        status => ("service_error", status),
    };
    assert_eq!(found, expected);
}
