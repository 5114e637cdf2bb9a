use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Request, Response};
use http_body_util::Empty;
use meshless::Percent;
use meshless::retry::{Backoff, Jitter, ReplayBody, ResetFormat, RetryLayer, RetryOn, RetryPolicy};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use super::{ms, roll};
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn envoy_backoff() {
    let mut tally = Tally::default();
    let file = load("envoy_backoff.json");
    for case in file["cases"].as_array().unwrap() {
        match case["kind"].as_str().unwrap() {
            "jittered_exponential" => exponential(case),
            "jittered_lower_bound" => {
                let late = Jitter::Above(Percent::new(50));
                let backoff = Backoff::constant(ms(&case["min_ms"])).with_jitter(late);
                let delay = backoff.delay(0, None, roll(case["random"].as_u64().unwrap()));
                assert_eq!(delay, ms(&case["expect_ms"][0]), "{case}");
            }
            "validate" => {
                // There is no invalid one here: a cap below the base is the interval.
                assert_eq!(case["expect_valid"], true);
                let backoff = Backoff::exponential(ms(&case["base_ms"]));
                let backoff = backoff.with_cap(ms(&case["max_ms"]));
                assert_eq!(backoff.interval(1), ms(&case["max_ms"]));
            }
            kind => panic!("{kind}"),
        }
        tally.ran();
    }
    for case in file["reset_header_cases"].as_array().unwrap() {
        let expected = (!case["expect_ms"].is_null()).then(|| ms(&case["expect_ms"]));
        let wait = waited(case).await;
        match expected {
            Some(least) => assert!((least..least * 3 / 2).contains(&wait), "{case}: {wait:?}"),
            None => assert_eq!(wait, OWN, "{case}"),
        }
        tally.ran();
    }
    tally.assert(12, 0);
}

fn exponential(case: &Value) {
    let base = ms(&case["base_ms"]);
    let backoff = |base| Backoff::exponential(base).with_cap(ms(&case["max_ms"]));
    let random = |i: usize| {
        case["randoms"]
            .get(i)
            .unwrap_or_else(|| &case["random"])
            .as_u64()
            .unwrap()
    };
    let skip = u32::try_from(case["skip"].as_u64().unwrap_or(0)).unwrap();

    let check = |backoff: Backoff, expected: &Value| {
        for (i, expected) in expected.as_array().unwrap().iter().enumerate() {
            let retry = skip + u32::try_from(i).unwrap();
            let delay = if let Some(roll) = random(i).checked_mul(1_000_000) {
                backoff.delay(retry, None, roll)
            } else {
                // The roll would not fit once it counts nanoseconds: Envoy's formula itself.

                let millis = backoff.interval(retry).as_millis();
                let picked = u128::from(random(i)) % millis;
                Duration::from_millis(u64::try_from(picked).unwrap())
            };
            assert_eq!(delay, ms(expected), "{case}: {i}");
        }
    };
    check(backoff(base), &case["expect_ms"]);
    for then in case["then"].as_array().into_iter().flatten() {
        let base = if then["reset"].is_null() {
            base
        } else {
            ms(&then["reset"])
        };
        check(backoff(base), &then["expect_ms"]);
    }
}

/// The wait if the header says nothing.
const OWN: Duration = Duration::from_millis(321);

/// How long a retry waits after a response as in the case.
async fn waited(case: &Value) -> Duration {
    let format = match case["format"].as_str().unwrap() {
        "SECONDS" => ResetFormat::Seconds,
        "UNIX_TIMESTAMP" => ResetFormat::UnixTimestamp,
        format => panic!("{format}"),
    };
    let name: HeaderName = case["configured_header"].as_str().unwrap().parse().unwrap();
    let policy = RetryPolicy::new(1)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(OWN))
        .with_envoy_headers(true)
        .with_reset_header(name, format)
        .with_retry_after(Duration::from_secs(300));

    let now = Duration::from_secs(case["now_s"].as_u64().unwrap());
    let date = httpdate::fmt_http_date(std::time::UNIX_EPOCH + now);
    let inner = service_fn(move |request: Request<ReplayBody<Empty<Bytes>>>| {
        let last = request.headers()["x-envoy-attempt-count"] == "2";
        let mut response = Response::builder().status(if last { 200 } else { 503 });
        response = response.header("date", &date);
        if let Some(name) = case["response_header"].as_str() {
            response = response.header(name, case["value"].as_str().unwrap());
        }
        async move { Ok::<_, std::convert::Infallible>(response.body(Empty::<Bytes>::new()).unwrap()) }
    });
    let begin = Instant::now();
    let service = RetryLayer::new(policy).with_seed(1).layer(inner);
    drop(service.oneshot(Request::new(Empty::new())).await);
    begin.elapsed()
}
