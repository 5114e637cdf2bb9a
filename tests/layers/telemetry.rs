//! A request's trace, from hop to hop.

mod ambient;
mod b3;
mod spans;
mod w3c;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request, Response, StatusCode};
use http_body_util::Empty;
use meshless::Percent;
use meshless::retry::{Condition, RetryOn, RetryPolicy};
use meshless::telemetry::{
    Propagation, TraceAttemptLayer, TraceClientLayer, TraceContext, TracePolicy, TraceServerLayer,
};
use tower::{Layer, Service, service_fn};

use crate::support::call;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// The far end of a client: writes down the headers of each call.
#[derive(Clone, Debug, Default)]
struct Wire(Arc<Mutex<Vec<HeaderMap>>>);

type Reply = Response<Empty<Bytes>>;

impl Wire {
    fn take(&self) -> Vec<HeaderMap> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn one(&self) -> HeaderMap {
        let mut calls = self.take();
        assert_eq!(calls.len(), 1, "one call went out");
        calls.remove(0)
    }
}

impl<B> Service<Request<B>> for Wire {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.0.lock().unwrap().push(request.headers().clone());
        ready(Ok(Reply::default()))
    }
}

fn request(headers: &[(&'static str, &str)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// Serves `request` with a handler that makes one call, and returns what the other side saw.
async fn passed_on(policy: &TracePolicy, request: Request<()>) -> HeaderMap {
    let wire = Wire::default();
    let client = TraceClientLayer::new(policy.clone()).layer(wire.clone());
    let handler = service_fn(move |_: Request<()>| {
        let mut client = client.clone();
        async move { call(&mut client, Request::new(())).await }
    });
    let mut server = TraceServerLayer::new(policy.clone()).layer(handler);
    call(&mut server, request).await.unwrap();
    wire.one()
}

fn trace(headers: &HeaderMap) -> TraceContext {
    TraceContext::from_headers(headers).unwrap().unwrap()
}

#[tokio::test]
async fn a_trace_goes_on_with_a_span_of_its_own_for_each_hop() {
    let out = passed_on(&TracePolicy::default(), request(&[("traceparent", PARENT)])).await;
    let (came, went) = (
        trace(request(&[("traceparent", PARENT)]).headers()),
        trace(&out),
    );
    assert_eq!(went.trace_id(), came.trace_id());
    assert_ne!(went.span_id(), came.span_id());
    assert!(went.is_sampled());

    let unsampled = PARENT.replace("-01", "-00");
    let out = passed_on(
        &TracePolicy::default(),
        request(&[("traceparent", &unsampled)]),
    )
    .await;
    assert!(!trace(&out).is_sampled(), "the beginning's decision holds");
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one_and_the_policy_says_which_are_sampled() {
    let first = passed_on(&TracePolicy::default(), request(&[])).await;
    let second = passed_on(&TracePolicy::default(), request(&[])).await;
    assert_ne!(trace(&first).trace_id(), trace(&second).trace_id());
    assert!(trace(&first).is_sampled());

    let never = TracePolicy::default().with_sampled(Percent::NONE);
    assert!(!trace(&passed_on(&never, request(&[])).await).is_sampled());
    // B3 can leave the decision to the receiver.
    let undecided = [("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331")];
    assert!(trace(&passed_on(&TracePolicy::default(), request(&undecided)).await).is_sampled());
    assert!(!trace(&passed_on(&never, request(&undecided)).await).is_sampled());
}

#[tokio::test]
async fn a_request_id_is_made_when_missing_and_kept_when_sound() {
    let policy = TracePolicy::default().with_request_id_in_request(true);
    let made = passed_on(&policy, request(&[])).await;
    let made = made["x-request-id"].to_str().unwrap();
    let lengths: Vec<_> = made.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{made}");
    assert_eq!(made.as_bytes()[14], b'4', "version 4: {made}");
    assert!(
        b"89ab".contains(&made.as_bytes()[19]),
        "RFC 9562's variant: {made}"
    );

    let given = request(&[("x-request-id", "abc")]);
    assert_eq!(
        passed_on(&policy, given.clone()).await["x-request-id"],
        "abc"
    );
    let edge = policy.clone().with_request_id_preserved(false);
    assert_ne!(passed_on(&edge, given).await["x-request-id"], "abc");
    for unsound in ["", &"x".repeat(257)] {
        let out = passed_on(&policy, request(&[("x-request-id", unsound)])).await;
        assert_eq!(out["x-request-id"].len(), 36, "replaced");
    }
}

#[tokio::test]
async fn the_handler_sees_the_request_id_and_the_response_tells_it_if_asked() {
    let policy = TracePolicy::default().with_request_id_in_response(true);
    let wire = Wire::default();
    let layer = TraceServerLayer::new(policy);
    let reply = call(&mut layer.layer(wire.clone()), request(&[]))
        .await
        .unwrap();
    assert_eq!(reply.headers()["x-request-id"], wire.one()["x-request-id"]);

    layer.reconfigure(TracePolicy::default());
    let reply = call(&mut layer.layer(wire), request(&[])).await.unwrap();
    assert!(
        !reply.headers().contains_key("x-request-id"),
        "as Envoy's default"
    );
}

#[tokio::test]
async fn a_trace_goes_on_in_the_formats_in_which_it_came() {
    let b3 = [("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1")];
    let policy = TracePolicy::default().with_same_formats(true);
    let out = passed_on(&policy, request(&b3)).await;
    let id = "0af7651916cd43dd8448eb211c80319c";
    assert!(out["traceparent"].to_str().unwrap().contains(id));
    assert!(out["b3"].to_str().unwrap().starts_with(id));
    assert!(!out.contains_key("x-b3-traceid"), "it did not come so");

    let policy = TracePolicy::default();
    assert!(!passed_on(&policy, request(&b3)).await.contains_key("b3"));
    let policy = policy.with_propagated(Propagation::B3_MULTI);
    let out = passed_on(&policy, request(&b3)).await;
    assert_eq!(out["x-b3-traceid"], id);
    assert!(!out.contains_key("traceparent"));
    let deaf = TracePolicy::default().with_accepted(Propagation::W3C);
    let out = passed_on(&deaf, request(&b3)).await;
    assert!(
        !out["traceparent"].to_str().unwrap().contains(id),
        "not read"
    );
}

#[tokio::test]
async fn unreadable_headers_begin_a_trace_and_a_readable_format_beside_them_counts() {
    let broken = ("traceparent", "00-xyz-01");
    let out = passed_on(&TracePolicy::default(), request(&[broken])).await;
    assert!(trace(&out).is_sampled());
    let good = ("b3", "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1");
    let out = passed_on(&TracePolicy::default(), request(&[broken, good])).await;
    assert_eq!(
        trace(&out).trace_id().to_string(),
        "0af7651916cd43dd8448eb211c80319c"
    );
}

#[tokio::test]
async fn further_headers_are_forwarded_as_the_policy_lists_them() {
    let given = [
        ("end-user", "jason"),
        ("sw8", "1-a-b-3"),
        ("x-secret", "s"),
        ("x-tag", "a"),
        ("x-tag", "b"),
    ];
    let plain = passed_on(&TracePolicy::default(), request(&given)).await;
    assert!(!plain.contains_key("end-user") && !plain.contains_key("sw8"));

    let names = ["end-user", "x-tag", "x-missing"].map(HeaderName::from_static);
    let policy = TracePolicy::default()
        .with_forwarded(names)
        .with_vendors_forwarded();
    let out = passed_on(&policy, request(&given)).await;
    assert_eq!(out["end-user"], "jason");
    assert_eq!(out["sw8"], "1-a-b-3");
    let tags: Vec<_> = out.get_all("x-tag").iter().collect();
    assert_eq!(tags, ["a", "b"], "all values of a header, in order");
    assert!(!out.contains_key("x-secret") && !out.contains_key("x-missing"));
}

#[tokio::test]
async fn what_the_handler_wrote_itself_stands_but_for_the_trace() {
    let names = [HeaderName::from_static("end-user")];
    let policy = TracePolicy::default().with_forwarded(names);
    let wire = Wire::default();
    let client = TraceClientLayer::new(policy.clone()).layer(wire.clone());
    // Copies the headers by hand, as behind a sidecar, and changes one.
    let handler = service_fn(move |request: Request<()>| {
        let mut client = client.clone();
        async move {
            let mut out = Request::new(());
            *out.headers_mut() = request.headers().clone();
            out.headers_mut().insert("end-user", "eve".parse().unwrap());
            call(&mut client, out).await
        }
    });
    let mut server = TraceServerLayer::new(policy).layer(handler);
    let incoming = request(&[("traceparent", PARENT), ("end-user", "jason")]);
    call(&mut server, incoming).await.unwrap();
    let out = wire.one();
    assert_eq!(out.get_all("end-user").iter().collect::<Vec<_>>(), ["eve"]);
    assert_eq!(out.get_all("traceparent").iter().count(), 1);
    assert_ne!(out["traceparent"], PARENT, "a hop of its own");
}

#[tokio::test]
async fn each_attempt_is_a_hop_below_its_call() {
    let wire = Wire::default();
    let policy = TracePolicy::default().with_request_id_in_request(true);
    let attempt = TraceAttemptLayer::new(policy.clone()).layer(wire.clone());
    // As a retry layer does it.
    let twice = service_fn(move |request: Request<()>| {
        let mut attempt = attempt.clone();
        async move {
            call(&mut attempt, request.clone()).await?;
            call(&mut attempt, request).await
        }
    });
    let mut client = TraceClientLayer::new(policy).layer(twice);
    call(&mut client, request(&[("traceparent", PARENT)]))
        .await
        .unwrap();
    let attempts = wire.take();
    assert_eq!(attempts.len(), 2);
    let (one, two) = (trace(&attempts[0]), trace(&attempts[1]));
    assert_eq!(
        one.trace_id(),
        trace(request(&[("traceparent", PARENT)]).headers()).trace_id()
    );
    assert_eq!(one.trace_id(), two.trace_id());
    assert_ne!(one.span_id(), two.span_id());
    assert_eq!(attempts[0]["x-request-id"], attempts[1]["x-request-id"]);
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_an_assembled_stack_share_all_headers_but_their_own() {
    let wire = Wire::default();
    let seen = wire.clone();
    let failing = service_fn(move |request: Request<_>| {
        let mut wire = wire.clone();
        async move {
            let mut reply = call(&mut wire, request).await?;
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, Infallible>(reply)
        }
    });
    let retry = RetryPolicy::new(1).with_retry_on(RetryOn::none().with(Condition::ServerError));
    let mut client = meshless::outbound()
        .with_retry(retry)
        .with_trace(TracePolicy::default().with_request_id_in_request(true))
        .layer(failing);
    let stale = request(&[("tracestate", "of=another")]);
    let given = stale.map(|()| Empty::<Bytes>::new());
    call(&mut client, given).await.unwrap();
    let attempts = seen.take();
    let [one, two] = attempts.as_slice() else {
        panic!("two attempts: {attempts:?}");
    };
    assert_eq!(one["x-request-id"], two["x-request-id"]);
    assert_eq!(one["x-request-id"].len(), 36, "made for the call");
    assert_eq!(trace(one).trace_id(), trace(two).trace_id());
    assert_ne!(trace(one).span_id(), trace(two).span_id());
    assert!(!one.contains_key("tracestate") && !two.contains_key("tracestate"));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_an_assembled_stack_runs_in_the_trace_that_it_sends() {
    let seen: Arc<Mutex<Vec<(TraceContext, TraceContext)>>> = Arc::default();
    let noted = Arc::clone(&seen);
    let failing = service_fn(move |request: Request<_>| {
        let sent = trace(request.headers());
        let noted = Arc::clone(&noted);
        async move {
            tokio::task::yield_now().await;
            let current = TraceContext::current().unwrap();
            noted.lock().unwrap().push((sent, current));
            let mut reply = Reply::default();
            *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            Ok::<_, Infallible>(reply)
        }
    });
    let retry = RetryPolicy::new(2).with_retry_on(RetryOn::none().with(Condition::ServerError));
    let mut client = meshless::outbound().with_retry(retry).layer(failing);
    let given = request(&[("traceparent", PARENT)]).map(|()| Empty::<Bytes>::new());
    call(&mut client, given).await.unwrap();
    let attempts = seen.lock().unwrap();
    assert_eq!(attempts.len(), 3);
    for (sent, current) in attempts.iter() {
        assert_eq!(current.trace_id(), sent.trace_id());
        assert_eq!(current.span_id(), sent.span_id());
        let parent = current.parent_id().unwrap();
        assert_eq!(
            Some(parent),
            attempts[0].1.parent_id(),
            "the span of the call"
        );
        assert_ne!(
            parent.to_string(),
            "b7ad6b7169203331",
            "the caller's is further out"
        );
        assert!(attempts.iter().all(|(other, _)| other.span_id() != parent));
        let same = attempts
            .iter()
            .filter(|(other, _)| other.span_id() == sent.span_id());
        assert_eq!(same.count(), 1, "each attempt has a span of its own");
    }
    assert!(TraceContext::current().is_none());
}
