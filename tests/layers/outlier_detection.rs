//! Who is taken out of the balancer's choice, and when they come back.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::events::EventKind;
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::load_balance::EndpointObserver;
use meshless::load_balance::{
    Balanced, LoadBalance, LoadBalanceLayer, LoadBalancePolicy, SlowStart,
};
use meshless::outcome::GrpcStatus;
use meshless::outlier_detection::{
    EjectionReason, FailurePercentage, OutlierDetectionPolicy, OutlierDetector, SuccessRate,
};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use meshless::{Endpoint, Endpoints, Failure, Outcome, Percent, Rejection};
use tower::{Layer, Service, ServiceBuilder};

use crate::support::{Events, Script, call, start};

mod edges;
mod ended;

const SECOND: Duration = Duration::from_secs(1);
const BAD: Outcome = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);
const OK: Outcome = Outcome::Status(StatusCode::OK);

/// Endpoints, their detector and a client behind a balancer over them.
struct World {
    all: Endpoints,
    detector: OutlierDetector,
    events: Events,
    layer: LoadBalanceLayer,
    service: Balanced<Fleet>,
    fleet: Fleet,
}

impl World {
    fn new(count: usize, policy: OutlierDetectionPolicy) -> Self {
        let all = Endpoints::fixed((0..count).map(endpoint));
        let events = Events::default();
        let detector = OutlierDetector::with_observer(policy, all.clone(), events.observer());
        let balance = LoadBalancePolicy::round_robin().with_slow_start(SlowStart::off());
        let layer =
            LoadBalanceLayer::new(balance, all.clone()).with_endpoint_observer(detector.clone());
        let fleet = Fleet::default();
        let service = layer.layer(fleet.clone());
        Self {
            all,
            detector,
            events,
            layer,
            service,
            fleet,
        }
    }

    fn nth(&self, n: usize) -> Endpoint {
        self.all.to_vec()[n].clone()
    }

    fn report(&self, n: usize, outcome: Outcome, times: usize) {
        for _ in 0..times {
            self.detector.report(&self.nth(n), outcome);
        }
    }

    fn is_ejected(&self, n: usize) -> bool {
        self.all.is_ejected(&self.nth(n))
    }

    async fn send(&mut self) -> (StatusCode, Option<Rejection>) {
        let response = call(&mut self.service, request()).await.unwrap();
        (response.status(), Rejection::of(&response).copied())
    }

    /// Sends so many requests and says how often each endpoint was asked.
    async fn send_many(&mut self, count: usize) -> BTreeMap<String, usize> {
        self.fleet.seen.lock().unwrap().clear();
        for _ in 0..count {
            self.send().await;
        }
        let mut counts = BTreeMap::new();
        for address in self.fleet.seen.lock().unwrap().iter() {
            *counts.entry(address.clone()).or_default() += 1;
        }
        counts
    }

    /// Lets a request through every second, for so many seconds, and says when an endpoint was back.
    async fn back_after(&mut self, n: usize, seconds: u32) -> Option<u32> {
        for second in 1..=seconds {
            tokio::time::advance(SECOND).await;
            self.send().await;
            if !self.is_ejected(n) {
                return Some(second);
            }
        }
        None
    }
}

/// Upstreams that answer 200, or what they are told to by their address.
#[derive(Clone, Debug, Default)]
struct Fleet {
    bad: Arc<Mutex<BTreeMap<String, StatusCode>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Fleet {
    fn will(&self, n: usize, status: StatusCode) {
        let address = endpoint(n).to_string();
        self.bad.lock().unwrap().insert(address, status);
    }
}

impl<B> Service<Request<B>> for Fleet {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(
        &mut self,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let address = request.uri().authority().unwrap().to_string();
        let mut response = Response::new(Script::default().data("hello"));
        if let Some(status) = self.bad.lock().unwrap().get(&address) {
            *response.status_mut() = *status;
        }
        self.seen.lock().unwrap().push(address);
        std::future::ready(Ok(response))
    }
}

fn endpoint(n: usize) -> Endpoint {
    Endpoint::try_from(format!("10.0.0.{n}:80").as_str()).unwrap()
}

fn request() -> Request<Empty<Bytes>> {
    Request::get("http://users/").body(Empty::new()).unwrap()
}

fn policy() -> OutlierDetectionPolicy {
    OutlierDetectionPolicy::default().with_max_ejection_percent(Percent::ALL)
}

#[tokio::test(start_paused = true)]
async fn five_bad_answers_in_a_row_eject_and_the_others_carry_on() {
    let mut world = World::new(3, policy());
    world.fleet.will(1, StatusCode::BAD_GATEWAY);
    let counts = world.send_many(30).await;
    assert_eq!(counts["10.0.0.1:80"], 5);
    assert!(world.is_ejected(1) && !world.is_ejected(0));
    assert_eq!(world.detector.stats().ejected, 1);
    let reason = EjectionReason::Consecutive5xx;
    let endpoint = world.nth(1);
    assert_eq!(
        world.events.all(),
        [EventKind::EndpointEjected { endpoint, reason }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_between_them_begins_anew() {
    let world = World::new(2, policy());
    world.report(0, BAD, 4);
    world.report(0, OK, 1);
    world.report(0, BAD, 4);
    assert!(!world.is_ejected(0));
    world.report(0, BAD, 1);
    assert!(world.is_ejected(0));
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_with_a_sweep_and_stays_away_longer_each_time() {
    let mut world = World::new(2, policy());
    // The grid is every 10 s; at 3 s it is ejected for 30 s, which is over at the sweep of 40 s.
    tokio::time::advance(3 * SECOND).await;
    world.report(0, BAD, 5);
    assert_eq!(world.back_after(0, 100).await, Some(37));
    world.report(0, BAD, 5);
    assert_eq!(world.back_after(0, 100).await, Some(60));
    world.report(0, BAD, 5);
    assert_eq!(world.back_after(0, 100).await, Some(90));
    // Two intervals in good health take two off: the fourth is like the second.
    tokio::time::advance(20 * SECOND).await;
    world.report(0, BAD, 5);
    assert_eq!(world.back_after(0, 100).await, Some(60));
    let back = world.events.all().pop();
    assert_eq!(back, Some(EventKind::EndpointUnejected(world.nth(0))));
    assert_eq!(world.detector.stats().ejections, 4);
}

#[tokio::test(start_paused = true)]
async fn no_ejection_lasts_longer_than_the_longest() {
    let longest = policy()
        .with_interval(SECOND)
        .with_base_ejection_time(10 * SECOND)
        .with_max_ejection_time(25 * SECOND);
    let mut world = World::new(2, longest);
    for expected in [10, 20, 25, 25] {
        world.report(0, BAD, 5);
        assert_eq!(world.back_after(0, 100).await, Some(expected));
    }
}

#[tokio::test(start_paused = true)]
async fn chance_makes_an_ejection_longer() {
    let jitter = policy()
        .with_interval(Duration::from_millis(1))
        .with_max_ejection_time_jitter(10 * SECOND);
    let mut lengths = Vec::new();
    for seed in 0..20 {
        let all = Endpoints::fixed([endpoint(0), endpoint(1)]);
        let detector = OutlierDetector::with_seed(jitter.clone(), all.clone(), seed);
        let begin = tokio::time::Instant::now();
        for _ in 0..5 {
            detector.report(&all.to_vec()[0], BAD);
        }
        while all.is_ejected(&all.to_vec()[0]) {
            tokio::time::advance(SECOND / 10).await;
            detector.sweep(tokio::time::Instant::now().into_std());
        }
        lengths.push(begin.elapsed());
    }
    assert!(
        lengths
            .iter()
            .all(|length| (30 * SECOND..=41 * SECOND).contains(length))
    );
    lengths.sort();
    assert!(lengths[19] > lengths[0] + 5 * SECOND, "{lengths:?}");
}

#[tokio::test(start_paused = true)]
async fn all_out_is_an_answer_until_one_is_back() {
    let mut world = World::new(2, policy());
    world.report(0, BAD, 5);
    tokio::time::advance(10 * SECOND).await;
    world.report(1, BAD, 5);
    let unhealthy = (
        StatusCode::SERVICE_UNAVAILABLE,
        Some(Rejection::NoHealthyUpstream),
    );
    assert_eq!(world.send().await, unhealthy);
    tokio::time::advance(19 * SECOND).await;
    assert_eq!(world.send().await, unhealthy);
    // No request reaches anybody, and yet the first comes back in time.
    tokio::time::advance(SECOND).await;
    assert_eq!(world.send().await, (StatusCode::OK, None));
    assert_eq!(world.send_many(4).await.len(), 1);
    tokio::time::advance(10 * SECOND).await;
    assert_eq!(world.send_many(4).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn when_too_few_are_left_all_are_used() {
    let mut world = World::new(4, policy());
    let half = LoadBalancePolicy::round_robin().with_min_health_percent(Percent::new(50));
    world.layer.reconfigure(half);
    world.report(0, BAD, 5);
    world.report(1, BAD, 5);
    assert_eq!(
        world.send_many(12).await.len(),
        2,
        "half are left, and that is enough"
    );
    world.report(2, BAD, 5);
    assert_eq!(world.send_many(12).await.len(), 4);
    assert_eq!(world.detector.stats().ejected, 3);
}

#[tokio::test(start_paused = true)]
async fn one_may_always_be_out_and_no_more_than_the_share() {
    for (count, percent, expected) in [(1, 10, 1), (3, 10, 1), (4, 50, 2), (10, 25, 2), (3, 0, 1)] {
        let share = policy().with_max_ejection_percent(Percent::new(percent));
        let world = World::new(count, share.clone());
        (0..count).for_each(|n| world.report(n, BAD, 5));
        let stats = world.detector.stats();
        assert_eq!(stats.ejected, expected, "{count} {percent}");
        assert_eq!(stats.suppressed, (count - expected) as u64);

        let strict = World::new(count, share.with_eject_one_always(false));
        (0..count).for_each(|n| strict.report(n, BAD, 5));
        let expected = count * usize::from(percent) / 100;
        assert_eq!(
            strict.detector.stats().ejected,
            expected,
            "{count} {percent}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_we_refuse_or_inject_or_let_go_counts_for_nobody() {
    let all = Endpoints::fixed([endpoint(0), endpoint(1)]);
    let detector = OutlierDetector::new(policy(), all.clone());
    let fault = Abort::Http(StatusCode::SERVICE_UNAVAILABLE);
    let make = move |_: &Endpoint| {
        let faults = FaultInjectionPolicy::off().with_abort(Percent::ALL, fault);
        ServiceBuilder::new()
            .layer(RateLimitLayer::new(RateLimitPolicy::at_most(2, SECOND)))
            .layer(FaultInjectionLayer::new(faults))
            .service(Fleet::default())
    };
    let balance = LoadBalance::new(LoadBalancePolicy::round_robin(), all.clone(), make);
    let mut service = balance.with_endpoint_observer(detector.clone());
    for _ in 0..40 {
        let response = call(&mut service, request()).await.unwrap();
        assert!(response.status().as_u16() >= 429);
    }
    let mut world = World::new(2, policy());
    for _ in 0..40 {
        drop(start(&mut world.service, request()));
    }
    world.report(0, Outcome::Abandoned, 40);
    assert_eq!(
        detector.stats().ejections + world.detector.stats().ejections,
        0
    );

    // A fault that stands for the upstream's own answer does count.
    let aborts = FaultInjectionPolicy::off()
        .with_abort(Percent::ALL, fault)
        .with_abort_as_upstream(true);
    let faulty = FaultInjectionLayer::new(aborts).layer(world.fleet.clone());
    let mut service = world.layer.layer(faulty);
    for _ in 0..10 {
        call(&mut service, request()).await.unwrap();
    }
    assert_eq!(world.detector.stats().ejections, 2);
}

#[tokio::test(start_paused = true)]
async fn what_counts_and_as_what() {
    let gateway = policy()
        .with_consecutive_5xx(0)
        .with_consecutive_gateway_errors(3);
    let split = policy()
        .with_split_local_origin(true)
        .with_consecutive_local_origin_failures(2);
    let status = |status| Outcome::Status(StatusCode::from_u16(status).unwrap());
    let grpc = |code| Outcome::Grpc(GrpcStatus::new(code));
    for (policy, outcome, times) in [
        (policy(), status(599), Some(5)),
        (policy(), status(499), None),
        (policy(), grpc(14), Some(5)),
        (policy(), grpc(8), None),
        (policy(), Outcome::Failed(Failure::Connect), Some(5)),
        (policy(), Outcome::Failed(Failure::Timeout), Some(5)),
        (
            policy().with_consecutive_5xx(1),
            Outcome::Failed(Failure::Body),
            Some(1),
        ),
        (gateway.clone(), status(503), Some(3)),
        (gateway.clone(), Outcome::Failed(Failure::Reset), Some(3)),
        (gateway, status(500), None),
        (split.clone(), Outcome::Failed(Failure::Connect), Some(2)),
        (split.clone(), Outcome::Failed(Failure::Timeout), Some(2)),
        (split, status(503), Some(5)),
        (OutlierDetectionPolicy::off(), status(500), None),
    ] {
        let world = World::new(2, policy.clone());
        let mut reports = (1..=20).inspect(|_| world.report(0, outcome, 1));
        let ejected = reports.find(|_| world.is_ejected(0));
        assert_eq!(ejected, times, "{outcome:?} under {policy:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_split_any_answer_says_that_it_was_reached() {
    let split = policy()
        .with_split_local_origin(true)
        .with_consecutive_local_origin_failures(2);
    let world = World::new(2, split);
    for _ in 0..4 {
        world.report(0, Outcome::Failed(Failure::Connect), 1);
        world.report(0, BAD, 1);
    }
    assert!(!world.is_ejected(0));
    world.report(0, BAD, 1);
    assert!(
        world.is_ejected(0),
        "by its answers, which nothing came between"
    );
}

#[tokio::test(start_paused = true)]
async fn rates_are_compared_at_the_end_of_an_interval() {
    let by_share = policy()
        .with_consecutive_5xx(0)
        .with_failure_percentage(FailurePercentage::new(Percent::new(50)));
    let by_rate = policy()
        .with_consecutive_5xx(0)
        .with_success_rate(SuccessRate::new());
    for (policy, reason) in [
        (by_share, EjectionReason::FailurePercentage),
        (by_rate, EjectionReason::SuccessRate),
    ] {
        let mut world = World::new(5, policy);
        (0..5).for_each(|n| world.report(n, OK, 50));
        (1..5).for_each(|n| world.report(n, OK, 50));
        world.report(0, BAD, 50);
        assert!(!world.is_ejected(0), "not before the sweep");
        tokio::time::advance(10 * SECOND).await;
        world.report(1, OK, 1);
        assert!(world.is_ejected(0));
        let endpoint = world.nth(0);
        assert_eq!(
            world.events.all(),
            [EventKind::EndpointEjected { endpoint, reason }]
        );
        assert_eq!(world.back_after(0, 60).await, Some(30));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_back_gets_its_share_by_and_by() {
    let mut world = World::new(2, policy());
    let slow = SlowStart::over(20 * SECOND);
    world
        .layer
        .reconfigure(LoadBalancePolicy::random().with_slow_start(slow));
    world.layer = world.layer.with_seed(9);
    world.service = world.layer.layer(world.fleet.clone());
    world.report(0, BAD, 5);
    tokio::time::advance(30 * SECOND).await;
    for (seconds, part) in [(0, 0.1), (10, 0.5), (10, 1.0)] {
        tokio::time::advance(seconds * SECOND).await;
        let first = u32::try_from(world.send_many(4_000).await["10.0.0.0:80"]).unwrap();
        let first = f64::from(first);
        let expected = 4_000.0 * part / (part + 1.0);
        assert!((first - expected).abs() < 120.0, "{first}, not {expected}");
    }
}

#[tokio::test(start_paused = true)]
async fn endpoints_join_and_leave_while_requests_run() {
    let mut world = World::new(2, policy());
    let slow = tower::service_fn(|_: Request<Empty<Bytes>>| async {
        tokio::time::sleep(SECOND).await;
        let mut response = Response::new(Script::default());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        Ok::<_, Infallible>(response)
    });
    let mut service = world.layer.layer(slow);
    let calls: Vec<_> = (0..10).map(|_| start(&mut service, request())).collect();
    let gone = world.nth(1);
    world.all.update([endpoint(0), endpoint(2)]);
    for call in calls {
        assert_eq!(
            call.await.unwrap().status(),
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }
    assert!(world.is_ejected(0) && !world.is_ejected(1));
    assert_eq!(
        world.detector.stats().ejected,
        1,
        "what is gone is not counted"
    );
    assert_eq!(gone.in_flight(), 0);
    // An ejected one that leaves makes room, and who comes in its place starts afresh.
    world.all.update([endpoint(2)]);
    assert_eq!(world.send_many(3).await.len(), 1);
    world.all.update([endpoint(0), endpoint(2)]);
    world.report(1, OK, 1);
    world.report(1, BAD, 1);
    assert_eq!(world.detector.stats().ejected, 0);
    assert_eq!(world.send_many(4).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_elsewhere_and_each_try_is_counted() {
    let mut world = World::new(3, policy());
    world.fleet.will(0, StatusCode::SERVICE_UNAVAILABLE);
    let retry = RetryPolicy::default()
        .with_attempts(1)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::constant(Duration::ZERO));
    let mut service = RetryLayer::new(retry).layer(world.service.clone());
    for _ in 0..30 {
        let response = call(&mut service, request()).await.unwrap();
        assert_eq!(
            response.status(),
            StatusCode::OK,
            "whoever fails, another is asked"
        );
    }
    let asked = world.fleet.seen.lock().unwrap().len();
    assert_eq!(asked, 35);
    assert!(world.is_ejected(0));
    assert_eq!(world.send_many(4).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_replaced_and_what_was_counted_stays() {
    let world = World::new(3, policy());
    world.report(0, BAD, 5);
    world.report(1, BAD, 3);
    world.detector.reconfigure(policy().with_consecutive_5xx(4));
    assert!(world.is_ejected(0));
    world.report(1, BAD, 1);
    assert!(world.is_ejected(1));
    world.detector.reconfigure(OutlierDetectionPolicy::off());
    assert!(!world.is_ejected(0) && !world.is_ejected(1));
    world.report(1, BAD, 9);
    world.detector.reconfigure(policy());
    world.report(1, BAD, 4);
    assert!(!world.is_ejected(1));
}

#[tokio::test(start_paused = true)]
async fn a_new_interval_counts_from_the_last_sweep() {
    let world = World::new(
        2,
        policy()
            .with_interval(8 * SECOND)
            .with_base_ejection_time(SECOND),
    );
    world.report(0, BAD, 5);
    tokio::time::advance(5 * SECOND).await;
    world.detector.reconfigure(
        policy()
            .with_interval(9 * SECOND)
            .with_base_ejection_time(SECOND),
    );
    tokio::time::advance(3 * SECOND).await;
    world.detector.sweep(tokio::time::Instant::now().into_std());
    assert!(world.is_ejected(0));
    tokio::time::advance(SECOND).await;
    world.detector.sweep(tokio::time::Instant::now().into_std());
    assert!(!world.is_ejected(0));
}

#[tokio::test(start_paused = true)]
async fn a_subset_has_ejections_of_its_own_and_nobody_stays_out_unwatched() {
    let all = Endpoints::fixed([
        endpoint(0).with_label("v", "1"),
        endpoint(1).with_label("v", "1"),
    ]);
    let subset = all.subset([("v", "1")]);
    let detector = OutlierDetector::new(policy(), subset.clone());
    let first = all.to_vec()[0].clone();
    for _ in 0..5 {
        detector.report(&first, BAD);
    }
    assert!(subset.is_ejected(&first) && !all.is_ejected(&first));
    drop(detector);
    assert!(!subset.is_ejected(&first));
}

/// A detector of one endpoint among four.
fn alone(policy: OutlierDetectionPolicy) -> (OutlierDetector, Endpoints, Endpoint) {
    let all = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80", "10.0.0.4:80"];
    let endpoints = Endpoints::fixed(all.map(|a| Endpoint::try_from(a).unwrap()));
    let one = endpoints.to_vec()[0].clone();
    let detector = OutlierDetector::new(policy, endpoints.clone());
    (detector, endpoints, one)
}

#[tokio::test(start_paused = true)]
async fn an_ejection_is_counted_from_when_it_happened_and_not_from_the_sweep_before() {
    let tens = Duration::from_secs(10);
    let policy = OutlierDetectionPolicy::default()
        .with_interval(tens)
        .with_base_ejection_time(tens);
    let (detector, endpoints, one) = alone(policy);
    for (seconds, failures) in [(5, 4), (10, 1)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        for _ in 0..failures {
            detector.report(&one, Outcome::Failed(Failure::Connect));
        }
    }
    for (seconds, is_out) in [(6, true), (10, false)] {
        tokio::time::advance(Duration::from_secs(seconds)).await;
        detector.report(&one, Outcome::Status(StatusCode::BAD_GATEWAY));
        assert_eq!(endpoints.is_ejected(&one), is_out, "{seconds}");
    }
}

#[test]
fn only_the_statuses_that_are_errors_eject() {
    let errors = [
        StatusCode::TOO_MANY_REQUESTS,
        StatusCode::SERVICE_UNAVAILABLE,
    ];
    let policy = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(2)
        .with_error_statuses(errors);
    let (detector, endpoints, one) = alone(policy);
    // 500 is a success, so that it ends the row.
    for (status, is_out) in [(429, false), (500, false), (429, false), (503, true)] {
        let status = StatusCode::from_u16(status).unwrap();
        detector.report(&one, Outcome::Status(status));
        assert_eq!(endpoints.is_ejected(&one), is_out, "{status}");
    }
}

#[test]
fn another_5xx_breaks_a_row_of_gateway_errors() {
    let policy = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(0)
        .with_consecutive_gateway_errors(2);
    let (detector, endpoints, one) = alone(policy);
    for (status, is_out) in [(502, false), (500, false), (502, false), (503, true)] {
        let status = StatusCode::from_u16(status).unwrap();
        detector.report(&one, Outcome::Status(status));
        assert_eq!(endpoints.is_ejected(&one), is_out, "{status}");
    }
}
