use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceBuilder};

use super::super::router::route::mirrors::Mirrors;
use super::super::router::upstream::internal_headers::Withheld;
use super::super::router::upstream::to_transport::{ToMirror, ToTransport};
use super::support::{Asked, Reply, Script, Text, Upstream, at, limit, observed, send, to};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::events::{Emitter, Event, EventKind, Observe};
use crate::foundation::sync::Percent;
use crate::istio::config::{ClusterConfig, RouteConfig};
use crate::policies::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use crate::policies::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use crate::policies::load_balance::{LoadBalanceLayer, LoadBalancePolicy, SlowStart};
use crate::policies::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use crate::policies::rate_limit::{RateLimitLayer, RateLimitPolicy};
use crate::policies::retry::{Backoff, Jitter, RetryLayer, RetryOn, RetryPolicy};
use crate::policies::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy};
use crate::policies::timeout::{TimeoutLayer, TimeoutPolicy};
use crate::policies::traffic_split::{Destination, Route, TrafficSplitLayer, TrafficSplitPolicy};

#[derive(Debug, Default)]
struct Events(Mutex<Vec<String>>);

impl Observe for Events {
    fn on_event(&self, event: &Event<'_>) {
        let told = match event.kind() {
            EventKind::EndpointEjected { endpoint, reason } => {
                format!("ejected {endpoint}: {reason}")
            }
            EventKind::EndpointUnejected(endpoint) => format!("back {endpoint}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().push(told);
    }
}

/// The policies of both.
struct Policies {
    balance: LoadBalancePolicy,
    concurrency: ConcurrencyLimitPolicy,
    fault: FaultInjectionPolicy,
    outlier: OutlierDetectionPolicy,
    rate: RateLimitPolicy,
    retry: RetryPolicy,
    timeout: TimeoutPolicy,
}

fn policies() -> Policies {
    let backoff = Backoff::exponential(Duration::from_millis(25)).with_jitter(Jitter::None);
    Policies {
        balance: LoadBalancePolicy::round_robin().with_slow_start(SlowStart::off()),
        concurrency: ConcurrencyLimitPolicy::new(2),
        fault: FaultInjectionPolicy::off()
            .with_abort(Percent::NONE, Abort::Http(StatusCode::IM_A_TEAPOT)),
        outlier: OutlierDetectionPolicy::default().with_consecutive_5xx(3),
        rate: RateLimitPolicy::per_minute(30),
        retry: RetryPolicy::new(2)
            .with_backoff(backoff)
            .with_retry_on(RetryOn::parse("5xx").unwrap())
            .with_per_try_timeout(Duration::from_millis(300)),
        timeout: TimeoutPolicy::total(Duration::from_secs(1)),
    }
}

const ADDRESSES: [&str; 3] = ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"];

/// Fails in a way that depends on where and how often it was asked, and on nothing else.
fn upstream() -> Upstream {
    let asked = Arc::new(Mutex::new(0_u64));
    Upstream::new(move |one: &Asked| {
        let mut count = asked.lock().unwrap();
        *count += 1;
        let first = one.uri.host() == Some("10.0.0.1");
        match *count % 7 {
            0 => Reply::from(200).after(400),
            1 | 4 if first => Reply::from(503).after(5),
            5 => Reply::from(503).after(20),
            _ if first => Reply::from(500),
            _ => Reply::from(200).after(10),
        }
    })
}

/// Sends the same requests, some at once, and tells what became of each and when.
async fn run<S, R>(service: S, upstream: &Upstream, events: &Events) -> Vec<String>
where
    S: tower::Service<Request<Text>, Response = http::Response<R>> + Clone,
    S::Error: std::fmt::Debug,
    R: http_body::Body<Data = bytes::Bytes>,
    R::Error: std::fmt::Debug,
{
    let begin = tokio::time::Instant::now();
    let mut told = Vec::new();
    for round in 0..40 {
        let calls = (0..round % 4).map(|i| {
            let method = if i == 1 { Method::POST } else { Method::GET };
            let request = Request::builder().method(method).uri("http://users/");
            send(&service, request.body(Full::from("body")).unwrap())
        });
        for (status, rejection) in futures_util::future::join_all(calls).await {
            told.push(format!(
                "{round} {:?} {status} {rejection:?}",
                begin.elapsed()
            ));
        }
        tokio::time::sleep(Duration::from_secs(round % 5)).await;
    }
    let asked = upstream.asked();
    told.extend(asked.iter().map(|one| {
        format!(
            "{} {} {:?}",
            one.uri,
            one.host(),
            one.headers.get("x-envoy-attempt-count")
        )
    }));
    told.extend(events.0.lock().unwrap().iter().cloned());
    told
}

#[tokio::test(start_paused = true)]
async fn the_assembled_stack_and_the_same_layers_by_hand_behave_alike() {
    let (assembled, told_assembled) = {
        let p = policies();
        let config = RouteConfig {
            fault: p.fault,
            limits: vec![limit("rate", p.rate)],
            retry: p.retry,
            timeout: p.timeout,
            ..to("users")
        };
        let destination = ClusterConfig {
            load_balancer: p.balance,
            limit: p.concurrency,
            outlier: p.outlier,
            ..at(&ADDRESSES)
        };
        let script = Script::default()
            .host("users", [config])
            .destination("users", destination);
        let (events, upstream) = (Arc::new(Events::default()), upstream());
        let mesh = observed(script, Arc::clone(&events) as Arc<dyn Observe>);
        let service = mesh.workload("w", "n").outbound(upstream.clone());
        let told = run(service, &upstream, &events).await;
        (upstream.count(), told)
    };
    let (by_hand, told_by_hand) = {
        let p = policies();
        let (events, upstream) = (Arc::new(Events::default()), upstream());
        let observe = || Arc::clone(&events) as Arc<dyn Observe>;
        let endpoints = ADDRESSES.map(|address| Endpoint::try_from(address).unwrap());
        let endpoints = Endpoints::fixed(endpoints);
        let detector = OutlierDetector::with_observer(p.outlier, endpoints.clone(), observe());
        let balance = LoadBalanceLayer::with_observer(p.balance, endpoints, observe());
        let split = TrafficSplitPolicy::new([Route::to(Destination::new("users"))]);
        let trace = TracePolicy::default();
        let each_try = ServiceBuilder::new()
            .layer(TraceAttemptLayer::new(trace.clone()))
            .layer(tower::layer::layer_fn(|inner| {
                ToTransport::new(inner, Withheld::default())
            }))
            .layer(ConcurrencyLimitLayer::with_observer(
                p.concurrency,
                observe(),
            ))
            .layer(balance.with_endpoint_observer(detector))
            .service(upstream.clone());
        let inner =
            RetryLayer::with_observer(p.retry.with_envoy_headers(true), observe()).layer(each_try);
        let inner = TimeoutLayer::with_observer(p.timeout, observe()).layer(inner);
        let inner = Mirrors::<_, ToMirror<Upstream, Text>>::new(inner, Arc::new([]));
        let service = ServiceBuilder::new()
            .layer(TraceClientLayer::without_injection(
                trace,
                Emitter::default(),
            ))
            .layer(RateLimitLayer::with_observer(p.rate, observe()))
            .layer(FaultInjectionLayer::with_observer(p.fault, observe()))
            .layer(TrafficSplitLayer::with_observer(split, observe()).with_host_preserved(true))
            .service(inner);
        let told = run(service, &upstream, &events).await;
        (upstream.count(), told)
    };
    assert_eq!(told_assembled, told_by_hand);
    assert_eq!(assembled, by_hand);
    assert!(
        told_by_hand
            .iter()
            .any(|line| line.contains("ejected 10.0.0.1"))
    );
    assert!(told_by_hand.iter().any(|line| line.contains("Overflow")));
    assert!(told_by_hand.iter().any(|line| line.contains("Retrying")));
    assert!(told_by_hand.iter().any(|line| line.contains("RateLimited")));
}
