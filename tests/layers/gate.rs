//! What every policy made of a gate inherits.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::BodyExt;
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
use meshless::outcome::GrpcStatus;
use meshless::{Failure, Outcome};
use tower::service_fn;

use crate::support::{Script, Upstream, call, send, start};

/// Lets everything in and writes down what its tickets hear.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<Note>>>);

#[derive(Clone, Debug, PartialEq)]
enum Note {
    Broken(Failure),
    End,
    Head(Outcome),
}

#[derive(Debug)]
struct Writer(Notes);

impl Notes {
    fn note(&self, note: Note) {
        self.0.lock().unwrap().push(note);
    }

    fn take(&self) -> Vec<Note> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Ticket for Writer {
    fn on_outcome(&mut self, outcome: Outcome) {
        self.0.note(Note::Head(outcome));
    }

    fn on_body_error(&mut self, failure: Failure) {
        self.0.note(Note::Broken(failure));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.note(Note::End);
    }
}

impl Gate for Notes {
    type Ticket = Writer;
    type Wait = NoQueue<Writer>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Writer, Self::Wait> {
        Admission::Admitted(Writer(self.clone()))
    }
}

const OK: Note = Note::Head(Outcome::Status(StatusCode::OK));

fn grpc(body: Script) -> Response<Script> {
    let mut response = Response::new(body);
    let grpc = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, grpc);
    response
}

fn status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        "grpc-status".parse().unwrap(),
        HeaderValue::from_static(code),
    )])
}

#[tokio::test]
async fn the_head_is_reported_at_once_and_the_ticket_kept_to_the_end_of_the_body() {
    let notes = Notes::default();
    let upstream = Upstream::new().then_response(Response::new(Script::default().data("hello")));
    let mut service = Gated::new(upstream, notes.clone());

    let response = send(&mut service).await;
    assert_eq!(notes.take(), [OK]);
    assert_eq!(response.body().size_hint().exact(), Some(5));
    let mut body = response.into_body();
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), Bytes::from("hello"));
    // Nobody polls for the `None`, as hyper does not once the body says that it is over.
    assert!(body.is_end_stream());
    assert_eq!(notes.take(), [Note::End]);
}

#[tokio::test]
async fn a_500_counts_even_if_nobody_reads_its_body() {
    let notes = Notes::default();
    let upstream = Upstream::new().then(StatusCode::INTERNAL_SERVER_ERROR);
    drop(send(&mut Gated::new(upstream, notes.clone())).await);
    let outcome = Outcome::Status(StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(notes.take(), [Note::Head(outcome), Note::End]);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_one_failure_more() {
    let notes = Notes::default();
    let upstream = Upstream::new().then_response(Response::new(Script::default().data("a").fail()));
    let response = send(&mut Gated::new(upstream, notes.clone())).await;
    assert!(response.into_body().collect().await.is_err());
    assert_eq!(notes.take(), [OK, Note::Broken(Failure::Body), Note::End]);
}

#[tokio::test]
async fn a_grpc_response_decides_by_its_trailers_unless_its_headers_say() {
    let notes = Notes::default();
    let mut headers_only = grpc(Script::default());
    headers_only.headers_mut().extend(status("14"));
    let upstream = Upstream::new()
        .then_response(headers_only)
        .then_response(grpc(Script::default().data("a").trailers(status("13"))))
        .then_response(grpc(Script::default().data("a")))
        .then_response(grpc(Script::default().data("a").fail()));
    let mut service = Gated::new(upstream, notes.clone());

    drop(send(&mut service).await);
    let unavailable = Note::Head(Outcome::Grpc(GrpcStatus::UNAVAILABLE));
    assert_eq!(notes.take(), [unavailable, Note::End]);

    for expected in [
        Outcome::Grpc(GrpcStatus::INTERNAL),
        Outcome::Grpc(GrpcStatus::UNKNOWN),
        Outcome::Failed(Failure::Body),
    ] {
        let response = send(&mut service).await;
        assert_eq!(notes.take(), []);
        drop(response.into_body().collect().await);
        assert_eq!(notes.take(), [Note::Head(expected), Note::End]);
    }
}

#[tokio::test]
async fn trailers_go_through() {
    let script = Script::default().data("a").trailers(status("0"));
    let upstream = Upstream::new().then_response(Response::new(script));
    let response = send(&mut Gated::new(upstream, Notes::default())).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&status("0")));
}

#[tokio::test]
async fn a_call_dropped_before_it_is_polled_is_abandoned() {
    let notes = Notes::default();
    let mut service = Gated::new(Upstream::new(), notes.clone());
    drop(start(&mut service, Request::new(())));
    assert_eq!(notes.take(), [Note::End]);
}

#[tokio::test]
async fn a_panic_of_the_inner_service_is_its_failure() {
    let notes = Notes::default();
    let panics = service_fn(|request: Request<bool>| {
        assert!(!request.into_body(), "in call, as planned");
        async { panic!("in poll, as planned") as Result<Response<Script>, std::io::Error> }
    });
    for in_call in [true, false] {
        let mut service = Gated::new(panics, notes.clone());
        let task = tokio::spawn(async move { call(&mut service, Request::new(in_call)).await });
        assert!(task.await.unwrap_err().is_panic());
        let failed = Note::Head(Outcome::Failed(Failure::Panic));
        assert_eq!(notes.take(), [failed, Note::End]);
    }
}
