//! Redirects are followed above the stack, so that each hop is routed, limited and counted.

use std::error::Error as _;

use ::axum::Router;
use ::axum::body::Bytes;
use ::axum::extract::State;
use ::axum::response::Redirect;
use ::axum::routing::{any, get};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::Full;
use meshless::client::{Body, Client, Error, Transport};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use tower::{Layer, ServiceBuilder};

use crate::support::{Server, transport};

/// Says what arrived, where redirects end.
async fn end(method: Method, headers: HeaderMap, body: Bytes) -> String {
    let header = |name| {
        headers
            .get(name)
            .map_or("-", |value| value.to_str().unwrap())
    };
    format!(
        "{method} {} {} {}",
        header(header::AUTHORIZATION),
        header(header::REFERER),
        String::from_utf8_lossy(&body),
    )
}

async fn server() -> Server {
    let router = Router::new()
        .route("/end", any(end))
        .route(
            "/302",
            any(|| async { (StatusCode::FOUND, [(header::LOCATION, "end")]) }),
        )
        .route("/307", any(|| async { Redirect::temporary("/end") }))
        .route("/loop", get(|| async { Redirect::to("/loop") }))
        .route("/twice", get(|| async { Redirect::to("/302") }));
    Server::axum(router).await
}

#[tokio::test]
async fn a_redirect_is_followed_through_the_whole_stack() {
    let server = server().await;
    // One at a time: what the first hop holds must be given back before the next one asks.
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let hops = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&hops);
    let stack = ServiceBuilder::new()
        .map_request(move |request: http::Request<Body>| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            request
        })
        .layer(limit)
        .service(transport());
    let client = Client::new(stack);

    let response = client.get(server.url("/twice")).send().await.unwrap();
    assert_eq!(response.url().as_str(), server.url("/end"));
    let referer = server.url("/302");
    assert_eq!(response.text().await.unwrap(), format!("GET - {referer} "));
    assert_eq!(hops.load(std::sync::atomic::Ordering::Relaxed), 3);

    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn a_body_goes_along_if_the_status_asks_for_it_and_it_can_be_sent_again() {
    let server = server().await;
    let client = Client::new(transport());
    let post = |path| client.post(server.url(path)).bearer_auth("x");

    let found = post("/302")
        .body("data")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(found, format!("GET Bearer x {} ", server.url("/302")));

    let kept = post("/307")
        .body("data")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert_eq!(kept, format!("POST Bearer x {} data", server.url("/307")));

    let stream = Body::wrap(Full::new(Bytes::from("data")));
    let response = post("/307").body(stream).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TEMPORARY_REDIRECT);
    assert_eq!(response.url().as_str(), server.url("/307"));
    server.stop().await;
}

#[tokio::test]
async fn credentials_are_not_shown_to_another_host() {
    async fn elsewhere(State(to): State<String>) -> Redirect {
        Redirect::to(&to)
    }
    let end = server().await;
    let router = Router::new()
        .route("/", get(elsewhere))
        .with_state(end.url("/end"));
    let start = Server::axum(router).await;
    let client = Client::new(transport());
    let response = client
        .get(start.url("/"))
        .bearer_auth("x")
        .send()
        .await
        .unwrap();
    assert_eq!(response.url().as_str(), end.url("/end"));
    assert_eq!(
        response.text().await.unwrap(),
        format!("GET - {} ", start.url("/"))
    );
    start.stop().await;
    end.stop().await;
}

#[tokio::test]
async fn a_loop_ends_with_an_error() {
    let server = server().await;
    let client = Client::new(transport());
    let error = client.get(server.url("/loop")).send().await.unwrap_err();
    assert!(matches!(error, Error::Redirect { .. }), "{error:?}");
    assert_eq!(
        error.source().unwrap().to_string(),
        "more than 10 redirects"
    );
    assert_eq!(error.url().unwrap().as_str(), server.url("/loop"));

    let response = client
        .with_redirects(0)
        .get(server.url("/loop"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    server.stop().await;
}

#[tokio::test]
async fn a_finished_client_that_redirects_by_itself_tells_where_it_ended() {
    let server = server().await;
    let reqwest = reqwest::Client::builder().no_proxy().build().unwrap();
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(1));
    let client = Client::new(limit.layer(Transport::new(reqwest)));
    let response = client.get(server.url("/twice")).send().await.unwrap();
    assert_eq!(response.url().as_str(), server.url("/end"));
    drop(client);
    server.stop().await;
}
