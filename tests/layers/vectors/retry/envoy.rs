use std::time::Duration;

use http::{HeaderName, Method};
use meshless::concurrency_limit::Overflow;
use meshless::events::EventKind;
use meshless::outcome::ErrorClassifier;
use meshless::retry::RetryStopReason;
use meshless::retry::{
    Backoff, Condition, Jitter, ResetFormat, RetryBudget, RetryLayer, RetryOn, RetryPolicy,
};
use meshless::{Failure, Percent, Rejection};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::server::{Answer, Call, Reset, response, send};
use super::{Dice, ms, roll};
use crate::support::Events;
use crate::vectors::tally::{Tally, load};

const SEED: u64 = 7;

#[tokio::test(start_paused = true)]
async fn envoy_retry() {
    let mut tally = Tally::default();
    for case in load("envoy_retry.json")["cases"].as_array().unwrap() {
        match case["name"].as_str().unwrap() {
            "PolicyAltProtocolPostHandshakeFailure" => tally.skipped("there is no HTTP/3 here"),
            "RouteConfigNoRetriesAllowed" => {
                tally.skipped("no attempts are no policy at all, as in Istio");
            }
            _ => {
                Proxy::default().play(case).await;
                tally.ran();
            }
        }
    }
    tally.assert(26, 2);
}

/// A route and a cluster, as a case sets them up, and the request that is under way.
struct Proxy {
    attempts: u32,
    base: Duration,
    budget: RetryBudget,
    max_parallel: u32,
    on: String,
    others: Vec<JoinHandle<()>>,
    request: Vec<(String, String)>,
    reset_header: Option<HeaderName>,
    retriable_header: Option<HeaderName>,
    statuses: Vec<u16>,
    under_way: Option<UnderWay>,
}

/// A request, and how it is doing.
struct UnderWay {
    backoffs: u32,
    calls: mpsc::UnboundedReceiver<Call>,
    dice: Dice,
    events: Events,
    layer: RetryLayer,
    pending: Option<Call>,
    task: JoinHandle<()>,
}

impl Default for Proxy {
    fn default() -> Self {
        Self {
            attempts: 1,
            base: Duration::from_millis(25),
            budget: RetryBudget::unlimited(),
            max_parallel: 1,
            on: String::new(),
            others: Vec::new(),
            request: Vec::new(),
            reset_header: None,
            retriable_header: None,
            statuses: Vec::new(),
            under_way: None,
        }
    }
}

impl Proxy {
    async fn play(&mut self, case: &Value) {
        let name = &case["name"];
        for step in case["steps"].as_array().unwrap() {
            if let Some(set) = step["set_policy"].as_object() {
                set.iter()
                    .for_each(|(key, value)| self.set_policy(key, value));
            } else if let Some(breakers) = step["set_circuit_breakers"].as_object() {
                self.max_parallel = number(&breakers["max_retries"]);
                if let Some(budget) = breakers.get("retry_budget") {
                    let min = number(&budget["min_retry_concurrency"]);
                    self.budget = RetryBudget::concurrent(percent(&budget["budget_percent"]), min);
                }
            } else if let Some(share) = step.get("set_runtime_budget_percent") {
                // Envoy's default for the other half of a budget.
                self.budget = RetryBudget::concurrent(percent(share), 3);
            } else if let Some(headers) = step["new_request"].as_array() {
                self.request = headers.iter().map(pair).collect();
                self.begin().await;
            } else if step.get("expect_retry_state").is_some() {
                assert!(self.policy().retry_on().is_empty(), "{name}");
            } else if let Some(n) = step["n"].as_u64() {
                assert_eq!(step["add_outstanding"], "retries", "{name}");
                self.add_outstanding(n).await;
            } else if step.get("parse").is_some() {
                parse(step);
            } else if step["over_http3"] == true {
                // It waits for nothing and lengthens no backoff, so what follows is the same.
            } else if step.get("expect").is_some() {
                self.outcome(step, name).await;
            } else if let Some(stats) = step["expect_stat"].as_object() {
                // One of the retries of "Backoff" goes over HTTP/3, another follows it.
                if name != "Backoff" {
                    stats.iter().for_each(|(stat, n)| self.stat(stat, n, name));
                }
            } else {
                assert!(
                    step.get("expect_retry_enabled").is_some() || step.get("upstream").is_some(),
                    "{name}: {step}"
                );
            }
        }
    }

    fn set_policy(&mut self, key: &str, value: &Value) {
        match key {
            "num_retries" => self.attempts = number(value),
            "retry_on" => value.as_str().unwrap().clone_into(&mut self.on),
            "base_interval_ms" => self.base = ms(value),
            "retriable_status_codes" => {
                let codes = value.as_array().unwrap().iter();
                self.statuses = codes.map(|c| u16::try_from(number(c)).unwrap()).collect();
            }
            "retriable_headers" => self.retriable_header = Some(header(&value[0]["name"])),
            "reset_headers" => {
                assert_eq!(value[0]["format"], "SECONDS");
                self.reset_header = Some(header(&value[0]["name"]));
            }
            _ => panic!("{key}"),
        }
    }

    /// The policy that a route and the headers of a caller whom Envoy trusts come to.
    fn policy(&self) -> RetryPolicy {
        let asked = |name: &str| {
            let found = self.request.iter().find(|(n, _)| n == name);
            found.map_or("", |(_, value)| value)
        };
        let lists = [
            &self.on,
            asked("x-envoy-retry-on"),
            asked("x-envoy-retry-grpc-on"),
        ];
        let mut on = RetryOn::parse(&lists.join(",")).unwrap();
        if on.contains(Condition::RetriableStatusCodes) {
            for status in &self.statuses {
                on = on.with_status((*status).try_into().unwrap());
            }
        }
        if on.contains(Condition::RetriableHeaders) {
            let names = asked("x-envoy-retriable-header-names").split(',');
            let names = names.map(str::trim).filter(|n| !n.is_empty());
            for name in names
                .map(|n| n.parse().unwrap())
                .chain(self.retriable_header.clone())
            {
                on = on.with_header(name, None);
            }
        }
        let max = asked("x-envoy-max-retries").parse();
        let mut policy = RetryPolicy::new(max.unwrap_or(self.attempts))
            .with_retry_on(on)
            .with_backoff(Backoff::exponential(self.base))
            .with_budget(self.budget.clone())
            .with_max_parallel(self.max_parallel)
            .with_retry_after(Duration::from_secs(300))
            .with_error_classifier(ErrorClassifier::new(|reset: &Reset| Some(reset.0)));
        if let Some(name) = self.reset_header.clone() {
            policy = policy.with_reset_header(name, ResetFormat::Seconds);
        }
        policy
    }

    async fn begin(&mut self) {
        self.end();
        let events = Events::default();
        let layer = RetryLayer::with_observer(self.policy(), events.observer()).with_seed(SEED);
        let (task, mut calls) = send(&layer, Method::GET);
        let pending = calls.recv().await;
        self.under_way = Some(UnderWay {
            backoffs: 0,
            calls,
            dice: Dice(SEED),
            events,
            layer,
            pending,
            task,
        });
    }

    fn end(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            under_way.task.abort();
        }
    }

    /// Starts requests that are all being tried a second time.
    async fn add_outstanding(&mut self, n: u64) {
        let layer = self.under_way.as_ref().unwrap().layer.clone();
        for _ in 0..n {
            let (task, mut calls) = send(&layer, Method::GET);
            let (_, answer) = calls.recv().await.unwrap();
            answer.send(Ok(response([(":status", "500")]))).unwrap();
            self.under_way.as_mut().unwrap().dice.roll();
            let second = calls.recv().await.unwrap();
            self.others.push(tokio::spawn(async move {
                let _held = (second, calls, task);
                std::future::pending::<()>().await;
            }));
        }
    }

    /// Lets the try that is under way end so, and sees what follows.
    async fn outcome(&mut self, step: &Value, name: &Value) {
        if self.under_way.as_ref().unwrap().pending.is_none() {
            // Envoy's unit goes on after the answer; a request does not, but has used up nothing.
            self.begin().await;
        }
        let base = self.base;
        let under_way = self.under_way.as_mut().unwrap();
        let (_, answer) = under_way.pending.take().unwrap();
        let began = Instant::now();
        let heard = under_way.events.all().len();
        answer.send(ended(step)).unwrap();
        // The channel closes with the service, which goes when the answer is there.
        under_way.pending = under_way.calls.recv().await;

        let events = under_way.events.all().split_off(heard);
        let got = match events.as_slice() {
            [] => "No",
            [EventKind::Retrying { .. }] => "Yes",
            [EventKind::RetryStopped(RetryStopReason::Attempts(_))] => "NoRetryLimitExceeded",
            [EventKind::RetryStopped(RetryStopReason::Parallel(_))] => "NoOverflow",
            other => panic!("{name}: {other:?}"),
        };
        assert_eq!(step["expect"], got, "{name}: {step}");
        assert_eq!(under_way.pending.is_some(), got == "Yes", "{name}: {step}");
        let rolled = (got != "No").then(|| under_way.dice.roll());

        if let Some((resumed, _)) = &under_way.pending {
            let asked = asked(step).filter(|wait| !wait.is_zero() && self.reset_header.is_some());
            let (backoff, retry) = if let Some(wait) = asked {
                let late = Jitter::Above(Percent::new(50));
                (Backoff::constant(wait).with_jitter(late), 0)
            } else {
                under_way.backoffs += 1;
                (Backoff::exponential(base), under_way.backoffs - 1)
            };
            // What Envoy's dice give, and what ours gave.
            if let Some(random) = step["random"].as_u64() {
                let delay = backoff.delay(retry, None, roll(random));
                assert_eq!(delay, ms(&step["expect_delay_ms"]), "{name}: {step}");
            }
            let delay = backoff.delay(retry, None, rolled.unwrap());
            let took = resumed.duration_since(began);
            let moment = Duration::from_millis(2);
            assert!(
                delay <= took && took <= delay + moment,
                "{name}: {delay:?} {took:?}"
            );
        }
    }

    fn stat(&self, stat: &str, expected: &Value, name: &Value) {
        let under_way = self.under_way.as_ref().unwrap();
        let count = |is: fn(&EventKind) -> bool| under_way.events.count(is);
        let got = match stat {
            "upstream_rq_retry" => count(|e| matches!(e, EventKind::Retrying { .. })),
            "upstream_rq_retry_limit_exceeded" => {
                count(|e| matches!(e, EventKind::RetryStopped(RetryStopReason::Attempts(_))))
            }
            "upstream_rq_retry_overflow" => {
                count(|e| matches!(e, EventKind::RetryStopped(RetryStopReason::Parallel(_))))
            }
            // Which waits were the server's: their length was seen above.
            "upstream_rq_retry_backoff_exponential" => under_way.backoffs as usize,
            "upstream_rq_retry_backoff_ratelimited" => {
                count(|e| matches!(e, EventKind::Retrying { .. })) - under_way.backoffs as usize
            }
            _ => panic!("{name}: {stat}"),
        };
        assert_eq!(*expected, got, "{name}: {stat}");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
        self.others.iter().for_each(JoinHandle::abort);
    }
}

fn ended(step: &Value) -> Answer {
    if let Some(headers) = step["response"].as_array() {
        let pairs: Vec<_> = headers.iter().map(pair).collect();
        return Ok(response(
            pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())),
        ));
    }
    Err(Reset(match step["reset"].as_str().unwrap() {
        "overflow" => {
            let mut refused = response([(":status", "503")]);
            let overflow = Rejection::Overflow(Overflow::InFlight(1));
            refused.extensions_mut().insert(overflow);
            return Ok(refused);
        }
        "remote_reset" => Failure::Reset,
        "remote_connection_failure" => Failure::Connect,
        reset => panic!("{reset}"),
    }))
}

fn asked(step: &Value) -> Option<Duration> {
    let mut headers = step["response"].as_array()?.iter().map(pair);
    let (_, value) = headers.find(|(name, _)| name == "retry-after")?;
    Some(Duration::from_secs(value.parse().unwrap()))
}

/// Compares the conditions with Envoy's bits.
fn parse(step: &Value) {
    let names = [
        "5xx",
        "gateway-error",
        "connect-failure",
        "retriable-4xx",
        "refused-stream",
        "cancelled",
        "deadline-exceeded",
        "resource-exhausted",
        "unavailable",
        "internal",
    ];
    let (known, unknown) = RetryOn::parse_known(step["input"].as_str().unwrap());
    let has = |name: &&str| known.contains(Condition::from_name(name).unwrap());
    let mask: u64 = names
        .iter()
        .enumerate()
        .filter(|(_, n)| has(n))
        .map(|(i, _)| 1 << i)
        .sum();
    assert_eq!(step["expect_mask"], mask, "{step}");
    assert_eq!(step["expect_all_valid"], unknown.is_empty(), "{step}");
}

fn pair(value: &Value) -> (String, String) {
    (
        value[0].as_str().unwrap().into(),
        value[1].as_str().unwrap().into(),
    )
}

fn header(name: &Value) -> HeaderName {
    name.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

fn percent(value: &Value) -> Percent {
    Percent::from_f64(value.as_f64().unwrap())
}
