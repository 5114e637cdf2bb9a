//! Where the current trace reaches, and where it does not stay.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Empty};
use meshless::Deadline;
use meshless::telemetry::{
    InCurrentTrace, SpanId, TraceClientLayer, TraceContext, TracePolicy, TraceServerLayer, Traced,
    TracedBody, in_current_trace,
};
use tokio::task::JoinSet;
use tower::{Layer, Service, service_fn};

use super::{PARENT, Reply, Wire, request, trace};
use crate::support::{call, start};

/// The id in [`PARENT`].
const ID: &str = "0af7651916cd43dd8448eb211c80319c";

fn client(wire: &Wire) -> Traced<Wire> {
    TraceClientLayer::default().layer(wire.clone())
}

async fn call_out(mut client: Traced<Wire>) {
    call(&mut client, Request::new(())).await.unwrap();
}

/// Serves a request of the trace [`ID`] with `handler`, which gets a client, and asserts that `calls`
/// calls went out in that trace, each with a span of its own; and that nothing is left behind.
async fn served<F>(calls: usize, handler: impl Fn(Traced<Wire>) -> F)
where
    F: Future<Output = ()>,
{
    let wire = Wire::default();
    let client = client(&wire);
    let service = service_fn(move |_: Request<()>| {
        let done = handler(client.clone());
        async move {
            done.await;
            Ok::<_, std::io::Error>(Reply::default())
        }
    });
    let mut server = TraceServerLayer::default().layer(service);
    call(&mut server, request(&[("traceparent", PARENT)]))
        .await
        .unwrap();
    let seen = wire.take();
    assert_eq!(seen.len(), calls);
    let mut spans: Vec<_> = seen
        .iter()
        .map(|headers| trace(headers).span_id())
        .collect();
    spans.sort_unstable();
    spans.dedup();
    assert_eq!(spans.len(), calls, "a span for each call");
    for headers in seen {
        assert_eq!(trace(&headers).trace_id().to_string(), ID);
    }
    assert!(TraceContext::current().is_none(), "nothing is left behind");
}

#[tokio::test]
async fn a_call_that_the_handler_awaits_is_part_of_the_trace() {
    served(2, |client| async move {
        call_out(client.clone()).await;
        tokio::task::yield_now().await;
        call_out(client).await;
    })
    .await;
}

#[tokio::test]
async fn calls_that_the_handler_joins_are_part_of_the_trace() {
    served(3, |client| async move {
        let later = async {
            tokio::task::yield_now().await;
            call_out(client.clone()).await;
        };
        tokio::join!(call_out(client.clone()), later, call_out(client.clone()));
    })
    .await;
}

#[tokio::test]
async fn a_spawned_task_is_part_of_the_trace_if_it_is_told_so() {
    served(1, |client| async move {
        tokio::spawn(call_out(client).in_current_trace())
            .await
            .unwrap();
        let stray = tokio::spawn(async { TraceContext::current() });
        assert!(stray.await.unwrap().is_none(), "it is not by itself");
    })
    .await;
}

#[tokio::test]
async fn blocking_work_is_part_of_the_trace_if_it_is_told_so() {
    served(1, |client| async move {
        let work = in_current_trace(move || {
            let left = call_out(client).now_or_never();
            left.expect("the wire answers at once");
        });
        tokio::task::spawn_blocking(work).await.unwrap();
        let stray = tokio::task::spawn_blocking(TraceContext::current);
        assert!(
            stray.await.unwrap().is_none(),
            "nothing is left on the thread"
        );
    })
    .await;
}

#[tokio::test]
async fn a_set_of_tasks_is_part_of_the_trace_if_it_is_told_so() {
    served(3, |client| async move {
        let mut set = JoinSet::new();
        for _ in 0..3 {
            set.spawn(call_out(client.clone()).in_current_trace());
        }
        set.join_all().await;
    })
    .await;
}

#[tokio::test]
async fn a_task_takes_the_trace_along_but_not_the_deadline() {
    let deadline = Deadline::after(Duration::from_secs(1)).unwrap();
    let handler = deadline.scoped(async {
        assert!(Deadline::current().is_some());
        let task = async { (TraceContext::current(), Deadline::current()) };
        tokio::spawn(task.in_current_trace()).await.unwrap()
    });
    let (trace, deadline) = TraceContext::begin(true).scoped(handler).await;
    assert!(trace.is_some() && deadline.is_none());
}

/// A response body that makes a call for each frame.
struct CallsOut {
    client: Traced<Wire>,
    frames: usize,
}

impl Body for CallsOut {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.frames == 0 {
            return Poll::Ready(None);
        }
        self.frames -= 1;
        call_out(self.client.clone())
            .now_or_never()
            .expect("the wire answers at once");
        Poll::Ready(Some(Ok(Frame::data(Bytes::from("line")))))
    }
}

impl Drop for CallsOut {
    fn drop(&mut self) {
        // Even a last goodbye is part of the trace.
        call_out(self.client.clone())
            .now_or_never()
            .expect("the wire answers at once");
    }
}

#[tokio::test]
async fn calls_that_a_streaming_body_makes_are_part_of_the_trace() {
    let wire = Wire::default();
    let client = client(&wire);
    let service = service_fn(move |_: Request<()>| {
        let client = client.clone();
        async { Ok::<_, std::io::Error>(Response::new(CallsOut { client, frames: 2 })) }
    });
    let mut server = TraceServerLayer::default().layer(service);
    let response = call(&mut server, request(&[("traceparent", PARENT)]))
        .await
        .unwrap();
    assert!(wire.take().is_empty(), "the handler made none");
    response.into_body().collect().await.unwrap();
    let seen = wire.take();
    assert_eq!(seen.len(), 3);
    for headers in seen {
        assert_eq!(trace(&headers).trace_id().to_string(), ID);
    }
    assert!(TraceContext::current().is_none());
}

/// Says which trace it runs in, after some turns of waiting.
async fn which(turns: usize) -> Vec<String> {
    let mut seen = Vec::new();
    for _ in 0..turns {
        seen.push(TraceContext::current().unwrap().trace_id().to_string());
        tokio::task::yield_now().await;
    }
    seen.dedup();
    seen
}

#[tokio::test]
async fn two_requests_that_take_turns_on_one_thread_do_not_mix() {
    let handler = service_fn(|_: Request<()>| async {
        let seen = which(8).await;
        Ok::<_, std::io::Error>(Response::new(seen.join(" ")))
    });
    let mut server = TraceServerLayer::default().layer(handler);
    let other = PARENT.replace(ID, &"1".repeat(32));
    let one = start(&mut server, request(&[("traceparent", PARENT)]));
    let two = start(&mut server, request(&[("traceparent", &other)]));
    let (one, two) = tokio::join!(one, two);
    let read = async |response: Result<Response<_>, _>| {
        let body: TracedBody<String> = response.unwrap().into_body();
        body.collect().await.unwrap().to_bytes()
    };
    assert_eq!(read(one).await, ID);
    assert_eq!(read(two).await, "1".repeat(32));
    assert!(TraceContext::current().is_none());
}

#[tokio::test]
async fn a_panic_puts_the_outer_trace_back() {
    let outer = TraceContext::begin(true);
    let span = outer.span_id();
    outer
        .scoped(async {
            let panics = service_fn(|request: Request<bool>| {
                assert!(!request.into_body(), "in call, as planned");
                async { panic!("in poll, as planned") as Result<Reply, std::io::Error> }
            });
            for in_call in [true, false] {
                let mut server = TraceServerLayer::default().layer(panics);
                let attempt = async { call(&mut server, Request::new(in_call)).await };
                assert!(AssertUnwindSafe(attempt).catch_unwind().await.is_err());
                assert_eq!(TraceContext::current().unwrap().span_id(), span);
            }
        })
        .await;
    assert!(TraceContext::current().is_none());
}

#[tokio::test]
async fn a_handler_that_is_dropped_is_dropped_inside_its_trace() {
    struct Goodbye(std::sync::mpsc::Sender<Option<TraceContext>>);
    impl Drop for Goodbye {
        fn drop(&mut self) {
            self.0.send(TraceContext::current()).unwrap();
        }
    }

    let (sender, goodbyes) = std::sync::mpsc::channel();
    let handler = service_fn(move |_: Request<()>| {
        let goodbye = Goodbye(sender.clone());
        async move {
            let _goodbye = goodbye;
            std::future::pending::<Result<Reply, std::io::Error>>().await
        }
    });
    let mut server = TraceServerLayer::default().layer(handler);
    for polled in [false, true] {
        let mut future = Box::pin(server.call(request(&[("traceparent", PARENT)])));
        if polled {
            assert!(future.as_mut().now_or_never().is_none());
        }
        drop(future);
        let trace = goodbyes.try_recv().unwrap().expect("inside");
        assert_eq!(trace.trace_id().to_string(), ID);
        assert!(TraceContext::current().is_none());
    }
}

#[tokio::test]
async fn a_layer_that_is_off_leaves_the_trace_around_it_alone() {
    let off = TraceServerLayer::new(TracePolicy::off());
    let handler = service_fn(|request: Request<()>| async move {
        assert!(request.headers().is_empty());
        let current = TraceContext::current().map(|trace| trace.span_id());
        let mut response = Response::new(Empty::<Bytes>::new());
        response.extensions_mut().insert(current);
        Ok::<_, std::io::Error>(response)
    });
    let outer = TraceContext::begin(true);
    let span = outer.span_id();
    let response = outer
        .scoped(call(&mut off.layer(handler), request(&[])))
        .await
        .unwrap();
    assert_eq!(response.extensions().get(), Some(&Some(span)));
    let response = call(&mut off.layer(handler), request(&[])).await.unwrap();
    assert_eq!(response.extensions().get::<Option<SpanId>>(), Some(&None));
}
