//! The stacks whose cost is measured, and one call through each: a PUT with 8 headers and a small
//! body, answered with 4 headers and a small body that is read to its end.
//!
//! The benches, the counts of instructions and the counts of allocations share this file, so that they
//! speak of the same calls.

use std::convert::Infallible;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body;
use http_body_util::Full;
use meshless::authorization::{
    AuthorizationLayer, AuthorizationPolicies, AuthorizationPolicy, Condition, OperationMatch,
    Rule, SourceMatch,
};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::fault_injection::{FaultInjectionLayer, FaultInjectionPolicy};
use meshless::rate_limit::{RateLimitLayer, RateLimitPolicy};
use meshless::retry::{RetryLayer, RetryPolicy};
use meshless::telemetry::{TraceAttemptLayer, TraceClientLayer, TracePolicy, TraceServerLayer};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower_layer::{Identity, Layer, Stack};
use tower_service::Service;

/// Makes calls: that many.
pub(crate) type Calls = Box<dyn FnMut(u64)>;

/// A name, and what makes the calls.
pub(crate) type Case = (&'static str, fn() -> Calls);

/// Every case; the first three are the bare service, each driven in its way.
pub(crate) fn all() -> Vec<Case> {
    vec![
        ("bare", || calls(Identity::new(), READY)),
        ("bare, pending once", || calls(Identity::new(), PENDING)),
        ("bare, cloned per call", || cloned(Identity::new())),
        ("authorization, 20 rules", || {
            calls(authorization(20), READY)
        }),
        ("authorization, off", || calls(authorization(0), READY)),
        ("circuit breaker", || calls(breaker(), READY)),
        ("circuit breaker, rates", || {
            calls(breaker_of_rates(), READY)
        }),
        ("circuit breaker, off", || {
            calls(CircuitBreakerLayer::new(CircuitBreakerPolicy::off()), READY)
        }),
        ("concurrency limit", || calls(concurrency_limit(), READY)),
        ("concurrency limit, off", || {
            let policy = ConcurrencyLimitPolicy::off();
            calls(ConcurrencyLimitLayer::new(policy), READY)
        }),
        ("fault injection, off", || {
            calls(FaultInjectionLayer::new(FaultInjectionPolicy::off()), READY)
        }),
        ("rate limit", || calls(rate_limit(), READY)),
        ("rate limit, off", || {
            calls(RateLimitLayer::new(RateLimitPolicy::off()), READY)
        }),
        ("retry, armed", || calls(retry(), READY)),
        ("retry, unsafe method", || {
            drive(retry().layer(UPSTREAM), request(Method::PATCH))
        }),
        ("retry, off", || {
            calls(RetryLayer::new(RetryPolicy::off()), READY)
        }),
        ("timeout", || calls(timeout(), READY)),
        ("timeout, pending once", || calls(timeout(), PENDING)),
        ("timeout, off", || {
            calls(TimeoutLayer::new(TimeoutPolicy::off()), READY)
        }),
        ("trace attempt", || {
            calls(TraceAttemptLayer::default(), READY)
        }),
        ("trace client", || calls(TraceClientLayer::default(), READY)),
        ("trace server", || calls(TraceServerLayer::default(), READY)),
        ("trace server, off", || {
            calls(TraceServerLayer::new(TracePolicy::off()), READY)
        }),
        ("five by hand", || calls(five(), READY)),
        ("five by hand, pending once", || calls(five(), PENDING)),
        ("five by hand, cloned per call", || cloned(five())),
        ("inbound", || calls(meshless::inbound(), READY)),
        ("inbound, pending once", || {
            calls(meshless::inbound(), PENDING)
        }),
        ("inbound, cloned per call", || cloned(meshless::inbound())),
        ("outbound", || calls(meshless::outbound(), READY)),
        ("outbound per host", || {
            calls(meshless::outbound().per_host(), READY)
        }),
        ("outbound, pending once", || {
            calls(meshless::outbound(), PENDING)
        }),
        ("outbound, cloned per call", || cloned(meshless::outbound())),
    ]
}

type Five = Stack<
    TimeoutLayer,
    Stack<RetryLayer, Stack<CircuitBreakerLayer, Stack<RateLimitLayer, ConcurrencyLimitLayer>>>,
>;

/// Five layers in the order of other crates' examples, the concurrency limit outermost.
pub(crate) fn five() -> Five {
    let outer = Stack::new(rate_limit(), concurrency_limit());
    let outer = Stack::new(breaker(), outer);
    Stack::new(timeout(), Stack::new(retry(), outer))
}

/// Policies with so many rules, of which the last one allows the request.
pub(crate) fn authorization(rules: usize) -> AuthorizationLayer {
    let others = (1..rules).map(|n| {
        let operation = OperationMatch::new().with_methods(["PUT"]);
        Rule::new()
            .from(SourceMatch::new().with_principals([format!("cluster.local/ns/a/sa/{n}")]))
            .to(operation.with_paths([format!("/items/{n}/*")]))
    });
    let own = Rule::new()
        .from(SourceMatch::new().with_not_namespaces(["test"]))
        .to(OperationMatch::new()
            .with_hosts(["*.example"])
            .with_paths(["/items/*"]))
        .when(Condition::new("request.headers[x-request-id]").with_values(["*"]));
    let policies = (rules > 0).then(|| {
        let policy = others.fold(
            AuthorizationPolicy::allow("bench"),
            AuthorizationPolicy::with_rule,
        );
        policy.with_rule(own)
    });
    let policies = AuthorizationPolicies::new(policies);
    AuthorizationLayer::new(policies).expect("the patterns are valid")
}

pub(crate) fn breaker() -> CircuitBreakerLayer {
    CircuitBreakerLayer::default()
}

pub(crate) fn breaker_of_rates() -> CircuitBreakerLayer {
    let policy = CircuitBreakerPolicy::default().with_failure_rate(meshless::Percent::new(50));
    CircuitBreakerLayer::new(policy)
}

pub(crate) fn concurrency_limit() -> ConcurrencyLimitLayer {
    ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1_024))
}

pub(crate) fn rate_limit() -> RateLimitLayer {
    RateLimitLayer::new(RateLimitPolicy::token_bucket(
        1_000_000_000,
        1_000_000_000,
        Duration::from_secs(1),
    ))
}

pub(crate) fn retry() -> RetryLayer {
    RetryLayer::default()
}

pub(crate) fn timeout() -> TimeoutLayer {
    TimeoutLayer::new(TimeoutPolicy::total(Duration::from_secs(15)))
}

/// Answers at once, or is pending at the first poll, as all that comes over a network is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstream {
    pub(crate) pending: bool,
}

pub(crate) const READY: bool = false;
pub(crate) const PENDING: bool = true;
const UPSTREAM: Upstream = Upstream { pending: READY };

impl<B> Service<Request<B>> for Upstream {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Reply;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Reply {
        drop(black_box(request));
        Reply {
            pending: self.pending,
        }
    }
}

#[derive(Debug)]
pub(crate) struct Reply {
    pending: bool,
}

impl Future for Reply {
    type Output = Result<Response<Full<Bytes>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.pending {
            self.pending = false;
            return Poll::Pending;
        }
        let mut response = Response::new(Full::new(Bytes::from_static(b"hello")));
        let headers = response.headers_mut();
        for (name, value) in [
            ("content-length", "5"),
            ("content-type", "text/plain"),
            ("date", "Fri, 01 Jan 2027 00:00:00 GMT"),
            ("server", "bench"),
        ] {
            let name = HeaderName::from_static(name);
            headers.insert(name, HeaderValue::from_static(value));
        }
        Poll::Ready(Ok(response))
    }
}

/// The request of every call.
pub(crate) fn request(method: Method) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(Bytes::from_static(b"hello")));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static("http://upstream.example/items/7");
    let headers = request.headers_mut();
    for (name, value) in [
        ("accept", "application/json"),
        ("accept-encoding", "gzip"),
        ("authorization", "Bearer 0af7651916cd43dd8448eb211c80319c"),
        ("content-length", "5"),
        ("content-type", "application/json"),
        ("host", "upstream.example"),
        ("user-agent", "bench/1.0"),
        ("x-request-id", "0af76519-16cd-43dd-8448-eb211c80319c"),
    ] {
        let name = HeaderName::from_static(name);
        headers.insert(name, HeaderValue::from_static(value));
    }
    request
}

/// Calls to one service that lives as long as they.
pub(crate) fn calls<L>(layer: L, pending: bool) -> Calls
where
    L: Layer<Upstream>,
    L::Service: Callable,
{
    drive(layer.layer(Upstream { pending }), request(Method::PUT))
}

/// Calls to clones, one for each, as hyper and axum make them.
pub(crate) fn cloned<L>(layer: L) -> Calls
where
    L: Layer<Upstream>,
    L::Service: Callable + Clone,
{
    let (service, template) = (layer.layer(UPSTREAM), request(Method::PUT));
    Box::new(move |n| {
        for _ in 0..n {
            service.clone().call_to_the_end(template.clone());
        }
    })
}

fn drive<S: Callable>(mut service: S, template: Request<Full<Bytes>>) -> Calls {
    Box::new(move |n| {
        for _ in 0..n {
            service.call_to_the_end(template.clone());
        }
    })
}

/// A service that can be called to the end of its answer's body.
pub(crate) trait Callable: 'static {
    fn call_to_the_end(&mut self, request: Request<Full<Bytes>>);
}

impl<S, R> Callable for S
where
    S: Service<Request<Full<Bytes>>, Response = Response<R>> + 'static,
    R: Body,
{
    #[inline]
    fn call_to_the_end(&mut self, request: Request<Full<Bytes>>) {
        let cx = &mut Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(())) = self.poll_ready(cx) else {
            unreachable!("every service here is always ready");
        };
        let mut future = pin!(self.call(request));
        let response = loop {
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                break result;
            }
        };
        let Ok(response) = response else {
            unreachable!("no call here fails");
        };
        assert_eq!(response.status(), 200);
        let mut body = pin!(response.into_body());
        while !body.is_end_stream() {
            let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(cx) else {
                unreachable!("every body here is whole");
            };
            drop(black_box(frame));
        }
    }
}

/// Prints what a call moves: the bytes of its future and of its answer's body.
pub(crate) fn print_sizes() {
    fn sizes<L, R>(name: &str, _layer: &L)
    where
        L: Layer<Upstream>,
        L::Service: Service<Request<Full<Bytes>>, Response = Response<R>>,
    {
        let future = size_of::<<L::Service as Service<Request<Full<Bytes>>>>::Future>();
        println!("{name:<20} future {future:>5}  body {:>5}", size_of::<R>());
    }
    sizes("bare", &Identity::new());
    sizes("circuit breaker", &breaker());
    sizes("concurrency limit", &concurrency_limit());
    sizes("rate limit", &rate_limit());
    sizes("retry", &retry());
    sizes("timeout", &timeout());
    sizes("trace", &TraceServerLayer::default());
    sizes("five by hand", &five());
    sizes("inbound", &meshless::inbound());
    sizes("outbound", &meshless::outbound());
}
