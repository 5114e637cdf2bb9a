//! The timeout as its users see it.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::events::EventKind;
use meshless::gate::RequestHead;
use meshless::gate::{Admission, Gate, Gated, NoQueue, Ticket};
use meshless::retry::{ReplayBody, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{Elapsed, TimeoutLayer, TimeoutPolicy as Policy};
use meshless::{Deadline, Failure, Outcome, Rejection};
use tokio::time::{Instant, advance, sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_test::mock;

use crate::support::{Events, Script, Upstream, call, send, start};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const EXPECTED: &str = "x-envoy-expected-rq-timeout-ms";

type BoxError = Box<dyn Error + Send + Sync>;
type Answer = Result<Response<Script>, Infallible>;

/// Answers after `delay`.
fn after(
    delay: Duration,
) -> impl Service<Request<()>, Response = Response<Script>, Error = Infallible, Future: Send> + Clone
{
    service_fn(move |_: Request<()>| async move {
        sleep(delay).await;
        Answer::Ok(Response::default())
    })
}

/// Answers at once, and writes down the headers and the deadline that it saw.
#[derive(Clone, Debug, Default)]
struct Witness(Arc<Mutex<Vec<Call>>>);

type Call = (HeaderMap, Option<Deadline>);

impl Witness {
    fn expected(&self) -> Option<String> {
        self.header(EXPECTED)
    }

    fn header(&self, name: &str) -> Option<String> {
        let seen = self.0.lock().unwrap();
        let value = seen.last().expect("called").0.get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }

    fn calls(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Service<Request<()>> for Witness {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = std::future::Ready<Answer>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let seen = (request.headers().clone(), Deadline::current());
        self.0.lock().unwrap().push(seen);
        std::future::ready(Ok(Response::default()))
    }
}

fn total(limit: Duration) -> TimeoutLayer {
    TimeoutLayer::new(Policy::total(limit).with_envoy_headers(true))
}

fn with(headers: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::new(());
    for (name, value) in headers {
        request
            .headers_mut()
            .insert(*name, HeaderValue::from_static(value));
    }
    request
}

fn streaming(script: Script) -> Upstream {
    Upstream::new().then_response(Response::new(script))
}

async fn read(
    response: Response<impl Body<Data = Bytes, Error = BoxError>>,
) -> Result<Bytes, BoxError> {
    Ok(response.into_body().collect().await?.to_bytes())
}

fn elapsed(error: &BoxError) -> Elapsed {
    *error.downcast_ref().expect("an error of this layer")
}

#[tokio::test(start_paused = true)]
async fn no_answer_in_time_is_a_504_as_from_envoy() {
    let seen = Events::default();
    let layer = TimeoutLayer::with_observer(Policy::total(SECOND), seen.observer());
    let before = Instant::now();
    let response = send(&mut layer.layer(after(2 * SECOND))).await;
    assert_eq!(before.elapsed(), SECOND);
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let rejection = Rejection::TimedOut(SECOND);
    assert_eq!(Rejection::of(&response), Some(&rejection));
    assert_eq!(
        Outcome::of_response(&response),
        Some(Outcome::Failed(Failure::Timeout))
    );
    assert_eq!(seen.all(), [EventKind::Rejected(rejection)]);
    assert_eq!(read(response).await.unwrap(), "upstream request timeout");
}

#[tokio::test(start_paused = true)]
async fn a_grpc_caller_gets_status_14_and_not_4() {
    let request = with(&[("content-type", "application/grpc")]);
    let response = call(&mut total(SECOND).layer(after(2 * SECOND)), request)
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["grpc-status"], "14");
    assert_eq!(
        response.headers()["grpc-message"],
        "upstream request timeout"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_ready_when_the_timer_fires_wins() {
    let response = send(&mut total(SECOND).layer(after(SECOND))).await;
    assert_eq!(response.status(), StatusCode::OK);

    let upstream = streaming(Script::default().wait(SECOND).data("in time"));
    let response = send(&mut total(SECOND).layer(upstream)).await;
    assert_eq!(read(response).await.unwrap(), "in time");

    // Also if nobody looks until long after.
    let mut late = Box::pin(start(
        &mut total(SECOND).layer(after(SECOND)),
        Request::new(()),
    ));
    assert!(late.as_mut().now_or_never().is_none());
    advance(9 * SECOND).await;
    assert_eq!(late.await.unwrap().status(), StatusCode::OK);
}

#[test]
fn an_answer_that_is_there_at_once_needs_no_timer() {
    // There is no runtime here: a timer could not even be made.
    let upstream = streaming(Script::default().data("at once"));
    let layer = TimeoutLayer::new(Policy::total(SECOND).with_idle(SECOND));
    let response = send(&mut layer.layer(upstream)).now_or_never().unwrap();
    let body = read(response).now_or_never().unwrap();
    assert_eq!(body.unwrap(), "at once");
}

#[tokio::test(start_paused = true)]
async fn the_inner_call_is_gone_before_its_caller_hears_of_the_timeout() {
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let mut service = total(SECOND).layer(limit.layer(after(2 * SECOND)));
    let mut future = Box::pin(start(&mut service, Request::new(())));
    let response = future.as_mut().await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(limit.in_flight(), 0, "though the future is still there");
}

#[tokio::test(start_paused = true)]
async fn the_total_covers_the_body_and_layers_around_see_a_timeout() {
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let script = Script::default().data("a").wait(2 * SECOND).data("b");
    let inner = limit.layer(streaming(script));
    let notes = Notes::default();
    let mut service = Gated::new(total(SECOND).layer(inner), notes.clone());

    let mut body = Box::pin(send(&mut service).await.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Total(SECOND));
    assert_eq!(Failure::of(&error), Failure::Timeout);
    assert_eq!(*notes.0.lock().unwrap(), [Failure::Timeout]);
    assert_eq!(limit.in_flight(), 0, "the upstream's body is gone");
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

/// Lets everything in and writes down how bodies break off.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<Vec<Failure>>>);

impl Ticket for Notes {
    fn on_outcome(&mut self, _outcome: Outcome) {}

    fn on_body_error(&mut self, failure: Failure) {
        self.0.lock().unwrap().push(failure);
    }
}

impl Gate for Notes {
    type Ticket = Self;
    type Wait = NoQueue<Self>;

    fn admit(&self, _head: RequestHead<'_>) -> Admission<Self, Self::Wait> {
        Admission::Admitted(self.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_always_has_more_is_cut_all_the_same() {
    let endless = || Script::default().data("a").data("b").data("c").data("d");
    let response = send(&mut total(SECOND).layer(streaming(endless()))).await;
    let mut body = Box::pin(response.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    sleep(2 * SECOND).await;
    assert!(body.frame().await.unwrap().is_ok(), "it was there in time");
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Total(SECOND));

    // The end is no more data.
    let trailers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("x"))]);
    let script = Script::default().data("a").trailers(trailers.clone());
    let response = send(&mut total(SECOND).layer(streaming(script))).await;
    sleep(2 * SECOND).await;
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
}

#[tokio::test(start_paused = true)]
async fn silence_is_limited_frame_by_frame_and_a_slow_reader_is_not_silence() {
    let layer = TimeoutLayer::new(Policy::default().with_idle(SECOND));
    let script = Script::default()
        .wait(900 * MS)
        .data("a")
        .wait(900 * MS)
        .data("b")
        .data("c")
        .hang();
    let mut body = Box::pin(send(&mut layer.layer(streaming(script))).await.into_body());
    assert!(body.frame().await.unwrap().is_ok());
    assert!(body.frame().await.unwrap().is_ok());
    sleep(9 * SECOND).await;
    assert!(body.frame().await.unwrap().is_ok());
    sleep(9 * SECOND).await;
    let before = Instant::now();
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Idle(SECOND));
    assert_eq!(before.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_stream_lasts_until_it_is_silent_if_the_timeout_ends_with_its_head() {
    let layer = TimeoutLayer::new(Policy::head(SECOND).with_idle(5 * SECOND));
    let response = send(&mut layer.layer(after(2 * SECOND))).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);

    let script = (0..9).fold(Script::default(), |script, _| {
        script.wait(4 * SECOND).data("a")
    });
    let response = send(&mut layer.layer(streaming(script.hang()))).await;
    let mut body = Box::pin(response.into_body());
    for _ in 0..9 {
        assert!(body.frame().await.unwrap().is_ok());
    }
    let error = body.frame().await.unwrap().unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Idle(5 * SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_callers_deadline_holds_for_a_stream_too() {
    let layer = TimeoutLayer::new(Policy::head(SECOND).with_idle(9 * SECOND));
    let script = || {
        let endless = (0..9).fold(Script::default(), |script, _| script.wait(SECOND).data("a"));
        layer.layer(streaming(endless))
    };
    let before = Instant::now();
    let request = with(&[(EXPECTED, "3500")]);
    let response = call(&mut script(), request).await.unwrap();
    let error = read(response).await.unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Total(3_500 * MS));
    assert_eq!(before.elapsed(), 3_500 * MS);

    let current = Deadline::after(2_500 * MS).unwrap();
    let response = current.scoped(send(&mut script())).await;
    let error = read(response).await.unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Total(2_500 * MS));

    // Not that of a caller who is not trusted.
    let layer = TimeoutLayer::new(Policy::head(SECOND).with_incoming(false));
    let endless = (0..9).fold(Script::default(), |script, _| script.wait(SECOND).data("a"));
    let request = with(&[(EXPECTED, "3500")]);
    let response = call(&mut layer.layer(streaming(endless)), request)
        .await
        .unwrap();
    assert_eq!(read(response).await.unwrap(), "aaaaaaaaa");
}

#[tokio::test(start_paused = true)]
async fn a_total_that_cuts_a_stream_of_events_is_reported_once() {
    let seen = Events::default();
    let layer = TimeoutLayer::with_observer(Policy::total(SECOND), seen.observer());
    let events = || {
        let mut response = Response::new(Script::default().data("data: 1\n\n").hang());
        let value = HeaderValue::from_static("text/event-stream; charset=utf-8");
        response.headers_mut().insert(header::CONTENT_TYPE, value);
        response
    };
    let upstream = Upstream::new()
        .then_response(events())
        .then_response(events());
    let mut one = layer.layer(upstream.clone());
    let mut two = layer.clone().layer(upstream);
    assert!(read(send(&mut one).await).await.is_err());
    assert!(read(send(&mut two).await).await.is_err());
    let cut = EventKind::BodyTimedOut(Elapsed::Total(SECOND));
    let expected = [cut.clone(), EventKind::StreamTimedOut(SECOND), cut];
    assert_eq!(seen.all(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_body_goes_through_with_its_size_and_its_trailers() {
    let trailers = HeaderMap::from_iter([(header::ETAG, HeaderValue::from_static("x"))]);
    let script = Script::default().data("hello").trailers(trailers.clone());
    let response = send(&mut total(SECOND).layer(streaming(script))).await;
    assert_eq!(response.body().size_hint().exact(), Some(5));
    assert!(!response.body().is_end_stream());
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    let empty = send(&mut total(SECOND).layer(Upstream::new())).await;
    assert!(empty.body().is_end_stream());
}

#[tokio::test(start_paused = true)]
async fn errors_pass_with_their_types_and_sources() {
    let fails = service_fn(|_: Request<()>| async {
        Err::<Response<Script>, _>(io::Error::other("as planned"))
    });
    let error: io::Error = call(&mut total(SECOND).layer(fails), Request::new(()))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "as planned");

    let stack = total(SECOND).layer(total(SECOND).layer(streaming(Script::default().fail())));
    let error = read(send(&mut { stack }).await).await.unwrap_err();
    let io = error.downcast_ref::<io::Error>().expect("not wrapped");
    assert_eq!(io.kind(), io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn the_sooner_of_policy_header_and_current_deadline_holds_and_is_told() {
    for (policy, header, current, expected) in [
        (5_000, None, None, Some("5000")),
        (5_000, Some("3000"), None, Some("3000")),
        (5_000, Some("9000"), None, Some("5000")),
        (5_000, Some("3000"), Some(2_000), Some("2000")),
        (0, Some("3000"), None, Some("3000")),
        (0, None, Some(2_000), Some("2000")),
        (0, None, None, None),
        (5_000, Some("garbage"), None, Some("5000")),
        (5_000, Some("0"), None, Some("5000")),
        (5_000, Some("-1"), None, Some("5000")),
    ] {
        let witness = Witness::default();
        let mut service = total(policy * MS).layer(witness.clone());
        let request = with(&Vec::from_iter(header.map(|value| (EXPECTED, value))));
        let future = call(&mut service, request);
        let now = Instant::now().into_std();
        match current {
            Some(ms) => drop(Deadline::at(now + ms * MS).scoped(future).await),
            None => drop(future.await),
        }
        assert_eq!(witness.expected().as_deref(), expected);
        let deadline = expected.map(|ms| Deadline::at(now + ms.parse::<u32>().unwrap() * MS));
        assert_eq!(witness.0.lock().unwrap()[0].1, deadline);
        assert_eq!(witness.header("grpc-timeout"), None);
    }
    assert_eq!(Deadline::current(), None);
}

#[tokio::test(start_paused = true)]
async fn a_grpc_timeout_is_read_in_every_unit_and_written_only_for_grpc() {
    for (told, expected, grpc) in [
        ("3S", "3000", "3S"),
        ("2500000u", "2500", "2500000u"),
        ("1H", "5000", "5000m"),
        ("5 S", "5000", "5000m"),
        ("123456789m", "5000", "5000m"),
    ] {
        let witness = Witness::default();
        let mut service = total(5 * SECOND).layer(witness.clone());
        let request = with(&[("grpc-timeout", told), ("content-type", "application/grpc")]);
        drop(call(&mut service, request).await);
        assert_eq!(witness.expected().as_deref(), Some(expected), "{told}");
        assert_eq!(witness.header("grpc-timeout").as_deref(), Some(grpc));

        // Without its content type it is a header like any.
        drop(call(&mut service, with(&[("grpc-timeout", told)])).await);
        assert_eq!(witness.expected().as_deref(), Some("5000"));
        assert_eq!(witness.header("grpc-timeout").as_deref(), Some(told));
    }
}

/// What lies between two processes: only what the headers say gets through.
fn network<S>(
    server: S,
) -> impl Service<Request<()>, Response = Response<Script>, Error = Infallible, Future: Send> + Clone
where
    S: Service<Request<()>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    S::Response: Send,
{
    service_fn(move |request: Request<()>| {
        let mut server = server.clone();
        async move {
            let arrived = tokio::spawn(async move {
                assert_eq!(Deadline::current(), None);
                call(&mut server, request).await.map(drop)
            });
            arrived.await.unwrap().map(|()| Response::default())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_deadline_shrinks_on_its_way_through_two_hops() {
    let minute = total(60 * SECOND);
    let witness = Witness::default();
    let client = minute.layer(network(minute.layer(witness.clone())));
    let handler = service_fn(move |request: Request<()>| {
        let mut client = client.clone();
        async move {
            assert_eq!(request.headers()[EXPECTED], "2000");
            sleep(700 * MS).await;
            // A new request: nothing was copied, and yet it says what is left.
            drop(call(&mut client, Request::new(())).await);
            Answer::Ok(Response::default())
        }
    });
    let mut caller = total(2 * SECOND).layer(network(minute.layer(handler)));
    assert_eq!(send(&mut caller).await.status(), StatusCode::OK);
    assert_eq!(witness.expected().as_deref(), Some("1300"));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_is_refused_without_a_call() {
    let seen = Events::default();
    let witness = Witness::default();
    let layer = TimeoutLayer::with_observer(Policy::total(SECOND), seen.observer());
    let mut service = layer.layer(witness.clone());
    let deadline = Deadline::after(SECOND).unwrap();
    advance(SECOND).await;
    let response = deadline.scoped(send(&mut service)).await;
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(Rejection::of(&response), Some(&Rejection::DeadlineExceeded));
    assert_eq!(Outcome::of_response(&response), Some(Outcome::Rejected));
    assert_eq!(witness.calls(), 0);
    let expected = [EventKind::Rejected(Rejection::DeadlineExceeded)];
    assert_eq!(seen.all(), expected);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_current_in_call_in_every_poll_and_in_every_frame() {
    struct Frames(Arc<Mutex<Vec<Option<Deadline>>>>, usize);
    impl Body for Frames {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            _cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            self.0.lock().unwrap().push(Deadline::current());
            self.1 += 1;
            let frame = Frame::data(Bytes::from_static(b"x"));
            Poll::Ready((self.1 < 3).then_some(Ok(frame)))
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let mut service = total(SECOND).layer(service_fn(move |_: Request<()>| {
        let notes = Arc::clone(&notes);
        notes.lock().unwrap().push(Deadline::current());
        async move {
            notes.lock().unwrap().push(Deadline::current());
            sleep(MS).await;
            notes.lock().unwrap().push(Deadline::current());
            Ok::<_, Infallible>(Response::new(Frames(notes, 0)))
        }
    }));
    let deadline = Deadline::after(SECOND);
    let response = send(&mut service).await;
    assert_eq!(Deadline::current(), None);
    drop(response.into_body().collect().await);
    assert_eq!(*seen.lock().unwrap(), [deadline; 6]);
}

#[tokio::test(start_paused = true)]
async fn deadlines_of_callers_can_be_ignored_and_ours_kept_to_ourselves() {
    let witness = Witness::default();
    let policy = Policy::total(5 * SECOND).with_envoy_headers(true);
    let layer = TimeoutLayer::new(policy.clone().with_incoming(false));
    let mut service = layer.layer(witness.clone());
    let told = [
        (EXPECTED, "8"),
        ("grpc-timeout", "8m"),
        ("content-type", "application/grpc"),
    ];
    drop(call(&mut service, with(&told)).await);
    assert_eq!(witness.expected().as_deref(), Some("5000"));
    assert_eq!(
        witness.header("grpc-timeout").as_deref(),
        Some("8m"),
        "never grows"
    );

    // With no time of our own, a stranger's is taken away, as at Envoy's edge.
    layer.reconfigure(Policy::default().with_incoming(false));
    drop(call(&mut service, with(&told)).await);
    assert_eq!(witness.expected(), None);

    layer.reconfigure(policy.with_outgoing(false));
    drop(call(&mut service, with(&[(EXPECTED, "8")])).await);
    assert_eq!(witness.expected().as_deref(), Some("8"));
    assert!(
        witness.0.lock().unwrap()[2].1 <= Deadline::after(8 * MS),
        "but it holds"
    );
}

#[tokio::test(start_paused = true)]
async fn off_does_nothing_at_all() {
    let layer = TimeoutLayer::new(Policy::off());
    let witness = Witness::default();
    drop(call(&mut layer.layer(witness.clone()), with(&[(EXPECTED, "8")])).await);
    assert_eq!(witness.expected().as_deref(), Some("8"));
    assert_eq!(witness.0.lock().unwrap()[0].1, None);
    let response = send(&mut layer.layer(after(1_000 * SECOND))).await;
    assert_eq!(response.status(), StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_try_is_timed_to_its_head_and_the_total_to_its_end() {
    let tries = TimeoutLayer::new(Policy::per_try(SECOND).with_envoy_headers(true));
    let response = send(&mut tries.layer(after(2 * SECOND))).await;
    assert_eq!(Rejection::of(&response), Some(&Rejection::TimedOut(SECOND)));

    let script = || Script::default().wait(2 * SECOND).data("late");
    let response = send(&mut tries.layer(streaming(script()))).await;
    assert_eq!(read(response).await.unwrap(), "late");

    let mut both = total(1_500 * MS).layer(tries.layer(streaming(script())));
    let error = read(send(&mut both).await).await.unwrap_err();
    assert_eq!(elapsed(&error), Elapsed::Total(1_500 * MS));

    // What is told is the sooner of the two, and less for a later try.
    let witness = Witness::default();
    let inner = tries.layer(witness.clone());
    let mut retries = total(1_500 * MS).layer(service_fn(move |request: Request<()>| {
        let mut inner = inner.clone();
        async move {
            drop(call(&mut inner, request.clone()).await);
            sleep(SECOND).await;
            call(&mut inner, request).await
        }
    }));
    drop(send(&mut retries).await);
    let seen = witness.0.lock().unwrap();
    let told: Vec<_> = seen.iter().map(|(headers, _)| &headers[EXPECTED]).collect();
    assert_eq!(told, ["1000", "500"]);
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_passes_and_is_not_timed() {
    let mut response = Response::new(Script::default().wait(9 * SECOND).data("raw"));
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let layer = TimeoutLayer::new(Policy::total(SECOND).with_idle(SECOND));
    let response = send(&mut layer.layer(Upstream::new().then_response(response))).await;
    assert_eq!(response.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(read(response).await.unwrap(), "raw");
}

#[tokio::test(start_paused = true)]
async fn a_policy_replaced_mid_flight_holds_for_the_next_call_of_every_clone() {
    let layer = total(SECOND);
    let mut one = layer.layer(after(3 * SECOND));
    let mut two = layer.clone().layer(after(3 * SECOND)).clone();
    let running = start(&mut one, Request::new(()));
    layer.reconfigure(Policy::total(2 * SECOND));
    let response = running.await.unwrap();
    assert_eq!(Rejection::of(&response), Some(&Rejection::TimedOut(SECOND)));
    let response = send(&mut two).await;
    assert_eq!(
        Rejection::of(&response),
        Some(&Rejection::TimedOut(2 * SECOND))
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_takes_the_inner_call_with_it() {
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(2));
    let mut service = total(SECOND).layer(limit.layer(after(2 * SECOND)));
    let unpolled = start(&mut service, Request::new(()));
    let mut pending = Box::pin(start(&mut service, Request::new(())));
    assert!(pending.as_mut().now_or_never().is_none());
    assert_eq!(limit.in_flight(), 2);
    drop((unpolled, pending));
    assert_eq!(limit.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn readiness_is_the_inner_services() {
    let (mut service, mut handle) =
        mock::spawn_with(|inner: mock::Mock<Request<()>, Response<Script>>| {
            total(SECOND).layer(inner)
        });
    handle.allow(0);
    assert!(service.poll_ready().is_pending());
    advance(9 * SECOND).await;
    assert!(service.poll_ready().is_pending(), "it is not timed");
    handle.allow(1);
    assert!(service.poll_ready().is_ready());
}

#[tokio::test(start_paused = true)]
async fn a_request_sets_its_own_time_where_the_policy_trusts_it() {
    const INSTEAD: &str = "x-envoy-upstream-rq-timeout-ms";
    let witness = Witness::default();
    let layer = total(5 * SECOND);
    let mut service = layer.layer(witness.clone());
    for (trusted, value, expected) in [
        (false, "9000", Some("5000")),
        (true, "9000", Some("9000")),
        (true, "bad", Some("5000")),
        (true, "0", None),
    ] {
        let policy = Policy::total(5 * SECOND).with_envoy_headers(true);
        layer.reconfigure(policy.with_header_overrides(trusted));
        drop(call(&mut service, with(&[(INSTEAD, value)])).await);
        assert_eq!(witness.expected().as_deref(), expected, "{value}");
        assert_eq!(witness.header(INSTEAD), None);
    }
}

#[tokio::test(start_paused = true)]
async fn axum_takes_it_everywhere_and_its_handlers_know_their_deadline() {
    async fn handler() -> String {
        sleep(600 * MS).await;
        let left = Deadline::current().map(Deadline::remaining);
        sleep(600 * MS).await;
        format!("{left:?}")
    }
    let slow = || axum::routing::get(handler);
    let app = axum::Router::new()
        .route("/method", slow().layer(total(2 * SECOND)))
        .route("/route", slow())
        .route_layer(total(3 * SECOND))
        .layer(total(4 * SECOND));
    let get = |path: &str| {
        let request = Request::get(path).body(axum::body::Body::empty()).unwrap();
        app.clone().oneshot(request)
    };
    let text = |response: axum::response::Response| async {
        axum::body::to_bytes(response.into_body(), 100)
            .await
            .unwrap()
    };
    assert_eq!(text(get("/method").await.unwrap()).await, "Some(1.4s)");
    assert_eq!(text(get("/route").await.unwrap()).await, "Some(2.4s)");

    let strict = axum::Router::new().route("/", slow()).layer(total(SECOND));
    let request = Request::new(axum::body::Body::empty());
    let response = strict.oneshot(request).await.unwrap();
    assert_eq!(Rejection::of(&response), Some(&Rejection::TimedOut(SECOND)));
    assert_eq!(text(response).await, "upstream request timeout");
}

#[tokio::test(start_paused = true)]
async fn a_grpc_stream_whose_time_is_over_ends_with_deadline_exceeded() {
    let grpc = [("content-type", "application/grpc")];
    let silent = || Script::default().data("a").hang();
    for (policy, message) in [
        (Policy::total(SECOND), "response not complete within 1s"),
        (
            Policy::default().with_idle(SECOND),
            "no response data for 1s",
        ),
    ] {
        let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
        let mut response = Response::new(silent());
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static(grpc[0].1));
        let inner = limit.layer(Upstream::new().then_response(response));
        let mut service = TimeoutLayer::new(policy.clone()).layer(inner);
        let response = call(&mut service, with(&grpc)).await.unwrap();
        let mut body = Box::pin(response.into_body());
        assert!(body.frame().await.unwrap().unwrap().is_data());
        let trailers = body.frame().await.unwrap().unwrap().into_trailers();
        let trailers = trailers.expect("the last frame");
        assert_eq!(trailers["grpc-status"], "4");
        assert_eq!(trailers["grpc-message"], message);
        assert!(body.frame().await.is_none());
        assert_eq!(limit.in_flight(), 0, "the upstream's body is gone");

        // What answers a gRPC call with a page breaks off.
        let mut service = TimeoutLayer::new(policy).layer(streaming(silent()));
        let response = call(&mut service, with(&grpc)).await.unwrap();
        let mut body = Box::pin(response.into_body());
        assert!(body.frame().await.unwrap().is_ok());
        assert!(body.frame().await.unwrap().is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_that_is_not_to_be_told_is_not_told_by_the_tries_either() {
    let grpc = with(&[("content-type", "application/grpc")]);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&seen);
    let upstream = service_fn(move |request: Request<ReplayBody<Script>>| {
        notes.lock().unwrap().push(request.headers().clone());
        let mut response = Response::new(Script::default());
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        async { Answer::Ok(response) }
    });
    let policy = RetryPolicy::new(1)
        .with_envoy_headers(true)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_non_idempotent(true);
    for per_try in [Duration::ZERO, 300 * MS] {
        let retry = RetryLayer::new(policy.clone().with_per_try_timeout(per_try));
        for (told, expected) in [(true, 2), (false, 0)] {
            let timeout = TimeoutLayer::new(
                Policy::total(SECOND)
                    .with_envoy_headers(true)
                    .with_outgoing(told),
            );
            let mut service = timeout.layer(retry.layer(upstream.clone()));
            let mut request = Request::new(Script::default());
            request.headers_mut().clone_from(grpc.headers());
            drop(call(&mut service, request).await.unwrap());
            let seen = std::mem::take(&mut *seen.lock().unwrap());
            assert_eq!(seen.len(), 2, "tries");
            for name in [EXPECTED, "grpc-timeout"] {
                let told = seen.iter().filter(|headers| headers.contains_key(name));
                assert_eq!(told.count(), expected, "{name}");
            }
        }
    }
    // The deadline of a handler's server says nothing of the clients in it.
    let inside = TimeoutLayer::new(Policy::default().with_envoy_headers(true));
    let witness = Witness::default();
    let outside = TimeoutLayer::new(Policy::total(SECOND).with_outgoing(false));
    send(&mut outside.layer(inside.layer(witness.clone()))).await;
    assert_eq!(witness.expected().as_deref(), Some("1000"));
}

#[tokio::test(start_paused = true)]
async fn an_overlong_grpc_timeout_holds_and_goes_on_in_a_form_that_every_server_reads() {
    for (told, expected) in [
        ("000000300m", Some("300m")),
        ("123456789m", Some("123456S")),
        ("99999999999999999999H", Some("99999999999999999999H")),
    ] {
        let witness = Witness::default();
        let mut service = TimeoutLayer::new(Policy::default()).layer(witness.clone());
        let request = with(&[("grpc-timeout", told), ("content-type", "application/grpc")]);
        drop(call(&mut service, request).await.unwrap());
        assert_eq!(
            witness.header("grpc-timeout").as_deref(),
            expected,
            "{told}"
        );
    }
}
