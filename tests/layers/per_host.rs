//! A stack for each host: what one host does leaves the others alone, and their number is bounded.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::Rejection;
use meshless::circuit_breaker::{CircuitBreakerPolicy, CircuitState};
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::mesh::OutboundPerHost;
use meshless::rate_limit::RateLimitPolicy;
use meshless::retry::{Backoff, Condition, RetryBudget, RetryOn, RetryPolicy};
use meshless::timeout::TimeoutPolicy;
use tower::{Layer, Service};

use crate::support::{Script, call, start};

/// Answers 503 for hosts that begin with `down`, and remembers the hosts that it was asked for.
#[derive(Clone, Debug, Default)]
struct Hosts(Arc<Mutex<Vec<String>>>);

impl Hosts {
    fn calls(&self, host: &str) -> usize {
        let asked = self.0.lock().unwrap();
        asked.iter().filter(|asked| *asked == host).count()
    }
}

impl<B> Service<Request<B>> for Hosts {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Script>, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let mut response = Response::new(Script::default());
        if host.starts_with("down") {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        self.0.lock().unwrap().push(host);
        ready(Ok(response))
    }
}

fn get(uri: &str) -> Request<Empty<Bytes>> {
    Request::get(uri).body(Empty::new()).unwrap()
}

fn breaker(failures: u32) -> CircuitBreakerPolicy {
    CircuitBreakerPolicy::default().with_consecutive_failures(failures)
}

fn names(hosts: &OutboundPerHost) -> Vec<String> {
    hosts.hosts().into_iter().map(|(name, _)| name).collect()
}

async fn ask<S>(client: &mut S, uri: &str) -> Response<S::Body>
where
    S: Client,
{
    client.ask(uri).await
}

/// A service over hosts.
trait Client {
    type Body;

    fn ask(&mut self, uri: &str) -> impl Future<Output = Response<Self::Body>>;
}

impl<S, R> Client for S
where
    S: Service<Request<Empty<Bytes>>, Response = Response<R>, Error = Infallible>,
{
    type Body = R;

    async fn ask(&mut self, uri: &str) -> Response<R> {
        let Ok(response) = call(self, get(uri)).await;
        response
    }
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_shuts_no_other_out() {
    let upstream = Hosts::default();
    let hosts = meshless::outbound()
        .with_retry(RetryPolicy::off())
        .with_circuit_breaker(breaker(3))
        .per_host();
    let mut client = hosts.layer(upstream.clone());
    for _ in 0..10 {
        ask(&mut client, "http://down.example/").await;
        assert_eq!(ask(&mut client, "http://up.example/").await.status(), 200);
    }
    assert_eq!(
        upstream.calls("down.example"),
        3,
        "then its circuit is open"
    );
    assert_eq!(upstream.calls("up.example"), 10);

    let down = hosts.host("down.example").unwrap().unwrap();
    assert!(matches!(
        down.circuit_breaker().state(),
        CircuitState::Open { .. }
    ));
    let up = hosts.host("http://up.example").unwrap().unwrap();
    assert_eq!(up.circuit_breaker().state(), CircuitState::Closed);
    assert_eq!(names(&hosts), ["http://down.example", "http://up.example"]);
    assert!(hosts.host("other.example").unwrap().is_none());
    assert!(hosts.host("http://other.example/path").is_err());
}

#[tokio::test(start_paused = true)]
async fn each_host_has_its_own_limits_and_budget() {
    let upstream = Hosts::default();
    let retry = RetryPolicy::new(1)
        .with_retry_on(RetryOn::none().with(Condition::ServerError))
        .with_backoff(Backoff::constant(Duration::ZERO))
        .with_budget(RetryBudget::share(meshless::Percent::NONE).with_reserve(2));
    let hosts = meshless::outbound()
        .with_retry(retry)
        .with_circuit_breaker(CircuitBreakerPolicy::off())
        .with_rate_limit(RateLimitPolicy::per_minute(4))
        .per_host();
    let mut client = hosts.layer(upstream.clone());
    for host in ["down1.example", "down2.example"] {
        for _ in 0..4 {
            let response = ask(&mut client, &format!("https://{host}/")).await;
            assert_eq!(response.status(), 503);
        }
        let limited = ask(&mut client, &format!("https://{host}/")).await;
        assert_eq!(limited.status(), 429);
    }
    let calls = ["down1.example", "down2.example"].map(|host| upstream.calls(host));
    assert_eq!(calls[0], calls[1], "one budget did not pay for the other");
    assert!(calls[0] > 4, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn spellings_of_one_host_share_one_stack_and_requests_without_a_host_another() {
    let hosts = meshless::outbound().per_host();
    let mut client = hosts.layer(Hosts::default());
    for uri in [
        "https://api.example.com/v1",
        "https://API.example.com:443/v2?x=1",
        "https://user:secret@api.example.com./",
        "http://api.example.com/",
        "https://api.example.com:8443/",
        "/path",
        "/other",
    ] {
        ask(&mut client, uri).await;
    }
    let mut named = get("/path");
    named
        .headers_mut()
        .insert("host", "API.example.com".parse().unwrap());
    call(&mut client, named).await.unwrap();
    let mut elsewhere = get("https://api.example.com/");
    *elsewhere.version_mut() = http::Version::HTTP_2;
    elsewhere
        .headers_mut()
        .insert("host", "b.example".parse().unwrap());
    call(&mut client, elsewhere).await.unwrap();
    assert_eq!(
        names(&hosts),
        [
            "http://",
            "http://api.example.com",
            "https://api.example.com",
            "https://api.example.com:8443",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_host_that_was_not_called_for_the_longest_time_gives_up_its_stack() {
    let hosts = meshless::outbound()
        .with_retry(RetryPolicy::off())
        .with_circuit_breaker(breaker(1))
        .per_host()
        .with_max_hosts(3);
    let mut client = hosts.layer(Hosts::default());
    for host in ["down", "b", "c", "b", "d"] {
        ask(&mut client, &format!("http://{host}/")).await;
    }
    assert_eq!(names(&hosts), ["http://b", "http://c", "http://d"]);
    // A call later it has a stack again, whose circuit is closed.
    let again = ask(&mut client, "http://down/").await;
    assert!(Rejection::of(&again).is_none(), "it was asked");
    drop(again);
    assert_eq!(names(&hosts), ["http://b", "http://d", "http://down"]);

    for host in 0..1_000 {
        ask(&mut client, &format!("http://h{host}/")).await;
        assert!(hosts.hosts().len() <= 3);
    }
    assert_eq!(names(&hosts), ["http://h997", "http://h998", "http://h999"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_with_requests_in_flight_keeps_its_stack_before_others_and_ends_them_in_any_case() {
    let hosts = meshless::outbound().per_host().with_max_hosts(2);
    let mut client = hosts.layer(Hosts::default());
    let busy = ask(&mut client, "http://busy/").await;
    ask(&mut client, "http://a/").await;
    ask(&mut client, "http://b/").await;
    assert_eq!(names(&hosts), ["http://b", "http://busy"]);

    // All are busy: the bound holds, and what runs goes on under the limits that it began with.
    let other = ask(&mut client, "http://b/").await;
    let evicted = hosts.host("busy").unwrap().unwrap();
    ask(&mut client, "http://c/").await;
    assert_eq!(names(&hosts), ["http://b", "http://c"]);
    assert_eq!(evicted.concurrency_limit().in_flight(), 1);
    drop((busy, other));
    assert_eq!(evicted.concurrency_limit().in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_may_have_policies_of_its_own_and_a_change_reaches_all_and_those_to_come() {
    let hosts = meshless::outbound()
        .with_concurrency_limit(ConcurrencyLimitPolicy::new(10))
        .per_host()
        .for_host("https://api.example.com", |outbound| {
            outbound.with_concurrency_limit(ConcurrencyLimitPolicy::new(2))
        })
        .unwrap();
    let mut client = hosts.layer(Hosts::default());
    let limit = |host: &str| {
        let outbound = hosts.host(host).unwrap().unwrap();
        outbound.concurrency_limit().policy().max_in_flight()
    };
    ask(&mut client, "https://api.example.com/").await;
    ask(&mut client, "http://other.example/").await;
    assert_eq!((limit("api.example.com"), limit("other.example")), (2, 10));

    let held = ask(&mut client, "http://other.example/").await;
    let other = hosts.host("other.example").unwrap().unwrap();
    hosts.reconfigure(
        &meshless::outbound()
            .with_concurrency_limit(ConcurrencyLimitPolicy::new(20))
            .with_timeout(TimeoutPolicy::total(Duration::from_secs(3))),
    );
    ask(&mut client, "http://third.example/").await;
    assert_eq!((limit("api.example.com"), limit("other.example")), (2, 20));
    assert_eq!(limit("third.example"), 20);
    for (name, outbound) in hosts.hosts() {
        let total = outbound.timeout().policy().total_timeout();
        assert_eq!(total, Duration::from_secs(3), "{name}");
    }
    assert_eq!(other.concurrency_limit().in_flight(), 1, "its state stays");
    drop(held);

    let error = meshless::outbound()
        .per_host()
        .for_host("a b", |outbound| outbound);
    let text = error.err().unwrap().to_string();
    assert!(
        text.starts_with("`a b` is not a host: write it as"),
        "{text}"
    );
}

#[tokio::test(start_paused = true)]
async fn services_and_clones_of_one_layer_share_the_stacks_and_a_dropped_call_leaves_nothing() {
    let hosts = meshless::outbound().per_host();
    let mut one = hosts.layer(Hosts::default());
    let mut two = hosts.clone().layer(Hosts::default());
    let mut three = one.clone();
    drop(start(&mut one, get("http://a/")));
    let held = ask(&mut two, "http://a/").await;
    ask(&mut three, "http://A/").await;
    assert_eq!(names(&hosts), ["http://a"]);
    let a = hosts.host("a").unwrap().unwrap();
    assert_eq!(a.concurrency_limit().in_flight(), 1);
    drop(held);
    assert_eq!(a.concurrency_limit().in_flight(), 0);
}

#[test]
fn threads_that_call_many_hosts_at_once_keep_within_the_bound() {
    let hosts = meshless::outbound().per_host().with_max_hosts(8);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let mut client = hosts.layer(Hosts::default());
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_time()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for call in 0..200 {
                        let host = (call * 7 + thread) % 20;
                        let response = ask(&mut client, &format!("http://h{host}/")).await;
                        assert_eq!(response.status(), 200);
                    }
                });
            });
        }
    });
    assert_eq!(hosts.hosts().len(), 8);
}
