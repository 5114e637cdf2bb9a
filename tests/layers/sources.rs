//! Events, rejections and spans carry the name of their layer, and one observer hears of a whole stack.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, OpenReason, Probes};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::events::{Completion, Direction, EventKind, Origin, Source};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::gate::{GateChain, Queued};
use meshless::load_balance::{LoadBalance, LoadBalanceLayer, LoadBalancePolicy};
use meshless::mirror::{MirrorLayer, MirrorPolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy, RateLimiter};
use meshless::retry::{Backoff, Condition, RetryLayer, RetryOn, RetryPolicy, RetryStopReason};
use meshless::telemetry::{
    InMemorySpans, TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer,
    TracingObserver,
};
use meshless::timeout::{Elapsed, TimeoutLayer, TimeoutPolicy};
use meshless::traffic_split::{
    Destination, Route, TrafficSplit, TrafficSplitLayer, TrafficSplitPolicy,
};
use meshless::{Endpoint, Endpoints, Event, Failure, Observe, Outcome, Percent, Rejection};
use tokio::time::advance;
use tower::{Layer, service_fn};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, SubscriberExt};

use crate::support::{Events, Script, Upstream, call, listen, send};

const NAME: &str = "openai";
const SECOND: Duration = Duration::from_secs(1);

/// Returns the names of the events since the last time, each of which comes from the named layer and from the
/// policy.
#[track_caller]
fn named(events: &Events, policy: &str) -> Vec<&'static str> {
    let all = events.take_with_sources().into_iter();
    let names = all.map(|(kind, source)| {
        assert_eq!(source.name(), Some(NAME), "{kind}");
        assert_eq!(kind.policy(), policy, "{kind}");
        kind.name()
    });
    names.collect()
}

#[track_caller]
fn assert_rejected<R>(response: &Response<R>) {
    assert!(Rejection::of(response).is_some());
    let source = Source::of(response).expect("the layer has a name");
    assert_eq!(source.name(), Some(NAME));
}

fn failing() -> Upstream {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    (0..9).fold(Upstream::new(), |upstream, _| upstream.then(status))
}

fn breaker() -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default()
        .with_consecutive_failures(1)
        .with_growth(1.0)
        .with_jitter(Percent::NONE)
        .with_open_for(SECOND)
        .with_probes(Probes::new(1))
        .with_ramp(SECOND)
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_circuit_breaker_names_it() {
    let events = Events::default();
    let layer = CircuitBreakerLayer::with_observer(breaker(), events.observer()).named(NAME);
    let upstream = Upstream::new().then(StatusCode::INTERNAL_SERVER_ERROR);
    let mut service = layer.layer(upstream);
    drop(send(&mut service).await);
    assert_rejected(&send(&mut service).await);
    for _ in 0..2 {
        advance(SECOND).await;
        drop(send(&mut service).await);
    }
    let steps = [
        "circuit_opened",
        "rejected",
        "circuit_half_opened",
        "circuit_recovering",
        "circuit_closed",
    ];
    assert_eq!(named(&events, "circuit_breaker"), steps);

    layer.reconfigure(breaker().with_dry_run(true));
    drop(send(&mut layer.layer(failing())).await);
    assert_eq!(named(&events, "circuit_breaker"), ["circuit_would_open"]);
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_limit_names_it() {
    let events = Events::default();
    let limit =
        ConcurrencyLimitLayer::with_observer(ConcurrencyLimitPolicy::new(1), events.observer());
    let limit = limit.named(NAME);
    let held = limit.try_acquire().unwrap();
    assert_rejected(&send(&mut limit.layer(Upstream::new())).await);
    assert!(limit.try_acquire().is_err());
    drop(held);
    assert_eq!(
        named(&events, "concurrency_limit"),
        ["rejected", "rejected"]
    );

    let none = RateLimitPolicy::per_minute(0);
    let limit = RateLimitLayer::with_observer(none.clone(), events.observer()).named(NAME);
    assert_rejected(&send(&mut limit.layer(Upstream::new())).await);
    limit.reconfigure(none.clone().with_enforced(Percent::NONE));
    drop(send(&mut limit.layer(Upstream::new())).await);
    let limiter = RateLimiter::with_observer(none, events.observer()).named(NAME);
    assert!(limiter.admit(1).is_err());
    assert_eq!(
        named(&events, "rate_limit"),
        ["rejected", "would_reject", "rejected"]
    );
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_fault_names_it() {
    let events = Events::default();
    let abort = Abort::Http(StatusCode::SERVICE_UNAVAILABLE);
    let policy = FaultInjectionPolicy::off().with_abort(Percent::ALL, abort);
    let layer = FaultInjectionLayer::with_observer(policy.clone(), events.observer()).named(NAME);
    assert_rejected(&send(&mut layer.layer(Upstream::new())).await);
    layer.reconfigure(policy.with_delay(Percent::ALL, SECOND));
    assert_rejected(&send(&mut layer.layer(Upstream::new())).await);
    assert_eq!(named(&events, "fault_injection"), ["rejected", "rejected"]);
}

#[tokio::test(start_paused = true)]
async fn each_event_of_endpoints_names_their_layer() {
    let events = Events::default();
    let none = || Endpoints::fixed(Vec::<Endpoint>::new());
    let policy = LoadBalancePolicy::default;
    let layer = LoadBalanceLayer::with_observer(policy(), none(), events.observer()).named(NAME);
    assert_rejected(&send(&mut layer.layer(Upstream::new())).await);
    assert!(layer.choose().is_err());
    let make = |_: &Endpoint| Upstream::new();
    let service = LoadBalance::with_observer(policy(), none(), make, events.observer());
    assert_rejected(&send(&mut service.named(NAME)).await);
    assert_eq!(named(&events, "load_balance"), ["rejected"; 3]);

    let endpoint = |address| Endpoint::try_from(address).unwrap();
    let all = Endpoints::fixed([endpoint("10.0.0.1:80"), endpoint("10.0.0.2:80")]);
    let policy = OutlierDetectionPolicy::default().with_consecutive_5xx(1);
    let detector = OutlierDetector::with_observer(policy, all.clone(), events.observer());
    let detector = detector.named(NAME);
    let bad = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);
    for endpoint in &all.to_vec() {
        meshless::load_balance::EndpointObserver::report(&detector, endpoint, bad);
    }
    detector.reconfigure(OutlierDetectionPolicy::off());
    assert_eq!(
        named(&events, "outlier_detection"),
        [
            "endpoint_ejected",
            "ejection_suppressed",
            "endpoint_unejected"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_mirror_names_it() {
    let events = Events::default();
    let fails = service_fn(|_: Request<meshless::mirror::CopyBody>| async {
        Err::<Response<Script>, _>(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    });
    let policy = MirrorPolicy::default().with_max_in_flight(1);
    let layer = MirrorLayer::with_observer(policy, fails, events.observer()).named(NAME);
    let mut service = layer.layer(Upstream::new());
    for _ in 0..2 {
        call(&mut service, Request::new(Empty::<bytes::Bytes>::new()))
            .await
            .unwrap();
    }
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        named(&events, "mirror"),
        ["mirror_dropped", "mirror_failed"]
    );
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_retry_names_it() {
    let events = Events::default();
    let policy = RetryPolicy::new(1)
        .with_retry_on(RetryOn::none().with(Condition::ServerError))
        .with_backoff(Backoff::constant(Duration::ZERO));
    let layer = RetryLayer::with_observer(policy.clone(), events.observer()).named(NAME);
    let request = || Request::new(Empty::<bytes::Bytes>::new());
    call(&mut layer.layer(failing()), request()).await.unwrap();
    assert_eq!(named(&events, "retry"), ["retrying", "retry_stopped"]);

    let hangs = service_fn(|_: Request<_>| {
        std::future::pending::<Result<Response<Script>, std::io::Error>>()
    });
    layer.reconfigure(policy.with_attempts(0).with_per_try_timeout(SECOND));
    let timed_out = call(&mut layer.layer(hangs), request()).await.unwrap();
    assert_rejected(&timed_out);
    assert_eq!(named(&events, "timeout"), ["rejected"]);
}

#[tokio::test(start_paused = true)]
async fn each_event_of_a_timeout_names_it() {
    let events = Events::default();
    let layer = TimeoutLayer::with_observer(TimeoutPolicy::total(SECOND), events.observer());
    let layer = layer.named(NAME);
    let hangs = service_fn(|_: Request<()>| {
        std::future::pending::<Result<Response<Script>, std::io::Error>>()
    });
    assert_rejected(&send(&mut layer.layer(hangs)).await);
    let mut stream = Response::new(Script::default().hang());
    let value = HeaderValue::from_static("text/event-stream");
    stream.headers_mut().insert(header::CONTENT_TYPE, value);
    let cut = send(&mut layer.layer(Upstream::new().then_response(stream))).await;
    assert!(cut.into_body().collect().await.is_err());
    assert_eq!(
        named(&events, "timeout"),
        ["rejected", "body_timed_out", "stream_timed_out"]
    );
}

#[tokio::test]
async fn each_event_of_a_traffic_split_names_it() {
    let events = Events::default();
    let to_v1 = || TrafficSplitPolicy::new([Route::to(Destination::new("v1"))]);
    let layer = TrafficSplitLayer::with_observer(TrafficSplitPolicy::new([]), events.observer());
    assert_rejected(&send(&mut layer.named(NAME).layer(Upstream::new())).await);
    let none: [(Destination, Upstream); 0] = [];
    let split = TrafficSplit::with_observer(to_v1(), none, events.observer());
    assert_rejected(&send(&mut split.named(NAME)).await);
    assert_eq!(named(&events, "traffic_split"), ["rejected", "rejected"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_request_names_its_layer() {
    let events = Events::with_requests();
    let policy = TracePolicy::off;
    let server = TraceServerLayer::with_observer(policy(), events.observer()).named(NAME);
    let client = TraceClientLayer::with_observer(policy(), events.observer()).named(NAME);
    let attempt = TraceAttemptLayer::with_observer(policy(), events.observer()).named(NAME);
    let inner = client.layer(attempt.layer(Upstream::new()));
    drop(send(&mut server.layer(inner)).await);
    assert_eq!(
        named(&events, "telemetry"),
        [
            "attempt_completed",
            "request_completed",
            "request_completed"
        ]
    );

    let spans = InMemorySpans::new(1);
    let layer = TraceServerLayer::with_processor(TracePolicy::default(), Arc::new(spans.clone()));
    drop(send(&mut layer.named(NAME).layer(Upstream::new())).await);
    assert_eq!(spans.spans()[0].source().name(), Some(NAME));
}

#[tokio::test(start_paused = true)]
async fn of_chained_gates_the_one_that_rejects_is_named() {
    let outer = RateLimitLayer::new(RateLimitPolicy::per_minute(1)).named("outer");
    let inner = RateLimitLayer::new(RateLimitPolicy::per_minute(0)).named("inner");
    let gates = GateChain::new(outer.gate(), inner.gate());
    let mut service = Queued::new(Upstream::new(), gates);
    for expected in ["inner", "outer"] {
        let rejected = send(&mut service).await;
        let source = Source::of(&rejected).expect("both have names");
        assert_eq!(source.name(), Some(expected));
    }
}

#[tokio::test]
async fn a_layer_without_a_name_adds_nothing_to_its_response() {
    let layer = RateLimitLayer::new(RateLimitPolicy::per_minute(0));
    let rejected = send(&mut layer.layer(Upstream::new())).await;
    assert!(Rejection::of(&rejected).is_some());
    assert_eq!(Source::of(&rejected), None);
}

fn get() -> Request<Empty<bytes::Bytes>> {
    Request::new(Empty::new())
}

/// Returns the completions among the events, with true for those of attempts.
fn completions(events: &Events) -> Vec<(bool, Completion)> {
    let all = events.all().into_iter();
    let ends = all.filter_map(|kind| match kind {
        EventKind::AttemptCompleted(done) => Some((true, done)),
        EventKind::RequestCompleted(done) => Some((false, done)),
        _ => None,
    });
    ends.collect()
}

#[tokio::test(start_paused = true)]
async fn one_observer_hears_of_all_layers_of_a_stack_whenever_they_were_set() {
    let eager = || {
        RetryPolicy::new(1)
            .with_retry_on(RetryOn::none().with(Condition::ServerError))
            .with_backoff(Backoff::constant(SECOND / 2))
    };
    let events = Events::with_requests();
    let outbound = meshless::outbound()
        .with_retry(eager())
        .with_observer(events.observer())
        .named(NAME)
        .with_circuit_breaker(breaker());
    let mut client = outbound.layer(Upstream::new().then(StatusCode::BAD_GATEWAY));
    let rejected = call(&mut client, get()).await.unwrap();
    assert_rejected(&rejected);
    rejected.into_body().collect().await.unwrap();
    let names: Vec<_> = events.all().iter().map(EventKind::name).collect();
    assert_eq!(
        names,
        [
            "circuit_opened",
            "retrying",
            "attempt_completed",
            "rejected",
            "attempt_completed",
            "request_completed"
        ]
    );
    let ends = completions(&events);
    let facts: Vec<_> = ends
        .iter()
        .map(|(is_attempt, done)| (*is_attempt, done.retries, done.rejection.is_some()))
        .collect();
    assert_eq!(facts, [(true, 0, false), (true, 1, true), (false, 1, true)]);
    assert_eq!(ends[0].1.status, Some(StatusCode::BAD_GATEWAY));
    assert_eq!(ends[2].1.duration, SECOND / 2);
    let all = events.take_with_sources();
    assert!(all.iter().all(|(_, source)| source.name() == Some(NAME)));

    // A policy that replaces another reports to the same observer.
    outbound.circuit_breaker().reset();
    outbound.timeout().reconfigure(TimeoutPolicy::total(SECOND));
    let hangs = service_fn(|_: Request<_>| {
        std::future::pending::<Result<Response<Script>, std::io::Error>>()
    });
    drop(call(&mut outbound.layer(hangs), get()).await.unwrap());
    let last = completions(&events).pop().unwrap().1;
    assert_eq!(last.rejection, Some(Rejection::TimedOut(SECOND)));
    let count = events.count(|kind| kind.name() == "request_completed");
    assert_eq!(count, 1, "since the last time");
}

#[tokio::test(start_paused = true)]
async fn an_inbound_stack_reports_each_request_once() {
    let events = Events::with_requests();
    let inbound = meshless::inbound()
        .with_observer(events.observer())
        .with_rate_limit(RateLimitPolicy::per_minute(1))
        .named(NAME);
    // The handler's own call is observed by its own stack alone.
    let handler = service_fn(|request: Request<Empty<bytes::Bytes>>| async move {
        let mut client = meshless::outbound().layer(Upstream::new());
        call(&mut client, request).await
    });
    let mut server = inbound.layer(handler);
    for _ in 0..2 {
        let response = call(&mut server, get()).await.unwrap();
        response.into_body().collect().await.unwrap();
    }
    let ends = completions(&events);
    let facts = ends
        .iter()
        .map(|(is_attempt, done)| (*is_attempt, done.status.unwrap().as_u16(), done.retries));
    assert_eq!(
        facts.collect::<Vec<_>>(),
        [(false, 200, 0), (false, 429, 0)]
    );
    assert!(ends.iter().all(|(_, done)| done.endpoint.is_none()));
}

#[tokio::test(start_paused = true)]
async fn an_observer_of_decisions_alone_hears_of_no_request() {
    let (decisions, requests) = (Events::default(), Events::with_requests());
    let both = Arc::new((decisions.clone(), requests.clone()));
    let outbound = meshless::outbound().with_observer(both);
    let mut client = outbound.layer(Upstream::new());
    drop(call(&mut client, get()).await.unwrap());
    assert_eq!(decisions.all(), []);
    assert_eq!(completions(&requests).len(), 2);

    let quiet = meshless::outbound().with_observer(decisions.observer());
    drop(
        call(&mut quiet.layer(Upstream::new()), get())
            .await
            .unwrap(),
    );
    assert_eq!(decisions.all(), []);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_knows_its_endpoint() {
    let events = Events::with_requests();
    let endpoint = Endpoint::try_from("10.0.0.1:80").unwrap();
    let balance = LoadBalanceLayer::new(
        LoadBalancePolicy::default(),
        Endpoints::fixed([endpoint.clone()]),
    );
    let outbound = meshless::outbound().with_observer(events.observer());
    let mut client = outbound.layer(balance.layer(Upstream::new()));
    drop(call(&mut client, get()).await.unwrap());
    let ends = completions(&events);
    let endpoints = ends.iter().map(|(_, done)| done.endpoint.as_ref());
    assert!(endpoints.eq([Some(&endpoint), Some(&endpoint)]));
}

/// Values of fields by their names.
type FieldValues = BTreeMap<&'static str, String>;

/// Subscriber that keeps the fields of events.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<FieldValues>>>);

struct Fields<'a>(&'a mut FieldValues);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let value = format!("{value:?}").trim_matches('"').to_owned();
        self.0.insert(field.name(), value);
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Log {
    fn on_event(&self, event: &tracing::Event<'_>, _context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        self.0.lock().unwrap().push(fields);
    }
}

#[test]
fn the_line_in_the_log_is_the_event_and_its_fields_are_the_source() {
    let log = Log::default();
    let _listening = listen(tracing_subscriber::registry().with(log.clone()));
    let file = Arc::from(std::path::Path::new("users.yaml"));
    let origin = Origin::new("DestinationRule waste/users", Some(file), 7);
    let source = Source::default()
        .with_name(NAME)
        .with_workload("shop", "waste")
        .with_direction(Direction::Outbound)
        .with_host("users")
        .with_cluster("outbound|80||users")
        .with_route(Some("main".into()))
        .with_origin(Some(origin));
    let source = Arc::new(source);
    let endpoint = Endpoint::try_from("10.0.0.1:80").unwrap();
    let kinds = [
        EventKind::BodyTimedOut(Elapsed::Idle(SECOND)),
        EventKind::CircuitClosed,
        EventKind::CircuitHalfOpened,
        EventKind::CircuitOpened {
            open_for: Some(SECOND),
            reason: OpenReason::Forced,
        },
        EventKind::CircuitRecovering { ramp: SECOND },
        EventKind::CircuitWouldOpen {
            reason: OpenReason::ConsecutiveFailures(5),
        },
        EventKind::EndpointUnejected(endpoint),
        EventKind::MirrorFailed(Failure::Reset),
        EventKind::NameResolved {
            endpoints: 2,
            name: "users".into(),
        },
        EventKind::Rejected(Rejection::NoRoute),
        EventKind::RetryStopped(RetryStopReason::Pushback),
        EventKind::Retrying {
            retry: 1,
            wait: SECOND,
        },
        EventKind::StreamTimedOut(SECOND),
        EventKind::WouldReject(Rejection::NoRoute),
    ];
    for kind in &kinds {
        let event = Event::new(kind, &source);
        TracingObserver.on_event(&event);
        let line = log.0.lock().unwrap().pop().unwrap();
        assert_eq!(line["message"], event.to_string());
        for (field, expected) in [
            ("event", event.name()),
            ("policy", event.policy()),
            ("layer", NAME),
            ("workload", "shop"),
            ("namespace", "waste"),
            ("direction", "outbound"),
            ("host", "users"),
            ("cluster", "outbound|80||users"),
            ("route", "main"),
            ("origin", "users.yaml:7"),
        ] {
            assert_eq!(line[field], expected, "{kind}");
        }
        let endpoint = event.endpoint().map(ToString::to_string);
        assert_eq!(line.get("endpoint"), endpoint.as_ref());
        assert_eq!(line.get("reason").map(String::as_str), event.reason());
    }
}

/// Subscriber that keeps the fields of spans, with those recorded later.
#[cfg(feature = "istio")]
#[derive(Clone, Debug, Default)]
struct Spans(Arc<Mutex<BTreeMap<u64, FieldValues>>>);

#[cfg(feature = "istio")]
impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Spans {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::span::Id,
        _context: Context<'_, S>,
    ) {
        let mut spans = self.0.lock().unwrap();
        let fields = spans.entry(id.into_u64()).or_default();
        attributes.record(&mut Fields(fields));
        fields.insert("name", attributes.metadata().name().to_owned());
    }

    fn on_record(
        &self,
        id: &tracing::span::Id,
        values: &tracing::span::Record<'_>,
        _context: Context<'_, S>,
    ) {
        let mut spans = self.0.lock().unwrap();
        values.record(&mut Fields(spans.entry(id.into_u64()).or_default()));
    }
}

#[cfg(feature = "istio")]
#[tokio::test(start_paused = true)]
async fn spans_have_the_names_of_workload_cluster_and_route() {
    const DOCUMENTS: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: users}
spec:
  hosts: [users.test]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users.test]
  http:
  - {name: main, route: [{destination: {host: users.test}}]}
";
    let spans = Spans::default();
    let _listening = listen(tracing_subscriber::registry().with(spans.clone()));
    let mesh = meshless::Mesh::from_yaml(DOCUMENTS).unwrap();
    let mut client = mesh.workload("shop", "waste").outbound(Upstream::new());
    let request = Request::get("http://users.test/").body(Empty::<bytes::Bytes>::new());
    let response = call(&mut client, request.unwrap()).await.unwrap();
    response.into_body().collect().await.unwrap();
    let spans = spans.0.lock().unwrap();
    for name in ["http.client.request", "http.client.attempt"] {
        let span = spans.values().find(|fields| fields["name"] == name);
        let span = span.expect("a span of this name");
        for (field, expected) in [
            ("istio.canonical_service", "shop"),
            ("istio.namespace", "waste"),
            ("upstream_cluster.name", "outbound|80||users.test"),
            ("upstream_address", "10.0.0.1:80"),
            ("route_name", "main"),
            ("meshless.direction", "outbound"),
        ] {
            let value = span.get(field).map(String::as_str);
            assert_eq!(value, Some(expected), "{name} {field}");
        }
    }
}
