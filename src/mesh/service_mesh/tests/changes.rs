use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Request;

use super::super::{Cause, Error, Mesh, RequestBody};
use super::support::{
    Reply, Script, Text, Upstream, at, breaker, by_name, change, get, limit, mesh, observed,
    retries, route, send, status, to,
};
use crate::foundation::events::{Event, EventKind, Observe};
use crate::foundation::outcome::Overflow;
use crate::foundation::outcome::Rejection;
use crate::foundation::sync::Percent;
use crate::istio::config::{ClusterConfig, RouteConfig};
use crate::policies::concurrency_limit::ConcurrencyLimitPolicy;
use crate::policies::mirror::MirrorPolicy;
use crate::policies::outlier_detection::OutlierDetectionPolicy;
use crate::policies::rate_limit::RateLimitPolicy;
use crate::policies::retry::RetryBudget;
use crate::policies::traffic_split::{Destination, Route, WeightsError};

const REFUSED: (u16, Option<Rejection>) = (503, Some(Rejection::NoHealthyUpstream));

#[tokio::test(start_paused = true)]
async fn a_request_in_flight_finishes_on_what_it_began_with_and_the_next_follows_the_change() {
    let mesh = mesh(Script::default().host("waste", [to("v1")]));
    let upstream = Upstream::new(|_| Reply::from(200).after(1_000));
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    let first = send(&service, get("http://waste/"));
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        change(&mesh, Script::default().host("waste", [to("v2")]));
        send(&service, get("http://waste/")).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.0, second.0), (200, 200));
    let hosts: Vec<_> = upstream
        .asked()
        .iter()
        .map(|one| one.uri.host().unwrap().to_owned())
        .collect();
    assert_eq!(hosts, ["v1", "v2"]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_of_a_request_from_before_a_change_goes_where_it_began() {
    let begun = RouteConfig {
        retry: retries(2),
        ..to("v1")
    };
    let mesh = mesh(Script::default().host("waste", [begun]));
    let upstream = Upstream::new(|_| Reply::from(500).after(100));
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    let first = send(&service, get("http://waste/"));
    let second = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        change(&mesh, Script::default().host("waste", [to("v2")]));
    };
    tokio::join!(first, second);
    let hosts: Vec<_> = upstream
        .asked()
        .iter()
        .map(|one| one.uri.host().unwrap().to_owned())
        .collect();
    assert_eq!(hosts, ["v1", "v1", "v1"]);
}

#[tokio::test(start_paused = true)]
async fn an_ejection_outlives_a_change_of_the_rule_and_ends_with_it() {
    let script = |config| {
        Script::default()
            .host("users", [to("users")])
            .destination("users", config)
    };
    let mesh = mesh(script(breaker(at(&["10.0.0.1:80"]))));
    let upstream = Upstream::new(|_| 500);
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    for _ in 0..2 {
        assert_eq!(send(&service, get("http://users/")).await, (500, None));
    }
    assert_eq!(send(&service, get("http://users/")).await, REFUSED);

    change(&mesh, script(breaker(at(&["10.0.0.1:80"]))));
    assert_eq!(
        send(&service, get("http://users/")).await,
        REFUSED,
        "nothing changed"
    );

    let limited = ClusterConfig {
        limit: ConcurrencyLimitPolicy::new(7),
        outlier: OutlierDetectionPolicy::default().with_consecutive_5xx(9),
        ..at(&["10.0.0.1:80"])
    };
    change(&mesh, script(limited));
    assert_eq!(
        send(&service, get("http://users/")).await,
        REFUSED,
        "another threshold"
    );

    change(&mesh, script(breaker(at(&["10.0.0.1:80", "10.0.0.2:80"]))));
    assert_eq!(send(&service, get("http://users/")).await, (500, None));
    let host = upstream
        .asked()
        .last()
        .unwrap()
        .uri
        .host()
        .unwrap()
        .to_owned();
    assert_eq!(host, "10.0.0.2", "the ejected one stays out");

    change(&mesh, script(at(&["10.0.0.1:80"])));
    assert_eq!(
        send(&service, get("http://users/")).await,
        (500, None),
        "no rule, no ejection"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_keeps_what_was_used_and_begins_anew_when_its_filter_was_gone() {
    let script = |per_minute| {
        let limits = vec![limit("filter", RateLimitPolicy::per_minute(per_minute))];
        let script = Script {
            limits,
            ..Script::default()
        };
        script.host("users", [to("users")])
    };
    let mesh = mesh(script(2));
    let service = mesh.workload("w", "n").outbound(Upstream::new(|_| 200));
    let mut all = Vec::new();
    for per_minute in [2, 2, 2, 3, 3] {
        change(&mesh, script(per_minute));
        all.push(status(&service, "http://users/").await);
    }
    assert_eq!(all, [200, 200, 429, 200, 429]);
    change(&mesh, Script::default().host("users", [to("users")]));
    assert_eq!(status(&service, "http://users/").await, 200);
    change(&mesh, script(1));
    assert_eq!(status(&service, "http://users/").await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_budget_keeps_what_was_spent() {
    let script = |reserve| {
        let budget = RetryBudget::share(Percent::NONE).with_reserve(reserve);
        let retry = retries(1).with_budget(budget);
        Script::default().host(
            "users",
            [RouteConfig {
                retry,
                ..to("users")
            }],
        )
    };
    let mesh = mesh(script(10));
    let upstream = Upstream::new(|_| 500);
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    for _ in 0..20 {
        status(&service, "http://users/").await;
    }
    let spent = upstream.count() - 20;
    assert!(spent > 0);
    change(&mesh, script(8));
    for _ in 0..20 {
        status(&service, "http://users/").await;
    }
    assert_eq!(upstream.count() - 40, spent);
}

#[tokio::test(start_paused = true)]
async fn a_lower_limit_counts_those_who_are_in_flight_already() {
    let script = |limit| {
        let limit = ConcurrencyLimitPolicy::new(limit);
        let config = ClusterConfig { limit, ..by_name() };
        Script::default()
            .host("users", [to("users")])
            .destination("users", config)
    };
    let mesh = mesh(script(10));
    let service = mesh
        .workload("w", "n")
        .outbound(Upstream::new(|_| Reply::from(200).after(1_000)));
    let first = send(&service, get("http://users/"));
    let second = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        change(&mesh, script(1));
        send(&service, get("http://users/")).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, (200, None));
    assert_eq!(
        second,
        (503, Some(Rejection::Overflow(Overflow::InFlight(1))))
    );
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_flight_outlives_a_change() {
    let script = |share| {
        let mirrors = vec![(Destination::new("mirror"), MirrorPolicy::new(share))];
        Script::default().host(
            "users",
            [RouteConfig {
                mirrors,
                ..to("users")
            }],
        )
    };
    let mesh = mesh(script(Percent::ALL));
    let upstream = Upstream::new(|asked| {
        let copy = asked.uri.host() == Some("mirror");
        Reply::from(200).after(if copy { 1_000 } else { 0 })
    });
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    status(&service, "http://users/").await;
    tokio::time::sleep(Duration::from_millis(10)).await;
    change(&mesh, script(Percent::NONE));
    status(&service, "http://users/").await;
    assert_eq!(upstream.count(), 3);
    assert_eq!(upstream.finished(), 2);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(upstream.finished(), 3, "the copy was answered");
}

#[tokio::test(start_paused = true)]
async fn weights_are_moved_until_the_documents_say_others() {
    let split = |v1, v2| {
        let split = [(Destination::new("v1"), v1), (Destination::new("v2"), v2)];
        Script::default().host(
            "waste",
            [route(Route::split(split).unwrap().with_name("canary"))],
        )
    };
    let mesh = mesh(split(100, 0));
    let upstream = Upstream::new(|_| 200);
    let service = mesh.workload("w", "n").outbound(upstream.clone());
    let next = async || {
        status(&service, "http://waste/").await;
        upstream
            .asked()
            .last()
            .unwrap()
            .uri
            .host()
            .unwrap()
            .to_owned()
    };
    assert_eq!(next().await, "v1");
    let overrides = mesh.set_weights("waste", "canary", [0, 100]).unwrap();
    assert_eq!(
        (overrides.version(), overrides.cause()),
        (2, &Cause::Weights)
    );
    assert_eq!(
        overrides.changed()[0].as_ref(),
        "waste has the weights [0, 100]"
    );
    assert_eq!(next().await, "v2");
    change(&mesh, split(100, 0));
    assert_eq!(next().await, "v2", "they still say the same");
    change(&mesh, split(99, 0));
    assert_eq!(next().await, "v1");

    for (host, route, weights, source) in [
        (
            "waste",
            "canary",
            &[1][..],
            WeightsError::Count {
                expected: 2,
                given: 1,
            },
        ),
        ("waste", "canary", &[0, 0], WeightsError::AllZero),
        ("waste", "other", &[1, 1], WeightsError::NoSuchRoute),
        ("other", "canary", &[1, 1], WeightsError::NoSuchRoute),
    ] {
        let refused = mesh.set_weights(host, route, weights);
        let Err(Error::Weights { source: found, .. }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(found, source);
    }
    for (host, route, expected) in [
        (
            "waste",
            "other",
            "the weights of waste are unchanged: there are route canary <- no such route with destinations",
        ),
        (
            "wsate",
            "canary",
            "the weights of wsate are unchanged: there are waste <- no such route with destinations",
        ),
    ] {
        let error = mesh.set_weights(host, route, [1, 1]).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap();
        assert_eq!(format!("{error} <- {cause}"), expected);
    }
    assert_eq!(mesh.version(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_bad_change_is_refused_with_all_its_findings_and_everything_stays() {
    let good = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews}
    timeout: 3s
";
    let mesh = Mesh::from_yaml(good).unwrap();
    let refused =
        mesh.apply(&good.replace("timeout: 3s", "timeout: soon\n    retries: {atempts: 3}"));
    let error = refused.unwrap_err();
    assert_eq!(error.diagnostics().len(), 2, "{error}");
    assert!(
        error.to_string().contains("did you mean `attempts`?"),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("the documents have 2 errors"),
        "{error}"
    );
    assert_eq!((mesh.version(), mesh.history().len()), (1, 1));

    let change = mesh.apply(&good.replace("3s", "4s")).unwrap();
    assert_eq!(
        change.to_string(),
        "version 2 by apply: VirtualService default/reviews changed"
    );
    let change = mesh
        .apply(&format!("# a line more\n{}", good.replace("3s", "4s")))
        .unwrap();
    assert_eq!(change.to_string(), "version 3 by apply: nothing changed");
    let change = mesh.apply("").unwrap();
    assert_eq!(
        change.changed()[0].as_ref(),
        "VirtualService default/reviews removed"
    );
    assert_eq!(mesh.history().len(), 4);
}

#[test]
fn one_error_is_counted_as_one() {
    let text = "apiVersion: networking.istio.io/v1\nkind: VirtualServce\n";
    let error = Mesh::from_yaml(text).unwrap_err();
    let last = error.to_string();
    assert!(last.ends_with("\nthe documents have 1 error"), "{last}");
}

#[test]
fn the_history_is_bounded() {
    let mesh = mesh(Script::default());
    for _ in 0..300 {
        change(&mesh, Script::default());
    }
    let history = mesh.history();
    assert_eq!(
        (history.len(), history[0].version(), mesh.version()),
        (100, 202, 301)
    );
}

/// Looks at the mesh whenever it hears that an endpoint is back.
#[derive(Debug, Default)]
struct Curious {
    heard: AtomicUsize,
    mesh: OnceLock<Mesh>,
}

impl Observe for Curious {
    fn on_event(&self, event: &Event<'_>) {
        if let (EventKind::EndpointUnejected(_), Some(mesh)) = (event.kind(), self.mesh.get()) {
            std::hint::black_box((mesh.history(), mesh.workload("w", "n").proxy().remembered()));
            self.heard.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn observers_may_look_at_the_mesh_when_a_destination_goes() {
    let curious = Arc::new(Curious::default());
    let script = Script::default()
        .host("users", [to("users")])
        .destination("users", breaker(at(&["10.0.0.1:80"])));
    let mesh = observed(script, Arc::clone(&curious) as Arc<dyn Observe>);
    curious.mesh.set(mesh.clone()).unwrap();
    let service = mesh.workload("w", "n").outbound(Upstream::new(|_| 500));
    for _ in 0..2 {
        status(&service, "http://users/").await;
    }
    assert_eq!(send(&service, get("http://users/")).await, REFUSED);
    change(&mesh, Script::default());
    assert_eq!(status(&service, "http://users/").await, 500);
    assert_eq!(curious.heard.load(Ordering::Relaxed), 1);
}

/// A transport of which is known how many there are, and how many the running thread has dropped.
struct Counted {
    alive: Arc<AtomicUsize>,
    inner: Upstream,
}

thread_local! {
    static DROPPED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

impl Counted {
    fn new(inner: Upstream, alive: &Arc<AtomicUsize>) -> Self {
        alive.fetch_add(1, Ordering::Relaxed);
        let alive = Arc::clone(alive);
        Self { alive, inner }
    }
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), &self.alive)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
        DROPPED.set(DROPPED.get() + 1);
    }
}

impl tower_service::Service<Request<RequestBody<Text>>> for Counted {
    type Response = <Upstream as tower_service::Service<Request<RequestBody<Text>>>>::Response;
    type Error = std::convert::Infallible;
    type Future = <Upstream as tower_service::Service<Request<RequestBody<Text>>>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<RequestBody<Text>>) -> Self::Future {
        self.inner.call(request)
    }
}

#[tokio::test]
async fn what_a_change_leaves_over_is_freed_by_no_request() {
    const HOSTS: usize = 300;
    let script = |version: &str| {
        (0..HOSTS).fold(Script::default(), |script, n| {
            script.host(&format!("host{n}"), [to(&format!("{version}-{n}"))])
        })
    };
    let mesh = mesh(script("v1"));
    let alive = Arc::new(AtomicUsize::new(0));
    let workload = mesh.workload("w", "n");
    let service = workload.outbound(Counted::new(Upstream::new(|_| 200), &alive));
    for n in 0..HOSTS {
        assert_eq!(status(&service, &format!("http://host{n}/")).await, 200);
    }
    assert!(alive.load(Ordering::Relaxed) >= HOSTS);

    DROPPED.set(0);
    change(&mesh, script("v2"));
    for n in [0, 7, 0] {
        assert_eq!(status(&service, &format!("http://host{n}/")).await, 200);
    }
    // Each request drops some clones of its own.
    let dropped = DROPPED.get();
    assert!(dropped < 40, "{dropped} by three requests");

    let proxy = workload.proxy();
    while !proxy.is_all_freed() {
        std::thread::yield_now();
    }
    let alive = alive.load(Ordering::Relaxed);
    assert!(alive < 40, "{alive} are left");
}

#[tokio::test]
async fn changes_in_a_row_leave_nothing_over_and_a_client_may_go_meanwhile() {
    let script = |version: usize| {
        (0..40).fold(Script::default(), |script, n| {
            script.host(&format!("host{n}"), [to(&format!("v{version}-{n}"))])
        })
    };
    let mesh = mesh(script(0));
    let alive = Arc::new(AtomicUsize::new(0));
    let workload = mesh.workload("w", "n");
    let service = workload.outbound(Counted::new(Upstream::new(|_| 200), &alive));
    for version in 1..20 {
        let other = workload.outbound(Counted::new(Upstream::new(|_| 200), &alive));
        for n in 0..40 {
            let uri = format!("http://host{n}/");
            assert_eq!(status(&service, &uri).await, 200);
            assert_eq!(status(&other, &uri).await, 200);
        }
        change(&mesh, script(version));
    }
    let proxy = workload.proxy();
    while !proxy.is_all_freed() {
        std::thread::yield_now();
    }
    drop(service);
    assert_eq!(alive.load(Ordering::Relaxed), 0);
}
