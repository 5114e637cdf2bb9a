//! No setting of any policy makes time overflow, however large or small it is.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use meshless::circuit_breaker::{
    CircuitBreakerLayer, CircuitBreakerPolicy, Probes, Window as Calls,
};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::{
    HashCookie, HashPolicy, LoadBalanceLayer, LoadBalancePolicy, SlowStart,
};
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy};
use meshless::outlier_detection::{
    FailurePercentage, OutlierDetectionPolicy, OutlierDetector, SuccessRate,
};
use meshless::rate_limit::{RateLimitHeaders, RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, Jitter, RetryBudget, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Deadline, Endpoint, Endpoints, Percent};
use proptest::prelude::*;
use tower::{Layer, service_fn};

use crate::support::{Script, Upstream, call, send};

const YEAR: Duration = Duration::from_secs(365 * 86_400);

fn durations() -> impl Strategy<Value = Duration> {
    prop_oneof![
        Just(Duration::ZERO),
        Just(Duration::from_nanos(1)),
        Just(Duration::from_micros(999)),
        Just(Duration::from_secs(30)),
        Just(YEAR),
        Just(200 * YEAR),
        Just(Duration::from_nanos(u64::MAX)),
        // Near what an `Instant` of 64 bits of seconds holds, and beyond.
        (0..4_000_000_000_u64).prop_map(|less| Duration::from_secs(i64::MAX as u64 - less)),
        Just(Duration::from_secs(u64::MAX)),
        Just(Duration::MAX),
    ]
}

fn counts() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(1),
        Just(3),
        Just(1 << 32),
        Just(u64::MAX - 1),
        Just(u64::MAX),
    ]
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn share(count: u64) -> Percent {
    Percent::per_million(small(count))
}

fn factors() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(0.0),
        Just(-1.0),
        Just(f64::MIN_POSITIVE),
        Just(1.000_001),
        Just(2.0),
        Just(f64::MAX),
        Just(f64::INFINITY),
        Just(f64::NAN),
    ]
}

/// Runs `test` on a paused clock.
fn paused<F: Future>(test: F) -> F::Output {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(test)
}

fn failing(times: usize) -> Upstream {
    (0..times).fold(Upstream::new(), |upstream, _| {
        upstream.then(StatusCode::INTERNAL_SERVER_ERROR)
    })
}

fn endpoints() -> Endpoints {
    let addresses = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];
    Endpoints::fixed(addresses.map(|address| Endpoint::try_from(address).unwrap()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn outlier_detection(
        times in (durations(), durations(), durations(), durations()),
        numbers in (counts(), counts(), counts()),
    ) {
        let (interval, base, most, jitter) = times;
        let (failures, volume, percent) = numbers;
        let rate = SuccessRate::new()
            .with_stdev_factor(small(percent))
            .with_min_hosts(small(failures))
            .with_request_volume(volume);
        let percentage = FailurePercentage::new(share(percent))
            .with_min_hosts(small(failures))
            .with_request_volume(volume);
        let policy = OutlierDetectionPolicy::default()
            .with_interval(interval)
            .with_base_ejection_time(base)
            .with_max_ejection_time(most)
            .with_max_ejection_time_jitter(jitter)
            .with_max_ejection_percent(share(percent))
            .with_consecutive_5xx(small(failures))
            .with_consecutive_gateway_errors(small(failures))
            .with_consecutive_local_origin_failures(small(failures));
        let by_rates = policy
            .clone()
            .with_success_rate(rate)
            .with_failure_percentage(percentage);
        paused(async {
            for policy in [policy.clone(), by_rates] {
                let all = endpoints();
                let detector = OutlierDetector::new(policy.clone(), all.clone());
                let slow = SlowStart::over(interval).with_min_weight(share(percent));
                let balance = LoadBalancePolicy::round_robin().with_slow_start(slow);
                let layer = LoadBalanceLayer::new(balance, all.clone());
                let layer = layer.with_endpoint_observer(detector.clone());
                let mut service = layer.layer(failing(9));
                for _ in 0..12 {
                    call(&mut service, Request::new(())).await.unwrap();
                    tokio::time::advance(Duration::from_secs(7)).await;
                }
                for pause in [Duration::from_secs(3_600), YEAR] {
                    tokio::time::advance(pause).await;
                    call(&mut service, Request::new(())).await.unwrap();
                    let _ = detector.stats();
                    let _ = all.to_vec().iter().any(|one| all.is_ejected(one));
                }
                detector.reconfigure(policy);
            }
        });
    }

    #[test]
    fn circuit_breaker(
        times in (durations(), durations(), durations(), durations(), durations()),
        numbers in (counts(), counts()),
        factor in factors(),
    ) {
        let (open_for, most, ramp, slow, lease) = times;
        let (failures, percent) = numbers;
        let probes = Probes::new(small(failures))
            .with_at_once(small(failures))
            .with_failures(small(failures))
            .with_lease(lease);
        paused(async {
            for window in [Calls::Time(open_for), Calls::Count(small(failures))] {
                let policy = CircuitBreakerPolicy::default()
                    .with_consecutive_failures(small(failures).min(3))
                    .with_failure_rate(share(percent))
                    .with_growth(factor)
                    .with_jitter(Percent::ALL)
                    .with_max_open_for(most)
                    .with_minimum_calls(small(failures))
                    .with_open_for(open_for)
                    .with_probes(probes)
                    .with_ramp(ramp)
                    .with_slow_calls(share(percent), slow)
                    .with_window(window);
                let layer = CircuitBreakerLayer::new(policy.clone());
                let mut service = layer.layer(failing(60));
                for n in 0..90 {
                    send(&mut service).await;
                    let _ = layer.state();
                    if n % 9 == 8 {
                        tokio::time::advance(YEAR).await;
                    }
                }
                layer.open_for(open_for);
                send(&mut service).await;
                layer.reconfigure(policy);
                let _ = layer.counts();
            }
        });
    }

    #[test]
    fn rate_limit(
        times in (durations(), durations()),
        numbers in (counts(), counts(), counts(), counts()),
        discrete in any::<bool>(),
    ) {
        let (period, wait) = times;
        let (tokens, fill, cost, used) = numbers;
        let limits = [
            RateLimitPolicy::at_most(tokens, period),
            RateLimitPolicy::token_bucket(tokens, fill, period).with_discrete_refill(discrete),
        ];
        paused(async {
            for limit in limits {
                let policy = limit
                    .with_cost(move |_| cost)
                    .with_usage(move |_, _| used)
                    .with_headers(RateLimitHeaders::AllAndEnvoy)
                    .with_share(small(fill), small(tokens));
                for policy in [policy.clone(), policy.with_max_queue(3).with_max_wait(wait)] {
                    let layer = RateLimitLayer::new(policy.clone()).with_shards(2);
                    let mut service = layer.layer(Upstream::new());
                    for _ in 0..4 {
                        let sent = send(&mut service);
                        drop(tokio::time::timeout(Duration::from_secs(5), sent).await);
                        let _ = layer.limiter().status();
                        tokio::time::advance(Duration::from_secs(7)).await;
                    }
                    tokio::time::advance(YEAR).await;
                    let sent = send(&mut service);
                    drop(tokio::time::timeout(Duration::from_secs(5), sent).await);
                    layer.reconfigure(RateLimitPolicy::token_bucket(fill, tokens, wait));
                    let _ = layer.limiter().status();
                    layer.reconfigure(RateLimitPolicy::at_most(fill, wait));
                    layer.reconfigure(policy);
                    let _ = layer.limiter().status();
                }
            }
        });
    }

    #[test]
    fn retry(
        times in (durations(), durations(), durations(), durations()),
        numbers in (counts(), counts()),
        factor in factors(),
        jitter in prop_oneof![
            Just(Jitter::Above(Percent::ALL)),
            Just(Jitter::Decorrelated),
            Just(Jitter::Equal),
            Just(Jitter::Full),
            Just(Jitter::None),
            Just(Jitter::Spread(Percent::ALL)),
        ],
        growth in 0..3_usize,
    ) {
        let (base, cap, per_try, asked) = times;
        let (attempts, tokens) = numbers;
        let backoff = [Backoff::constant(base), Backoff::exponential(base), Backoff::linear(base)];
        let backoff = backoff[growth].with_cap(cap).with_factor(factor).with_jitter(jitter);
        let policy = RetryPolicy::new(small(attempts))
            .with_retry_on(RetryOn::parse("5xx").unwrap())
            .with_backoff(backoff)
            .with_per_try_timeout(per_try)
            .with_retry_after(cap)
            .with_max_parallel(small(tokens));
        let budgets = [
            RetryBudget::share(share(tokens)),
            RetryBudget::concurrent(share(tokens), small(tokens)),
            RetryBudget::throttle(small(tokens), share(tokens)),
            RetryBudget::unlimited(),
        ];
        paused(async {
            for budget in budgets {
                let asks = Response::builder()
                    .status(503)
                    .header("retry-after", asked.as_secs())
                    .body(Script::default());
                let upstream = failing(3).then_response(asks.unwrap());
                let layer = RetryLayer::new(policy.clone().with_budget(budget));
                let mut service = layer.layer(upstream);
                for _ in 0..3 {
                    let request = Request::new(Empty::<Bytes>::new());
                    call(&mut service, request).await.unwrap();
                    tokio::time::advance(YEAR).await;
                }
            }
        });
    }

    #[test]
    fn timeouts_and_deadlines(
        times in (durations(), durations(), durations()),
        told in counts(),
        unit in prop_oneof![Just('H'), Just('M'), Just('S'), Just('m'), Just('n')],
    ) {
        let (total, idle, offset) = times;
        let policies = [
            TimeoutPolicy::total(total).with_idle(idle).with_grpc_offset(offset),
            TimeoutPolicy::per_try(total).with_header_overrides(true),
        ];
        let mut headers = HeaderMap::new();
        let number = |text: String| HeaderValue::try_from(text).unwrap();
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert("grpc-timeout", number(format!("{told}{unit}")));
        headers.insert("x-envoy-expected-rq-timeout-ms", told.into());
        headers.insert("x-envoy-upstream-rq-per-try-timeout-ms", told.into());
        paused(async {
            for policy in policies {
                let silent = Response::new(Script::default().data("a").hang());
                let mut service = TimeoutLayer::new(policy).layer(Upstream::new().then_response(silent));
                for headers in [headers.clone(), HeaderMap::new()] {
                    let mut request = Request::new(());
                    *request.headers_mut() = headers;
                    let response = call(&mut service, request).await.unwrap();
                    let read = response.into_body().collect();
                    drop(tokio::time::timeout(YEAR, read).await);
                }
            }
            if let Some(deadline) = Deadline::after(total) {
                let mut service = TimeoutLayer::new(TimeoutPolicy::default()).layer(Upstream::new());
                drop(deadline.scoped(send(&mut service)).await);
                deadline.write_to(&mut headers);
            }
            if let Some(far) = tokio::time::Instant::now().into_std().checked_add(total) {
                let hang = service_fn(|_: Request<()>| async {
                    std::future::pending::<()>().await;
                    Ok::<_, Infallible>(Response::new(Script::default()))
                });
                let mut service = TimeoutLayer::new(TimeoutPolicy::default()).layer(hang);
                let sent = Deadline::at(far).scoped(send(&mut service));
                drop(tokio::time::timeout(YEAR, sent).await);
            }
        });
    }

    #[test]
    fn limits_faults_mirrors_and_cookies(
        times in (durations(), durations()),
        numbers in (counts(), counts()),
    ) {
        let (time, other) = times;
        let (most, percent) = numbers;
        paused(async {
            let policy = ConcurrencyLimitPolicy::new(1)
                .with_max_pending(small(most))
                .with_max_wait(time);
            let limit = ConcurrencyLimitLayer::new(policy);
            let permit = limit.try_acquire();
            drop(tokio::time::timeout(YEAR, limit.acquire()).await);
            drop(permit);

            let fault = FaultInjectionPolicy::default()
                .with_delay(Percent::ALL, time)
                .with_abort(share(percent), Abort::Http(StatusCode::BAD_GATEWAY))
                .with_max_active(small(most));
            let mut service = FaultInjectionLayer::new(fault).layer(Upstream::new());
            drop(tokio::time::timeout(3 * YEAR, send(&mut service)).await);

            let copy = service_fn(|_: Request<CopyBody>| async {
                std::future::pending::<()>().await;
                Ok::<_, Infallible>(Response::new(Script::default()))
            });
            let mirror = MirrorPolicy::default()
                .with_timeout(time)
                .with_max_in_flight(small(most))
                .with_lag_limit(usize::try_from(most).unwrap_or(usize::MAX))
                .with_buffer_limit(usize::try_from(percent).unwrap_or(usize::MAX));
            let layer = MirrorLayer::new(mirror, copy);
            let mut service = layer.layer(Upstream::new());
            let request = Request::new(Full::new(Bytes::from_static(b"a")));
            drop(call(&mut service, request).await.unwrap());
            tokio::time::sleep(YEAR).await;

            let cookie = HashCookie::new("a").with_ttl(time);
            let hash = LoadBalancePolicy::consistent_hash(HashPolicy::cookie(cookie));
            let least = LoadBalancePolicy::least_request().with_choices(small(most));
            for policy in [hash, least] {
                let policy = policy
                    .with_slow_start(SlowStart::over(other))
                    .with_min_health_percent(share(percent));
                let mut service = LoadBalanceLayer::new(policy, endpoints()).layer(Upstream::new());
                let sent = call(&mut service, Request::new(()));
                assert!(sent.now_or_never().is_some());
                tokio::time::advance(YEAR).await;
                drop(call(&mut service, Request::new(())).await.unwrap());
            }
        });
    }
}
