//! `client::Client` keeps reqwest's ways over any stack.

use std::error::Error as _;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::axum::Router;
use ::axum::extract::Request;
use ::axum::http::header;
use ::axum::response::IntoResponse;
use ::axum::routing::{any, get, put};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy, RunError};
use meshless::client::{Body, BoxHttpService, Client, Error};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use meshless::{Failure, Rejection};
use serde_json::{Value, json};
use tower::{Layer, ServiceBuilder, ServiceExt};

use crate::faults::{Fault, Faulty, Protocol};
use crate::support::{Server, transport};

fn client() -> Client {
    Client::new(transport())
}

/// Says what arrived.
async fn echo(request: Request) -> ::axum::Json<Value> {
    let (head, body) = request.into_parts();
    let mut headers = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect::<Vec<_>>();
    headers.sort();
    let body = body.collect().await.unwrap().to_bytes();
    ::axum::Json(json!({
        "request": format!("{} {} {:?}", head.method, head.uri, head.version),
        "headers": headers,
        "body": String::from_utf8(body.to_vec()).unwrap(),
    }))
}

async fn echo_server() -> Server {
    Server::axum(Router::new().fallback(any(echo))).await
}

#[tokio::test]
async fn requests_arrive_as_reqwest_sends_them() {
    let server = echo_server().await;
    let own = client();
    let theirs = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = server.url("/a?x=1");
    let with_user = url.replace("http://", "http://me:p%40ss@");

    let pairs = [
        (own.get(&url), theirs.get(&url)),
        (own.head(&url), theirs.head(&url)),
        (own.delete(&url), theirs.delete(&url)),
        (own.post(&url), theirs.post(&url)),
        (own.put(&url).body("text"), theirs.put(&url).body("text")),
        (
            own.patch(&url).header("x-a", "1").header("x-a", "2"),
            theirs.patch(&url).header("x-a", "1").header("x-a", "2"),
        ),
        (
            own.get(&url).bearer_auth("token"),
            theirs.get(&url).bearer_auth("token"),
        ),
        (
            own.get(&url).basic_auth("me", Some("secret")),
            theirs.get(&url).basic_auth("me", Some("secret")),
        ),
        (own.get(&with_user), theirs.get(&with_user)),
        (
            own.post(&url)
                .body(Body::wrap(Full::new(Bytes::from("whole")))),
            theirs.post(&url).body("whole"),
        ),
    ];
    for (own, theirs) in pairs {
        let own = own.send().await.unwrap();
        let theirs = theirs.send().await.unwrap();
        assert_eq!(own.url(), theirs.url());
        assert_eq!(own.status(), theirs.status());
        assert_eq!(own.content_length(), theirs.content_length());
        assert_eq!(own.text().await.unwrap(), theirs.text().await.unwrap());
    }
    server.stop().await;
}

#[tokio::test]
async fn json_forms_and_queries_are_written_for_the_caller() {
    let server = echo_server().await;
    let client = client();

    let response = client
        .post(server.url("/a?x=1"))
        .query(&[("y", "2 3")])
        .json(&json!({"k": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.url().as_str(), server.url("/a?x=1&y=2+3"));
    let seen: Value = response.json().await.unwrap();
    assert_eq!(seen["request"], "POST /a?x=1&y=2+3 HTTP/1.1");
    assert_eq!(seen["body"], r#"{"k":1}"#);
    let headers = seen["headers"].to_string();
    assert!(
        headers.contains("content-type: application/json"),
        "{headers}"
    );
    assert!(headers.contains("content-length: 7"), "{headers}");

    let form = client.post(server.url("/")).form(&[("a", "b c")]);
    let seen: Value = form.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["body"], "a=b+c");
    server.stop().await;
}

#[tokio::test]
async fn a_body_of_unknown_length_is_streamed() {
    let server = echo_server().await;
    let frames =
        ["one ", "two"].map(|part| Ok::<_, io::Error>(http_body::Frame::data(part.into())));
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let request = client().post(server.url("/")).body(Body::wrap(body));
    let seen: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["body"], "one two");
    let headers = seen["headers"].to_string();
    assert!(headers.contains("transfer-encoding: chunked"), "{headers}");
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_by_send() {
    let client = client();
    for request in [
        client.get("not a url"),
        client.get("http://host/").header("bad name", "x"),
        client.get("http://host/").header("x", "bad\nvalue"),
    ] {
        let error = request.send().await.unwrap_err();
        assert!(matches!(error, Error::Builder { .. }), "{error:?}");
        assert!(error.source().is_some());
    }
    let relative = http::Request::get("/path").body(Body::empty()).unwrap();
    assert!(matches!(
        client.execute(relative).await,
        Err(Error::Builder { .. })
    ));
}

#[tokio::test]
async fn a_response_is_read_in_pieces_with_its_trailers() {
    async fn answer() -> impl IntoResponse {
        let trailers = HeaderMap::from_iter([("x-end".parse().unwrap(), HeaderValue::from(7))]);
        let frames = [
            Ok::<_, io::Error>(http_body::Frame::data(Bytes::from("one "))),
            Ok(http_body::Frame::data(Bytes::from("two"))),
            Ok(http_body::Frame::trailers(trailers)),
        ];
        let body = StreamBody::new(futures_util::stream::iter(frames));
        ([(header::TRAILER, "x-end")], ::axum::body::Body::new(body))
    }
    let server = Server::axum(Router::new().route("/", get(answer))).await;
    let client = client();
    let get = || {
        client
            .get(server.url("/"))
            .header(header::TE, "trailers")
            .send()
    };

    let collected = get().await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-end"], "7");
    assert_eq!(collected.to_bytes(), "one two");

    let mut response = get().await.unwrap();
    let mut read = Vec::new();
    while let Some(chunk) = response.chunk().await.unwrap() {
        read.extend(chunk);
    }
    assert_eq!(read, b"one two");

    let chunks: Vec<_> =
        futures_util::StreamExt::collect(get().await.unwrap().bytes_stream()).await;
    let read: Vec<_> = chunks.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(read, b"one two");
    server.stop().await;
}

#[tokio::test]
async fn a_refusal_on_this_side_is_an_error_with_its_reason() {
    async fn hang() {
        std::future::pending::<()>().await;
    }
    let server = Server::axum(Router::new().route("/", get(hang))).await;
    let limit = TimeoutLayer::new(TimeoutPolicy::total(Duration::from_millis(50)));
    let client = Client::new(limit.layer(transport()));

    let error = client.get(server.url("/")).send().await.unwrap_err();
    let expected = Rejection::TimedOut(Duration::from_millis(50));
    assert_eq!(error.rejection(), Some(expected));
    assert_eq!(error.status(), Some(StatusCode::GATEWAY_TIMEOUT));
    assert_eq!(error.url().unwrap().as_str(), server.url("/"));
    assert!(error.is_rejected() && error.is_timeout() && !error.is_connect());
    let url = server.url("/");
    assert_eq!(
        error.to_string(),
        format!("timed out after 50ms calling {url}")
    );
    assert_eq!(
        error.source().unwrap().to_string(),
        "no response within 50ms"
    );
    assert_eq!(
        error.without_url().to_string(),
        "timed out after 50ms calling the server"
    );

    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_retry_inside_a_client_sends_the_body_again_and_the_caller_sees_one_answer() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let flaky = async move |body: String| {
        if count.fetch_add(1, Ordering::Relaxed) == 0 {
            (StatusCode::SERVICE_UNAVAILABLE, String::new())
        } else {
            (StatusCode::OK, body)
        }
    };
    let server = Server::axum(Router::new().route("/", put(flaky))).await;
    let policy = RetryPolicy::new(1)
        .with_retry_on(RetryOn::parse("5xx").unwrap())
        .with_backoff(Backoff::exponential(Duration::from_millis(1)));
    let stack = ServiceBuilder::new()
        .layer(TimeoutLayer::new(TimeoutPolicy::total(
            Duration::from_secs(5),
        )))
        .layer(RetryLayer::new(policy))
        .service(transport());
    let client = Client::new(stack);
    let response = client
        .put(server.url("/"))
        .body("data")
        .send()
        .await
        .unwrap();
    assert_eq!(response.text().await.unwrap(), "data");
    assert_eq!(calls.load(Ordering::Relaxed), 2);
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_breaker_around_any_work_understands_the_clients_errors() {
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let _full = limit.try_acquire().unwrap();
    let client = Client::new(limit.layer(transport()));
    let breaker = CircuitBreakerLayer::new(CircuitBreakerPolicy::default());
    for _ in 0..9 {
        // It was refused here, so that it says nothing about the upstream.
        let refused = breaker
            .run(|| client.get("http://127.0.0.1:9/").send())
            .await;
        assert!(
            matches!(refused, Err(RunError::Inner(Error::Rejected { .. }))),
            "{refused:?}"
        );
    }
    assert_eq!(breaker.consecutive_failures(), 0);

    let server = Server::axum(Router::new().route("/", get(StatusCode::BAD_GATEWAY))).await;
    let client = self::client();
    let url = server.url("/");
    let work = async || client.get(&url).send().await?.error_for_status();
    for _ in 0..5 {
        assert!(breaker.run(work).await.is_err());
    }
    let open = breaker.run(work).await;
    assert!(matches!(open, Err(RunError::Rejected(_))), "{open:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_failure_tells_its_cause_to_the_very_first() {
    let faulty = Faulty::start(Fault::Refused, Protocol::Http1).await;
    let error = client().get(faulty.uri()).send().await.unwrap_err();
    assert_eq!(error.failure(), Some(Failure::Connect));
    assert!(error.is_connect() && !error.is_timeout() && !error.is_rejected());
    let chain = std::iter::successors(error.source(), |&error| error.source());
    let first = chain.last().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(first.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(
        error.to_string(),
        format!("no response from {}", faulty.uri())
    );
    assert_eq!(Failure::of(&error), Failure::Connect);
    faulty.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let faulty = Faulty::start(Fault::BodyBreaksOff, Protocol::Http1).await;
    let client = client();
    let error = client.get(faulty.uri()).send().await.unwrap().text().await;
    assert!(matches!(error, Err(Error::Body { .. })), "{error:?}");

    let mut response = client.get(faulty.uri()).send().await.unwrap();
    assert_eq!(response.chunk().await.unwrap().unwrap(), "hello");
    let error = response.chunk().await.unwrap_err();
    assert_eq!(error.failure(), Some(Failure::Body));
    faulty.stop().await;
}

#[tokio::test]
async fn a_status_is_an_error_only_if_asked_for() {
    let server = Server::axum(Router::new()).await;
    let client = client();
    let response = client.get(server.url("/nowhere")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    let error = response.error_for_status().unwrap_err();
    assert_eq!(error.status(), Some(StatusCode::NOT_FOUND));
    let expected = format!("{} answered 404 Not Found", server.url("/nowhere"));
    assert_eq!(error.to_string(), expected);
    server.stop().await;
}

#[tokio::test]
async fn a_service_that_is_not_ready_is_driven_ready() {
    let server = echo_server().await;
    // Both panic or fail if they are called by a clone that was not polled ready.
    let stack = ServiceBuilder::new()
        .concurrency_limit(1)
        .buffer(1)
        .service(transport());
    let client = Client::new(stack);
    let calls = (0..8).map(|_| client.get(server.url("/")).send());
    for response in futures_util::future::join_all(calls).await {
        assert_eq!(response.unwrap().status(), StatusCode::OK);
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_boxed_client_has_a_short_type_and_the_same_answers() {
    struct Users {
        client: Client<BoxHttpService>,
    }
    let server = echo_server().await;
    let layer = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let users = Users {
        client: Client::new(layer.layer(transport())).boxed(),
    };
    let response = users.client.get(server.url("/")).send().await.unwrap();
    assert_eq!(layer.in_flight(), 1);
    let refused = users.client.get(server.url("/")).send().await.unwrap_err();
    assert!(refused.is_rejected());
    assert!(response.text().await.unwrap().contains("GET / HTTP/1.1"));
    assert_eq!(layer.in_flight(), 0);
    server.stop().await;
}

#[tokio::test]
async fn reqwest_finds_the_final_url_in_a_response_of_the_transport() {
    let server = echo_server().await;
    let request = http::Request::get(server.url("/a")).body(Body::empty());
    let response = transport().oneshot(request.unwrap()).await.unwrap();
    let response = reqwest::Response::from(response.map(reqwest::Body::wrap));
    assert_eq!(response.url().as_str(), server.url("/a"));
    server.stop().await;
}

#[tokio::test]
async fn requests_and_responses_convert_to_those_of_reqwest() {
    let server = echo_server().await;
    let theirs = reqwest::Client::new().put(server.url("/a")).body("text");
    let request = http::Request::try_from(theirs.build().unwrap()).unwrap();
    let response = client().execute(request).await.unwrap();
    let response = reqwest::Response::from(response);
    assert_eq!(response.url().as_str(), server.url("/a"));
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.text().await.unwrap().contains("PUT /a HTTP/1.1"));
    server.stop().await;
}

#[tokio::test]
async fn a_request_is_copied_unless_its_body_is_a_stream() {
    let server = echo_server().await;
    let client = client();
    let request = client.put(server.url("/a")).header("x-a", "1").body("text");
    let copy = request.try_clone().unwrap();
    let texts = [request, copy].map(|request| async {
        let response = request.send().await.unwrap();
        response.text().await.unwrap()
    });
    let [first, second] = futures_util::future::join_all(texts)
        .await
        .try_into()
        .unwrap();
    assert!(first.contains("x-a: 1"), "{first}");
    assert_eq!(first, second);
    let frames = futures_util::stream::empty::<io::Result<http_body::Frame<Bytes>>>();
    let stream = StreamBody::new(frames);
    let request = client.put(server.url("/a")).body(Body::wrap(stream));
    assert!(request.try_clone().is_none());
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_transport_refuses_what_has_no_host() {
    let request = http::Request::new(http_body_util::Empty::<Bytes>::new());
    let error = transport().oneshot(request).await.unwrap_err();
    assert!(error.downcast_ref::<reqwest::Error>().unwrap().is_builder());
}
