//! Request bodies that are sent again, and responses that are thrown away.

use std::io::ErrorKind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::BodyExt;
use meshless::retry::{Backoff, ReplayBody, RetryLayer};
use proptest::prelude::*;
use tokio::time::Instant;
use tower::{Layer, service_fn};

use super::eager;
use super::server::{Server, Step};
use crate::support::{Script, call};

const ALL: usize = usize::MAX;

fn put(body: Script) -> Request<Script> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::PUT;
    request
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([("checksum".parse().unwrap(), HeaderValue::from_static("42"))])
}

fn read(frames: usize, step: Step) -> Step {
    Step::Read(frames, Box::new(step))
}

fn refused() -> Step {
    Step::Fail(ErrorKind::ConnectionRefused)
}

#[tokio::test(start_paused = true)]
async fn a_body_is_sent_again_wherever_the_first_try_stopped() {
    for frames in [0, 1, 2, 3, ALL] {
        let body = Script::default()
            .data("one ")
            .wait(Duration::from_millis(10))
            .data("two ")
            .data("three")
            .trailers(trailers());
        let server = Server::new([
            read(frames, refused()),
            read(frames.saturating_add(1), Step::status(503)),
            read(ALL, Step::status(200)),
        ]);
        let mut service = RetryLayer::new(eager(2)).layer(server.clone());
        let response = call(&mut service, put(body)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{frames}");
        let last = server.requests().pop().unwrap();
        assert_eq!(last.body.unwrap(), b"one two three", "{frames}");
        assert_eq!(last.trailers, Some(trailers()), "{frames}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_try_knows_the_length_of_what_it_sends() {
    let server = Server::new([read(1, refused()), read(2, refused())]);
    let mut service = RetryLayer::new(eager(2)).layer(server.clone());
    let body = Script::default().data("abc").data("de");
    drop(call(&mut service, put(body)).await);
    let hints: Vec<_> = server.requests().iter().map(|seen| seen.hint).collect();
    assert_eq!(hints, [Some(5); 3]);
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_goes_through_and_is_not_sent_again() {
    for (limit, tries) in [(4, 1), (5, 2), (0, 1)] {
        let server = Server::new([read(ALL, Step::status(503))]);
        let policy = eager(1).with_replay_limit(limit);
        let mut service = RetryLayer::new(policy).layer(server.clone());
        let body = Script::default().data("abc").data("de");
        drop(call(&mut service, put(body)).await);
        assert_eq!(server.seen(), tries, "{limit}");
        assert_eq!(server.requests()[0].body, Ok(b"abcde".to_vec()), "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_over_the_limit_is_sent_again_if_nothing_was_read_of_it() {
    let server = Server::new([refused(), read(ALL, Step::status(200))]);
    let policy = eager(1).with_replay_limit(0);
    let mut service = RetryLayer::new(policy).layer(server.clone());
    drop(call(&mut service, put(Script::default().data("abcde"))).await);
    assert_eq!(server.requests()[1].body, Ok(b"abcde".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_fails_is_not_sent_again() {
    let server = Server::new([read(ALL, refused())]);
    let mut service = RetryLayer::new(eager(3)).layer(server.clone());
    drop(call(&mut service, put(Script::default().data("a").fail())).await);
    assert_eq!(server.seen(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_try_that_was_given_up_gets_an_error_and_not_the_end_of_its_body() {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&bodies);
    // As a connection's task does, it keeps the body after the answer.
    let inner = service_fn(move |request: Request<ReplayBody<Script>>| {
        keeper.lock().unwrap().push(request.into_body());
        let tries = keeper.lock().unwrap().len();
        let status = if tries == 1 { 503 } else { 200 };
        let response = Response::builder().status(status).body(Script::default());
        async move { Ok::<_, std::convert::Infallible>(response.unwrap()) }
    });
    let mut service = RetryLayer::new(eager(1)).layer(inner);
    drop(call(&mut service, put(Script::default().data("abc"))).await);

    let mut bodies = std::mem::take(&mut *bodies.lock().unwrap());
    let (second, first) = (bodies.pop().unwrap(), bodies.pop().unwrap());
    assert!(!first.is_end_stream());
    let error = first.collect().await.unwrap_err();
    assert_eq!(error.to_string(), "this attempt was superseded by a retry");
    assert_eq!(second.collect().await.unwrap().to_bytes(), "abc");
}

/// A body that counts what was taken from it, to see what is copied.
#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_request_that_cannot_be_sent_again() {
    let only_answers = meshless::retry::RetryOn::parse("503").unwrap();
    for (method, kept) in [(Method::POST, false), (Method::GET, true)] {
        let server = Server::new([read(ALL, Step::status(200))]);
        let policy = eager(1).with_retry_on(only_answers.clone());
        let shape = Arc::new(Mutex::new(String::new()));
        let note = Arc::clone(&shape);
        let inner = service_fn(move |request: Request<ReplayBody<Script>>| {
            *note.lock().unwrap() = format!("{:?}", request.body());
            let mut server = server.clone();
            async move { call(&mut server, request).await }
        });
        let mut request = Request::new(Script::default().data("abc"));
        *request.method_mut() = method;
        drop(call(&mut RetryLayer::new(policy).layer(inner), request).await);
        assert_eq!(shape.lock().unwrap().contains("Buffered"), kept);
    }
}

/// A response whose body says when it was read to its end.
fn failed(body: Script) -> Step {
    Step::Answer(Response::builder().status(503).body(body).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_thrown_away_is_read_first_but_not_for_long() {
    let second = Duration::from_secs(1);
    for (body, wait) in [
        (Script::default().data("sorry"), 1),
        (
            Script::default()
                .data("so")
                .wait(Duration::from_millis(20))
                .data("rry"),
            21,
        ),
        (Script::default().data("so").wait(second), 50),
        (Script::default().hang(), 50),
        (Script::default().data("so").fail(), 1),
    ] {
        let server = Server::new([failed(body)]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        drop(call(&mut service, Request::new(Script::default())).await);
        assert_eq!(server.gaps(), [Duration::from_millis(wait)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_response_is_not_worth_reading() {
    let long: &'static str = Box::leak("x".repeat(100_000).into_boxed_str());
    for body in [
        Script::default().data(long).wait(Duration::from_secs(1)),
        Script::default()
            .wait(Duration::from_millis(2))
            .data(long)
            .hang(),
    ] {
        let server = Server::new([failed(body)]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        let begin = Instant::now();
        drop(call(&mut service, Request::new(Script::default())).await);
        assert!(begin.elapsed() < Duration::from_millis(10));
    }
}

#[tokio::test(start_paused = true)]
async fn reading_a_response_away_costs_nothing_of_the_wait() {
    let server = Server::new([failed(Script::default().hang())]);
    let policy = eager(1).with_backoff(Backoff::constant(Duration::from_millis(200)));
    let mut service = RetryLayer::new(policy).layer(server.clone());
    drop(call(&mut service, Request::new(Script::default())).await);
    assert_eq!(server.gaps(), [Duration::from_millis(200)]);
}

/// A body of many frames of given lengths.
#[derive(Debug)]
struct Frames(std::vec::IntoIter<Bytes>);

impl Body for Frames {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Ready(self.0.next().map(|data| Ok(http_body::Frame::data(data))))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_body_arrives_whole_after_any_number_of_partial_tries(
        lengths in proptest::collection::vec(0..1_500_usize, 0..60),
        reads in proptest::collection::vec(0..70_usize, 1..5),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let frames: Vec<_> = lengths
                .iter()
                .enumerate()
                .map(|(i, len)| Bytes::from(vec![u8::try_from(i).unwrap(); *len]))
                .collect();
            let whole = frames.concat();
            let mut steps: Vec<_> = reads.iter().map(|n| read(*n, refused())).collect();
            steps.push(read(ALL, Step::status(200)));
            let server = Server::new(steps);
            let mut service = RetryLayer::new(eager(9).with_replay_limit(ALL)).layer(server.clone());
            let mut request = Request::new(Frames(frames.into_iter()));
            *request.method_mut() = Method::PUT;
            drop(call(&mut service, request).await);
            let last = server.requests().pop().unwrap();
            assert_eq!(last.body.unwrap(), whole);
        });
    }
}

/// A body that says of no frame that it is the last, as those of HTTP/2 do until they are asked once more.
#[derive(Debug)]
struct Unannounced(Script);

impl Body for Unannounced {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, Self::Error>>> {
        std::pin::Pin::new(&mut self.0).poll_frame(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn trailers_are_sent_with_every_try_also_if_the_body_does_not_say_that_they_are_its_end() {
    for frames in [1, 2, 3, ALL] {
        let body = Script::default()
            .data("one")
            .data("two")
            .trailers(trailers());
        let server = Server::new([
            read(frames, refused()),
            read(frames, refused()),
            read(ALL, Step::status(200)),
        ]);
        let mut service = RetryLayer::new(eager(2)).layer(server.clone());
        let mut request = Request::new(Unannounced(body));
        *request.method_mut() = Method::PUT;
        let response = call(&mut service, request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{frames}");
        let last = server.requests().pop().unwrap();
        assert_eq!(last.body.unwrap(), b"onetwo", "{frames}");
        assert_eq!(last.trailers, Some(trailers()), "{frames}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_in_memory_is_sent_again_up_to_a_mebibyte_and_a_stream_up_to_64_kibibytes() {
    const KIB: usize = 1024;
    let in_parts = |sizes: &[usize]| {
        let data = |size: &usize| &*"x".repeat(*size).leak();
        sizes.iter().map(data).fold(Script::default(), Script::data)
    };
    for (sizes, tries) in [
        (&[1024 * KIB][..], 2),
        (&[1024 * KIB + 1], 1),
        (&[32 * KIB, 32 * KIB], 2),
        (&[32 * KIB, 32 * KIB + 1], 1),
        (&[65 * KIB, 1], 1),
    ] {
        let server = Server::new([read(ALL, Step::status(503)), read(ALL, Step::status(200))]);
        let mut service = RetryLayer::new(eager(1)).layer(server.clone());
        drop(call(&mut service, put(in_parts(sizes))).await);
        assert_eq!(server.seen(), tries, "{sizes:?}");
        let length = sizes.iter().sum();
        for seen in server.requests() {
            assert_eq!(seen.body.map(|body| body.len()), Ok(length), "{sizes:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_after_which_a_body_only_ends_is_kept_like_one_in_memory() {
    let server = Server::new([read(ALL, Step::status(503)), read(ALL, Step::status(200))]);
    let mut service = RetryLayer::new(eager(1)).layer(server.clone());
    let message = "x".repeat(300 * 1024).leak();
    let mut request = Request::new(Unannounced(Script::default().data(message)));
    *request.method_mut() = Method::PUT;
    drop(call(&mut service, request).await);
    assert_eq!(server.seen(), 2);
}
