//! A policy is read as it was written, in each format.

use std::fmt::Debug;
use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use meshless::Percent;
use meshless::circuit_breaker::{CircuitBreakerPolicy, FailureOn, Probes, Window};
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::fault_injection::{Abort, FaultInjectionPolicy};
use meshless::load_balance::{HashPolicy, LoadBalancePolicy, SlowStart};
use meshless::mirror::MirrorPolicy;
use meshless::outcome::GrpcStatus;
use meshless::outlier_detection::{FailurePercentage, OutlierDetectionPolicy, SuccessRate};
use meshless::rate_limit::{ClientAddress, Key, RateLimitHeaders, RateLimitPolicy};
use meshless::retry::{Backoff, Condition, Jitter, ResetFormat, RetryBudget, RetryOn, RetryPolicy};
use meshless::telemetry::{Propagation, TracePolicy};
use meshless::timeout::TimeoutPolicy;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn round_trips<T: Debug + DeserializeOwned + Serialize>(policy: &T) {
    let debug = |policy: &T| format!("{policy:?}");
    let json = serde_json::to_string(policy).unwrap();
    let read = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(debug(&read), debug(policy), "{json}");
    let toml = toml::to_string(policy).unwrap();
    let read = toml::from_str(&toml).unwrap_or_else(|error| panic!("{toml}: {error}"));
    assert_eq!(debug(&read), debug(policy), "{toml}");
    let yaml = serde_saphyr::to_string(policy).unwrap();
    let read = serde_saphyr::from_str(&yaml).unwrap_or_else(|error| panic!("{yaml}: {error}"));
    assert_eq!(debug(&read), debug(policy), "{yaml}");
}

fn percent() -> impl Strategy<Value = Percent> {
    prop_oneof![
        (0..=100_u8).prop_map(Percent::new),
        (0..=1_000_000_u32).prop_map(Percent::per_million),
    ]
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (0..10_000_u64).prop_map(Duration::from_millis),
        any::<u64>().prop_map(Duration::from_nanos),
        (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(secs, nanos)| Duration::new(secs, nanos)),
    ]
}

/// TOML has integers of 64 bits with a sign.
fn count() -> impl Strategy<Value = u64> {
    0..=i64::MAX.unsigned_abs()
}

fn backoff() -> impl Strategy<Value = Backoff> {
    let jitter = prop_oneof![
        percent().prop_map(Jitter::Above),
        Just(Jitter::Decorrelated),
        Just(Jitter::Equal),
        Just(Jitter::Full),
        Just(Jitter::None),
        percent().prop_map(Jitter::Spread),
    ];
    let kind = prop_oneof![
        duration().prop_map(Backoff::constant),
        duration().prop_map(Backoff::linear),
        (duration(), 0.0..1_000.0)
            .prop_map(|(base, by)| Backoff::exponential(base).with_factor(by)),
    ];
    let cap = prop_oneof![duration(), Just(Duration::MAX)];
    (kind, cap, jitter).prop_map(|(kind, cap, jitter)| kind.with_cap(cap).with_jitter(jitter))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_circuit_breaker_round_trips(
        (failures, calls, on) in (any::<u32>(), any::<u32>(), any::<bool>()),
        (rate, slow, jitter) in (percent(), percent(), percent()),
        (one, two, three, four, five) in (duration(), duration(), duration(), duration(), duration()),
        growth in 0.0..1_000.0,
        (probes, batch, at_once) in (any::<u32>(), any::<bool>(), any::<u32>()),
        window in prop_oneof![(1..=1_000_000_u32).prop_map(Window::Count), duration().prop_map(Window::Time)],
        statuses in prop::collection::vec((0..=16_u8).prop_map(GrpcStatus::new), 0..9),
    ) {
        let probes = if batch { Probes::with_batch_evaluation(probes) } else { Probes::new(probes) };
        let failure_on = FailureOn::default()
            .with_abandoned(on)
            .with_resets(!on)
            .with_grpc(&statuses);
        round_trips(&CircuitBreakerPolicy::default()
            .with_consecutive_failures(failures)
            .with_dry_run(on)
            .with_failure_on(failure_on)
            .with_failure_rate(rate)
            .with_growth(growth)
            .with_jitter(jitter)
            .with_max_open_for(one)
            .with_minimum_calls(calls)
            .with_open_for(two)
            .with_probes(probes.with_at_once(at_once).with_failures(failures).with_lease(three))
            .with_ramp(four)
            .with_slow_calls(slow, five)
            .with_window(window));
    }

    #[test]
    fn a_retry_round_trips(
        attempts: u32,
        backoff in backoff(),
        budget in prop_oneof![
            Just(RetryBudget::unlimited()),
            (percent(), any::<u16>()).prop_map(|(share, n)| RetryBudget::share(share).with_reserve(n)),
            (percent(), any::<u32>(), duration()).prop_map(|(share, min, interval)| {
                RetryBudget::concurrent(share, min).with_interval(interval)
            }),
            (any::<u32>(), percent()).prop_map(|(n, share)| RetryBudget::throttle(n, share)),
        ],
        parallel: Option<u32>,
        (one, two, three) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (per_try, after) in (duration(), duration()),
        replay in 0..1_usize << 40,
        status in 200..600_u16,
    ) {
        let name = || HeaderName::from_static("x-reset");
        let mut on = RetryOn::istio().with_status(StatusCode::from_u16(status).unwrap());
        if one {
            on = on.with_header(name(), None).with_grpc_status(GrpcStatus::ABORTED);
        }
        if two {
            on = on.with(Condition::Reset).with_header(name(), Some(HeaderValue::from_static("none")));
        }
        let mut policy = RetryPolicy::new(attempts)
            .with_backoff(backoff)
            .with_budget(budget)
            .with_non_idempotent(one)
            .with_retry_on(on)
            .with_per_try_timeout(per_try)
            .with_per_try_queueing(two)
            .with_reset_header(name(), ResetFormat::UnixTimestamp)
            .with_retry_after(after)
            .with_retry_after_in_time(three);
        if let Some(parallel) = parallel {
            policy = policy.with_max_parallel(parallel).with_replay_limit(replay);
        }
        round_trips(&policy);
    }

    #[test]
    fn a_rate_limit_round_trips(
        limit in prop_oneof![
            Just(RateLimitPolicy::off()),
            (count(), duration()).prop_map(|(n, period)| RateLimitPolicy::at_most(n, period)),
            count().prop_map(RateLimitPolicy::per_minute),
            (count(), count(), duration(), any::<bool>()).prop_map(|(max, fill, interval, discrete)| {
                RateLimitPolicy::token_bucket(max, fill, interval).with_discrete_refill(discrete)
            }),
        ],
        (enabled, enforced) in (percent(), percent()),
        (keys, queue) in (1..1_usize << 40, 0..1_usize << 40),
        wait in prop_oneof![duration(), Just(Duration::MAX)],
        (part, whole) in (any::<u32>(), any::<u32>()),
        (charge, status) in (any::<bool>(), 400..=999_u16),
        name in "[ -~]*",
    ) {
        let address = ClientAddress::peer().trusting(["10.0.0.0/8".parse().unwrap()]);
        let key = Key::all([
            Key::cookie("none"),
            Key::header(HeaderName::from_static("x-a")),
            Key::client_address(address),
            Key::path(),
            Key::method(),
            Key::global(),
        ]);
        let header = || (HeaderName::from_static("x-b"), HeaderValue::from_static("none"));
        round_trips(&limit
            .with_key(key)
            .with_enabled(enabled)
            .with_enforced(enforced)
            .with_max_keys(keys)
            .with_max_queue(queue)
            .with_max_wait(wait)
            .with_share(part, whole)
            .with_charge(charge)
            .with_status(StatusCode::from_u16(status).unwrap())
            .with_grpc_status(GrpcStatus::RESOURCE_EXHAUSTED)
            .with_name(name)
            .with_headers(RateLimitHeaders::AllAndEnvoy)
            .with_answer_header(header().0, header().1)
            .with_request_header_when_not_enforced(header().0, header().1));
    }

    #[test]
    fn limits_timeouts_and_faults_round_trip(
        (flight, pending) in (any::<u32>(), any::<u32>()),
        (one, two, three) in (duration(), duration(), duration()),
        (a, b, c, d) in (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>()),
        (share, other) in (percent(), percent()),
        status in 100..=999_u16,
    ) {
        round_trips(&ConcurrencyLimitPolicy::new(flight).with_max_pending(pending).with_max_wait(one));
        let timeout = match (a, b) {
            (true, true) => TimeoutPolicy::per_try(one),
            (true, false) => TimeoutPolicy::head(one),
            _ => TimeoutPolicy::total(one),
        };
        round_trips(&timeout
            .with_idle(two)
            .with_grpc_offset(three)
            .with_header_overrides(b)
            .with_incoming(c)
            .with_outgoing(d));
        let abort = if a {
            Abort::Http(StatusCode::from_u16(status).unwrap())
        } else {
            Abort::Grpc(GrpcStatus::NOT_FOUND)
        };
        let fault = FaultInjectionPolicy::off()
            .with_abort(share, abort)
            .with_abort_as_upstream(b)
            .with_header_control(c);
        round_trips(&if d { fault.with_delay(other, two).with_max_active(flight) } else { fault });
    }

    #[test]
    fn balancing_detection_mirrors_and_traces_round_trip(
        (number, size) in (any::<u32>(), 0..=262_144_u32),
        volume in count(),
        (one, two, three) in (duration(), duration(), duration()),
        (a, b, c) in (any::<bool>(), any::<bool>(), any::<bool>()),
        (share, other) in (percent(), percent()),
        aggression in (1..1_000_000_u32).prop_map(|thousandths| f64::from(thousandths) / 1_000.0),
        bytes in 0..1_usize << 40,
    ) {
        let key = HashPolicy::header(HeaderName::from_static("x-user"))
            .or(HashPolicy::cookie("sid"))
            .or(HashPolicy::query("none"))
            .or(HashPolicy::client_address(ClientAddress::peer()));
        let balance = match number % 4 {
            0 => LoadBalancePolicy::consistent_hash(key).with_min_ring_size(size),
            1 => LoadBalancePolicy::least_request().with_choices(number),
            2 => LoadBalancePolicy::round_robin().with_retries_elsewhere(a),
            _ => LoadBalancePolicy::off(),
        };
        let slow_start = SlowStart::over(one).with_aggression(aggression).with_min_weight(other);
        round_trips(&balance.with_min_health_percent(share).with_slow_start(slow_start));

        let mut outlier = OutlierDetectionPolicy::default()
            .with_consecutive_5xx(number)
            .with_error_statuses([StatusCode::TOO_MANY_REQUESTS])
            .with_consecutive_gateway_errors(number / 2)
            .with_base_ejection_time(one)
            .with_max_ejection_time(two)
            .with_max_ejection_time_jitter(three)
            .with_interval(one.max(Duration::from_millis(1)))
            .with_max_ejection_percent(share)
            .with_eject_one_always(a)
            .with_split_local_origin(b);
        if a {
            outlier = outlier.with_enforcing(share, other, share);
        }
        if b {
            outlier = outlier.with_success_rate(SuccessRate::new().with_stdev_factor(number));
        }
        if c {
            let failures = FailurePercentage::new(share).with_request_volume(volume);
            outlier = outlier.with_failure_percentage(failures);
        }
        round_trips(&outlier);

        let mirror = MirrorPolicy::new(share)
            .with_buffer_limit(bytes)
            .with_max_in_flight(number)
            .with_shadow_host(a)
            .with_timeout(one)
            .with_trace_sampled(b);
        let host = "none:80".parse().unwrap();
        round_trips(&if c { mirror.with_marker(None).with_authority(host) } else { mirror });

        let trace = TracePolicy::default()
            .with_accepted(Propagation::B3_MULTI)
            .with_forwarded([HeaderName::from_static("none")])
            .with_request_id_in_response(a)
            .with_sampled(other);
        round_trips(&if b { trace.with_service("none") } else { trace });
        round_trips(&if c { TracePolicy::off() } else { TracePolicy::default() });
    }

    #[cfg(feature = "hyper")]
    #[test]
    fn a_pool_round_trips(
        (connections, pending) in (any::<u32>(), any::<u32>()),
        (one, two) in (duration(), duration()),
        http2: bool,
    ) {
        round_trips(&meshless::pool::PoolPolicy::new()
            .with_connect_timeout(one)
            .with_idle_timeout(two)
            .with_http2(http2)
            .with_http2_keep_alive(two, one)
            .with_max_connections(connections)
            .with_max_pending(pending));
    }

    #[cfg(feature = "dns")]
    #[test]
    fn dns_round_trips(backoff in backoff(), one in duration(), v4: bool) {
        let policy = meshless::dns::DnsPolicy::default().with_backoff(backoff).with_min_ttl(one);
        round_trips(&if v4 { policy.with_ipv4_only() } else { policy.with_ipv6_only() });
    }
}
