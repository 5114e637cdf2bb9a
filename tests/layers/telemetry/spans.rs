//! The spans of `tracing`, what lies in them, and what a processor gets.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use meshless::events::EventKind;
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
use meshless::telemetry::TracingObserver;
use meshless::telemetry::{
    InCurrentTrace, InMemorySpans, SpanKind, TraceAttemptLayer, TraceClientLayer, TracePolicy,
    TraceServerLayer,
};
use meshless::{Event, Failure, Observe, Outcome, Rejection};
use tower::{Layer, service_fn};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::{PARENT, Reply, Wire, request};
use crate::support::{Script, Upstream, call, listen, send, start};

/// Writes down spans and events.
#[derive(Clone, Default)]
struct Journal(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    closed: Vec<Span>,
    /// The message, and the span around it.
    events: Vec<(String, Option<&'static str>)>,
    open: BTreeMap<u64, Span>,
}

#[derive(Clone, Debug)]
struct Span {
    fields: BTreeMap<&'static str, String>,
    name: &'static str,
    parent: Option<&'static str>,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(
            field.name(),
            format!("{value:?}").trim_matches('"').to_owned(),
        );
    }
}

impl<S> tracing_subscriber::Layer<S> for Journal
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context
            .span(id)
            .and_then(|span| Some(span.parent()?.name()));
        let mut fields = BTreeMap::new();
        attributes.record(&mut Fields(&mut fields));
        let name = attributes.metadata().name();
        let span = Span {
            fields,
            name,
            parent,
        };
        self.0.lock().unwrap().open.insert(id.into_u64(), span);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _context: Context<'_, S>) {
        let mut written = self.0.lock().unwrap();
        let span = written.open.get_mut(&id.into_u64()).unwrap();
        values.record(&mut Fields(&mut span.fields));
    }

    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let around = context.event_span(event).map(|span| span.name());
        let mut message = fields.remove("message").unwrap_or_default();
        if let Some(reason) = fields.remove("reason") {
            message = format!("{message}: {reason}");
        }
        self.0.lock().unwrap().events.push((message, around));
    }

    fn on_close(&self, id: Id, _context: Context<'_, S>) {
        let mut written = self.0.lock().unwrap();
        let span = written.open.remove(&id.into_u64()).unwrap();
        written.closed.push(span);
    }
}

impl Journal {
    fn listen(&self) -> tracing::subscriber::DefaultGuard {
        listen(tracing_subscriber::registry().with(self.clone()))
    }

    fn closed(&self) -> Vec<Span> {
        let written = self.0.lock().unwrap();
        assert!(
            written.open.is_empty(),
            "every span has ended: {:?}",
            written.open
        );
        written.closed.clone()
    }

    fn events(&self) -> Vec<(String, Option<&'static str>)> {
        self.0.lock().unwrap().events.clone()
    }
}

impl Span {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_has_a_span_and_so_has_each_call_and_attempt() {
    let journal = Journal::default();
    let _listening = journal.listen();
    let attempt = TraceAttemptLayer::default().layer(Wire::default());
    let retried = service_fn(move |mut request: Request<()>| {
        let mut attempt = attempt.clone();
        async move {
            request
                .headers_mut()
                .insert("x-envoy-attempt-count", 2.into());
            call(&mut attempt, request).await
        }
    });
    let client = TraceClientLayer::default().layer(retried);
    let handler = service_fn(move |_: Request<()>| {
        let mut client = client.clone();
        async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let out = Request::post("http://users:8080/u/1?token=secret")
                .body(())
                .unwrap();
            call(&mut client, out).await
        }
    });
    let mut server = TraceServerLayer::default().layer(handler);
    let mut request = request(&[("traceparent", PARENT), ("x-request-id", "r1")]);
    *request.uri_mut() = "/analyze?token=secret".parse().unwrap();
    drop(call(&mut server, request).await.unwrap());

    let spans = journal.closed();
    let names: Vec<_> = spans.iter().map(|span| (span.name, span.parent)).collect();
    let (server, client) = ("http.server.request", "http.client.request");
    assert_eq!(
        names,
        [
            ("http.client.attempt", Some(client)),
            (client, Some(server)),
            (server, None),
        ]
    );
    let [attempt, client, server] = spans.try_into().unwrap();
    assert_eq!(attempt.field("http.request.resend_count"), "1");
    assert_eq!(client.field("http.request.method"), "POST");
    assert_eq!(client.field("server.address"), "users");
    assert_eq!(client.field("server.port"), "8080");
    assert_eq!(server.field("url.path"), "/analyze");
    assert_eq!(server.field("http.response.status_code"), "200");
    assert_eq!(server.field("trace_id"), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(server.field("parent_span_id"), "b7ad6b7169203331");
    assert_eq!(server.field("request_id"), "r1");
    assert_eq!(server.field("duration_ms"), "20.0");
    assert_eq!(client.field("parent_span_id"), server.field("span_id"));
    assert_eq!(attempt.field("parent_span_id"), client.field("span_id"));
    let told = format!("{:?}", [attempt, client, server]);
    assert!(!told.contains("secret"), "queries are nobody's business");
}

/// Turns everything away, and says so as the layers do.
#[derive(Clone)]
struct Closed;

enum Nothing {}

impl Ticket for Nothing {
    fn on_outcome(&mut self, _outcome: Outcome) {}
    fn on_body_error(&mut self, _failure: Failure) {}
}

impl Gate for Closed {
    type Ticket = Nothing;
    type Wait = NoQueue<Nothing>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Nothing, Self::Wait> {
        let rejection = Rejection::TimedOut(Duration::from_secs(1));
        let source = Arc::default();
        TracingObserver.on_event(&Event::new(&EventKind::Rejected(rejection), &source));
        Admission::Rejected(rejection)
    }
}

#[tokio::test]
async fn a_decision_is_an_event_inside_the_span_of_its_request() {
    let journal = Journal::default();
    let _listening = journal.listen();
    let mut server = TraceServerLayer::default().layer(Gated::new(Upstream::new(), Closed));
    assert_eq!(
        send(&mut server).await.status(),
        StatusCode::GATEWAY_TIMEOUT
    );

    let expected = (
        "rejected: no response within 1s".to_owned(),
        Some("http.server.request"),
    );
    assert_eq!(journal.events(), [expected]);
    let span = &journal.closed()[0];
    assert_eq!(span.field("http.response.status_code"), "504");
    assert_eq!(span.field("error.type"), "timeout");
}

#[tokio::test]
async fn headers_that_were_not_understood_are_an_event_with_the_reason() {
    let journal = Journal::default();
    let _listening = journal.listen();
    let mut server = TraceServerLayer::default().layer(Wire::default());
    drop(call(&mut server, request(&[("traceparent", "ff-x")])).await);
    let [(message, around)] = journal.events().try_into().unwrap();
    assert!(
        message.ends_with("the version of traceparent is invalid or ff"),
        "{message}"
    );
    assert_eq!(around, Some("http.server.request"));
}

#[tokio::test]
async fn a_spawned_task_logs_inside_the_span_too() {
    let journal = Journal::default();
    let _listening = journal.listen();
    let handler = service_fn(|_: Request<()>| async {
        let task = async { tracing::info!("later") };
        tokio::spawn(task.in_current_trace()).await.unwrap();
        Ok::<_, std::io::Error>(Reply::default())
    });
    drop(
        call(
            &mut TraceServerLayer::default().layer(handler),
            request(&[]),
        )
        .await,
    );
    assert_eq!(
        journal.events(),
        [("later".to_owned(), Some("http.server.request"))]
    );
}

#[tokio::test(start_paused = true)]
async fn a_processor_gets_each_hop_with_its_time_up_to_the_end_of_the_body() {
    let spans = InMemorySpans::new(10);
    let policy = TracePolicy::default().with_service("waste-service");
    let layer = TraceServerLayer::with_processor(policy, Arc::new(spans.clone()));
    let slow = Script::default()
        .data("a")
        .wait(Duration::from_millis(30))
        .data("b");
    let upstream = Upstream::new().then_response(Response::new(slow));
    let response = call(
        &mut layer.layer(upstream),
        request(&[("traceparent", PARENT)]),
    )
    .await;
    assert!(spans.spans().is_empty(), "not over yet");
    response.unwrap().into_body().collect().await.unwrap();

    let trace_id = "0af7651916cd43dd8448eb211c80319c".parse().unwrap();
    let [span] = spans.trace(trace_id).try_into().unwrap();
    assert_eq!(span.kind(), SpanKind::Server);
    assert_eq!(span.parent_id().unwrap().to_string(), "b7ad6b7169203331");
    assert_eq!(span.status(), Some(StatusCode::OK));
    assert_eq!(span.duration(), Duration::from_millis(30));
    assert_eq!(span.to_string(), "waste-service server GET / 200 in 30ms");
}

#[tokio::test(start_paused = true)]
async fn every_end_is_told_once() {
    let spans = InMemorySpans::new(10);
    let layer = TraceClientLayer::with_processor(TracePolicy::default(), Arc::new(spans.clone()));
    let upstream = Upstream::new()
        .then(StatusCode::NOT_FOUND)
        .then_response(Response::new(Script::default().data("a").fail()))
        .then_response(Response::new(Script::default().data("a").hang()));
    let mut client = layer.layer(upstream);
    drop(start(&mut client, Request::new(())));
    // The call was made, and its answer with it.
    let broken = send(&mut client).await;
    assert!(broken.into_body().collect().await.is_err());
    drop(send(&mut client).await);
    let mut fails = layer.layer(service_fn(|_: Request<()>| async {
        Err::<Response<Script>, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    }));
    assert!(call(&mut fails, Request::new(())).await.is_err());
    let panics = layer.layer(service_fn(|_: Request<()>| async {
        panic!("as planned") as Result<Response<Script>, std::io::Error>
    }));
    let task = tokio::spawn(async move { call(&mut panics.clone(), Request::new(())).await });
    assert!(task.await.unwrap_err().is_panic());

    let told: Vec<_> = spans
        .spans()
        .iter()
        .map(|span| (span.status(), span.outcome()))
        .collect();
    let ok = StatusCode::OK;
    assert_eq!(
        told,
        [
            (None, Outcome::Abandoned),
            (Some(ok), Outcome::Failed(Failure::Body)),
            (Some(ok), Outcome::Status(ok)),
            (None, Outcome::Failed(Failure::Connect)),
            (None, Outcome::Failed(Failure::Panic)),
        ]
    );
}

#[tokio::test]
async fn the_memory_for_spans_is_bounded_and_keeps_the_newest() {
    let spans = InMemorySpans::new(2);
    let layer = TraceServerLayer::with_processor(TracePolicy::default(), Arc::new(spans.clone()));
    for path in ["/1", "/2", "/3"] {
        let mut request = request(&[]);
        *request.uri_mut() = path.parse().unwrap();
        drop(call(&mut layer.layer(Wire::default()), request).await);
    }
    let paths: Vec<_> = spans
        .spans()
        .iter()
        .map(|span| span.uri().path().to_owned())
        .collect();
    assert_eq!(paths, ["/2", "/3"]);
}
