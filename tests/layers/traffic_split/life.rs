use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body as _;
use http_body_util::BodyExt;
use meshless::Rejection;
use meshless::events::EventKind;
use meshless::traffic_split::{
    Destination, HeaderOperations, Match, Route, StringMatch, TrafficSplit, TrafficSplitLayer,
    TrafficSplitPolicy,
};
use tower::{Layer, Service, ServiceExt};
use tower_test::mock::{self, Handle, Mock};

use super::{request, v1, v2};
use crate::support::{Events, Script, Upstream, call, start};

type Inner = Mock<Request<()>, Response<Script>>;
type Handled = Handle<Request<()>, Response<Script>>;

fn route_to(destination: Destination, tag: &'static str) -> Route {
    let tag = HeaderOperations::default().with_set(
        HeaderName::from_static("x-policy"),
        HeaderValue::from_static(tag),
    );
    Route::to(destination).with_response_headers(tag)
}

fn v2_by_path() -> TrafficSplitPolicy {
    let v2_only = Match::default().with_path(StringMatch::exact("/v2"));
    TrafficSplitPolicy::new([Route::to(v2()).with_match(v2_only), Route::to(v1())])
}

fn two() -> (TrafficSplit<Inner>, Handled, Handled) {
    let ((one, one_handle), (two, two_handle)) = (mock::pair(), mock::pair());
    let split = TrafficSplit::new(v2_by_path(), [(v1(), one), (v2(), two)]);
    (split, one_handle, two_handle)
}

fn noop() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

#[tokio::test]
async fn a_destination_that_is_not_ready_keeps_nobody_else_waiting() {
    let (mut split, mut one, mut two) = two();
    one.allow(0);
    let mut stuck = Box::pin(start(&mut split, request("/v1")));
    assert!(stuck.as_mut().poll(&mut noop()).is_pending());

    let passing = tokio::spawn(start(&mut split, request("/v2")));
    let (_, reply) = two.next_request().await.unwrap();
    reply.send_response(Response::default());
    assert!(passing.await.unwrap().is_ok());

    assert!(stuck.as_mut().poll(&mut noop()).is_pending());
    one.allow(1);
    let stuck = tokio::spawn(stuck);
    let (_, reply) = one.next_request().await.unwrap();
    reply.send_response(Response::default());
    assert!(stuck.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_layer_forwards_that_its_client_is_not_ready() {
    let (inner, mut handle) = mock::pair::<Request<()>, Response<Script>>();
    let mut service = TrafficSplitLayer::new(v2_by_path()).layer(inner);
    handle.allow(0);
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut noop()).is_pending());
    handle.allow(1);
    assert!(Service::<Request<()>>::poll_ready(&mut service, &mut noop()).is_ready());
}

#[tokio::test]
async fn a_call_dropped_before_it_is_polled_reaches_no_destination() {
    let (mut split, _one, mut two) = two();
    drop(start(&mut split, request("/v2")));
    assert!(two.poll_request().is_pending());
}

#[tokio::test]
async fn a_call_dropped_while_pending_cancels_the_destination_s() {
    let working = Arc::new(());
    let held = Arc::clone(&working);
    let hangs = tower::service_fn(move |_: Request<()>| {
        let held = Arc::clone(&held);
        async move {
            let never = std::future::pending::<Result<Response<Script>, Infallible>>().await;
            drop(held);
            never
        }
    });
    let mut split = TrafficSplit::new(v2_by_path(), [(v1(), hangs)]);
    let mut call = Box::pin(start(&mut split, request("/v1")));
    assert!(call.as_mut().poll(&mut noop()).is_pending());
    assert_eq!(Arc::strong_count(&working), 3);
    drop(call);
    assert_eq!(Arc::strong_count(&working), 2);
}

#[tokio::test]
async fn a_policy_replaced_in_mid_flight_is_for_the_requests_after() {
    let (inner, mut handle) = mock::pair::<Request<()>, Response<Script>>();
    let layer = TrafficSplitLayer::new(TrafficSplitPolicy::new([route_to(v1(), "old")]));
    let mut service = layer.layer(inner);
    service.ready().await.unwrap();
    let before = tokio::spawn(service.call(request("/")));
    let (received, reply) = handle.next_request().await.unwrap();
    assert_eq!(Destination::of(&received), Some(&v1()));

    layer.reconfigure(TrafficSplitPolicy::new([route_to(v2(), "new")]));
    reply.send_response(Response::default());
    assert_eq!(before.await.unwrap().unwrap().headers()["x-policy"], "old");

    service.ready().await.unwrap();
    let after = tokio::spawn(service.call(request("/")));
    let (received, reply) = handle.next_request().await.unwrap();
    assert_eq!(Destination::of(&received), Some(&v2()));
    reply.send_response(Response::default());
    assert_eq!(after.await.unwrap().unwrap().headers()["x-policy"], "new");
}

#[tokio::test]
async fn policy_and_services_can_be_replaced_together() {
    let (one, two) = (Upstream::new(), Upstream::new());
    let fallback = Upstream::new();
    let mut split = TrafficSplit::new(
        TrafficSplitPolicy::new([Route::to(v1())]),
        [(v1(), one.clone())],
    )
    .with_fallback(fallback.clone());
    let other = split.clone();

    // The service is not known yet: that is a 503, not somebody else's request.
    other.reconfigure(TrafficSplitPolicy::new([Route::to(v2())]));
    let response = call(&mut split, request("/")).await.unwrap();
    assert_eq!(
        Rejection::of(&response),
        Some(&Rejection::UnknownDestination)
    );

    other.reconfigure_with(
        TrafficSplitPolicy::new([Route::to(v2())]),
        [(v2(), two.clone())],
    );
    call(&mut split, request("/")).await.unwrap();
    other.reconfigure(TrafficSplitPolicy::off());
    call(&mut split, request("/")).await.unwrap();
    assert_eq!((one.calls(), two.calls(), fallback.calls()), (0, 1, 1));
}

#[tokio::test]
async fn clones_of_the_layer_and_all_its_services_share_the_policy() {
    let layer = TrafficSplitLayer::new(v2_by_path());
    let twin = layer.clone();
    let mut service = layer.layer(Upstream::new());
    let mut clone = service.clone();
    twin.reconfigure(TrafficSplitPolicy::new([]));
    for service in [&mut service, &mut clone] {
        let response = call(service, request("/")).await.unwrap();
        assert_eq!(Rejection::of(&response), Some(&Rejection::NoRoute));
    }
}

#[tokio::test]
async fn the_error_is_the_destination_s() {
    #[derive(Debug, PartialEq)]
    struct Mine;

    let fails = tower::service_fn(|_: Request<()>| async { Err::<Response<Script>, _>(Mine) });
    let mut split = TrafficSplit::new(v2_by_path(), [(v1(), fails)]);
    assert_eq!(call(&mut split, request("/")).await.err(), Some(Mine));
    let mut routed = TrafficSplitLayer::new(v2_by_path()).layer(fails);
    assert_eq!(call(&mut routed, request("/")).await.err(), Some(Mine));
}

#[tokio::test]
async fn a_destination_that_fails_to_get_ready_fails_its_own_call() {
    let (mut split, mut one, _two) = two();
    one.send_error(io::Error::from(io::ErrorKind::ConnectionRefused));
    let error = call(&mut split, request("/")).await.unwrap_err();
    assert!(error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn bodies_go_through_with_size_and_trailers() {
    let trailers = HeaderMap::from_iter([("a".parse().unwrap(), HeaderValue::from_static("b"))]);
    let body = || Script::default().data("hello").trailers(trailers.clone());
    let upstream = Upstream::new()
        .then_response(Response::new(body()))
        .then_response(Response::new(Script::default().fail()));
    let mut service = TrafficSplitLayer::new(v2_by_path()).layer(upstream);
    let response = call(&mut service, request("/")).await.unwrap();
    assert_eq!(response.body().size_hint().exact(), Some(5));
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers(), Some(&trailers));
    assert_eq!(collected.to_bytes(), Bytes::from("hello"));
    let response = call(&mut service, request("/")).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
}

#[tokio::test]
async fn observers_hear_of_requests_that_nothing_is_for() {
    let events = Events::default();
    let nothing = TrafficSplitPolicy::new([]);
    let layer = TrafficSplitLayer::with_observer(nothing, events.observer());
    call(&mut layer.layer(Upstream::new()), request("/"))
        .await
        .unwrap();
    let nobody: [(Destination, Upstream); 0] = [];
    let mut split = TrafficSplit::with_observer(v2_by_path(), nobody, events.observer());
    call(&mut split, request("/")).await.unwrap();
    let rejected = [Rejection::NoRoute, Rejection::UnknownDestination].map(EventKind::Rejected);
    assert_eq!(events.all(), rejected);
}

#[tokio::test]
async fn both_go_straight_into_axum() {
    use axum::Router;
    use axum::body::Body;
    use axum::extract::Request;
    use axum::routing::get;

    let who = async |request: Request| Destination::of(&request).unwrap().to_string();
    let app: Router = Router::new()
        .route("/v2", get(who))
        .route("/v1", get(who))
        .layer(TrafficSplitLayer::new(v2_by_path()));
    let get = |uri: &str| Request::get(uri).body(Body::empty()).unwrap();
    let response = app.clone().oneshot(get("/v2")).await.unwrap();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "waste|v2|");

    let services = [v1(), v2()].map(|to| {
        let name = to.to_string();
        let app: Router = Router::new().fallback(async move || name);
        (to, app)
    });
    let split: TrafficSplit<Router> = TrafficSplit::new(v2_by_path(), services);
    let app: Router = Router::new().fallback_service(split);
    let response: Result<_, Infallible> = app.oneshot(get("/v1")).await;
    let body = response
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    assert_eq!(body, "waste|v1|");
}
