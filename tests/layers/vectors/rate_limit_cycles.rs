//! Rate limiters that give out permits by cycles and let calls wait for later ones, as resilience4j
//! and failsafe-go have them: a bucket with a discrete refill, and a queue.

use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use meshless::Rejection;
use meshless::rate_limit::{RateLimitPermit, RateLimitPolicy, RateLimiter};
use serde_json::Value;
use tokio::time::{Instant, advance};

use crate::vectors::rate_limit::{array, number};
use crate::vectors::tally::{Tally, load};

type Turn = Pin<Box<dyn Future<Output = Result<RateLimitPermit, Rejection>>>>;

/// A limiter, and the calls that wait for their turn.
struct Cycles {
    began: Instant,
    limiter: RateLimiter,
    turns: Vec<Turn>,
}

impl Cycles {
    fn new(policy: RateLimitPolicy) -> Self {
        Self {
            began: Instant::now(),
            limiter: RateLimiter::new(policy),
            turns: Vec::new(),
        }
    }

    /// Lets the time pass up to `since` the beginning, and whoever's turn has come go on.
    async fn at(&mut self, since: Duration) {
        let due = self.began + since;
        advance(due.saturating_duration_since(Instant::now())).await;
        self.turns
            .retain_mut(|turn| turn.as_mut().now_or_never().is_none());
    }

    /// Takes a permit, and waits for it in the background; returns for how long, `None` if the wait
    /// would be too long.
    fn reserve(&mut self) -> Option<Duration> {
        // Without looking, a call joins the queue and does not say for how long.
        let wait = self.wait();
        let limiter = self.limiter.clone();
        let mut turn: Turn = Box::pin(async move { limiter.until_ready(1).await });
        if let Some(decided) = turn.as_mut().now_or_never() {
            return decided.is_ok().then_some(Duration::ZERO);
        }
        self.turns.push(turn);
        Some(wait)
    }

    /// Says how long a call without a place in the queue would have to stay away, and takes nothing.
    fn wait(&self) -> Duration {
        match self.limiter.admit(1) {
            Ok(permit) => {
                permit.settle(0);
                Duration::ZERO
            }
            Err(rejection) => rejection.retry_after().unwrap(),
        }
    }

    /// What is left, less what those who wait will take: other libraries let that fall below zero.
    fn available(&self) -> i64 {
        let remaining = i64::try_from(self.limiter.status().remaining).unwrap();
        remaining - i64::try_from(self.turns.len()).unwrap()
    }
}

/// Gives out so many permits at the beginning of each cycle, and what is not taken is lost.
fn cycle(permits: u64, length: Duration) -> RateLimitPolicy {
    RateLimitPolicy::token_bucket(permits, permits, length)
        .with_discrete_refill(true)
        .with_max_queue(1_000)
}

#[tokio::test(start_paused = true)]
async fn resilience4j_limits_by_cycles() {
    let file = load("resilience4j_ratelimiter.json");
    let mut tally = Tally::default();
    for case in array(&file["groups"][0]["cases"]) {
        let steps = array(&case["steps"]);
        if steps.iter().any(|step| step["change_limit"].is_u64()) {
            tally.foreign("a change that waits for the next cycle: a raised limit holds at once");
            continue;
        }
        let permits = &case["config"]["permits"];
        if steps
            .iter()
            .any(|step| step["reserve"].as_u64() > permits.as_u64())
        {
            tally.foreign("a debt: what costs more than the whole limit is never let in");
            continue;
        }
        resilience4j(case).await;
        tally.ran();
    }
    tally.assert_with_foreign(2, 0, 2);
}

async fn resilience4j(case: &Value) {
    let config = &case["config"];
    let nanos = |value: &Value| Duration::from_nanos(number(value));
    let policy = cycle(number(&config["permits"]), nanos(&config["cycle_ns"]))
        .with_max_wait(nanos(&config["timeout_ns"]));
    let mut cycles = Cycles::new(policy);
    for step in array(&case["steps"]) {
        let what = format!("{}: {step}", case["name"]);
        cycles.at(nanos(&step["t"])).await;
        let asked = step.get("reserve").or_else(|| step.get("acquire"));
        let wait = asked.and_then(|_| cycles.reserve());
        let told = step["expect"].as_object();
        for (key, expected) in told.or_else(|| step["read"].as_object()).unwrap() {
            let found: Value = match key.as_str() {
                "ok" => wait.is_some().into(),
                "available" => cycles.available().into(),
                "nanos_to_wait" => u64::try_from(cycles.wait().as_nanos()).unwrap().into(),
                "wait_ns" => match wait {
                    Some(wait) => u64::try_from(wait.as_nanos()).unwrap().into(),
                    None => Value::from(-1),
                },
                "wait_ns_range" => {
                    let (least, most) = (nanos(&expected[0]), nanos(&expected[1]));
                    assert!(wait.is_some_and(|w| least <= w && w <= most), "{what}");
                    continue;
                }
                other => panic!("{other}"),
            };
            assert_eq!(found, *expected, "{key} in {what}");
        }
    }
}

/// Plays a group of `failsafe_go.json`.
pub(crate) async fn failsafe_go(case: &Value) {
    let config = &case["config"];
    let ms = |value: &Value| Duration::from_millis(number(value));
    let mut cycles = Cycles::new(match config["kind"].as_str().unwrap() {
        "smooth" => cycle(1, ms(&config["interval_ms"])),
        "bursty" => cycle(number(&config["permits"]), ms(&config["period_ms"])),
        other => panic!("{other}"),
    });
    for step in array(&case["steps"]) {
        let what = format!("{}: {step}", case["name"]);
        cycles.at(ms(&step["t"])).await;
        // Three permits at once are there when three in a row are.
        let permits = number(&step["acquire"]) * step["times"].as_u64().unwrap_or(1);
        let waits: Vec<_> = (0..permits).map(|_| cycles.reserve()).collect();
        for (key, expected) in step["expect"].as_object().unwrap() {
            let found = match key.as_str() {
                "last_wait_ms" => waits.last().copied().flatten().unwrap(),
                "next_free_ms" => ms(&step["t"]) + cycles.wait(),
                "available" => {
                    assert_eq!(*expected, cycles.available(), "{what}");
                    continue;
                }
                // The number of the cycle is the time divided by its length.
                "period" => continue,
                other => panic!("{other}"),
            };
            assert_eq!(found, ms(expected), "{key} in {what}");
        }
    }
}
