//! Calls a service that fails now and then: `cargo run --example client --features full`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::client::{Client, Error, Transport};
use meshless::retry::{RetryOn, RetryPolicy};
use meshless::timeout::TimeoutPolicy;
use tokio::net::TcpListener;
use tower::Layer;

/// Stand-in for the service: 503 to the first request, and an error in a route.
fn service(calls: Arc<AtomicU32>) -> Router {
    let names = async move || match calls.fetch_add(1, Ordering::Relaxed) {
        0 => (StatusCode::SERVICE_UNAVAILABLE, ""),
        _ => (StatusCode::OK, r#"["Ann", "Ben"]"#),
    };
    let broken = async || StatusCode::INTERNAL_SERVER_ERROR;
    Router::new()
        .route("/names", get(names))
        .route("/broken", get(broken))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let users = format!("http://{}", listener.local_addr()?);
    let calls = Arc::new(AtomicU32::new(0));
    let server = axum::serve(listener, service(Arc::clone(&calls)));
    let server = tokio::spawn(server.into_future());

    let stack = meshless::outbound()
        .with_timeout(TimeoutPolicy::total(Duration::from_secs(5)))
        // 502, 503 and 504; a 500 may come back each time.
        .with_retry(RetryPolicy::new(2).with_retry_on(RetryOn::parse("gateway-error")?))
        .with_circuit_breaker(CircuitBreakerPolicy::default().with_consecutive_failures(3));
    let transport = Transport::build(reqwest::Client::builder().no_proxy())?;
    let client = Client::new(stack.layer(transport));

    // The first attempt gets 503, and the retry the names.
    let response = client.get(format!("{users}/names")).send().await?;
    let names: Vec<String> = response.error_for_status()?.json().await?;
    println!("{names:?}, {} calls", calls.load(Ordering::Relaxed));
    assert_eq!((names.len(), calls.load(Ordering::Relaxed)), (2, 2));

    // Three failures in a row open the circuit: the fourth call does not leave the process.
    for _ in 0..3 {
        let response = client.get(format!("{users}/broken")).send().await?;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        response.text().await?;
    }
    match client.get(format!("{users}/names")).send().await {
        Err(Error::Rejected { rejection, .. }) => {
            println!("{rejection}; retry after {:?}", rejection.retry_after());
            assert_eq!(rejection.policy(), "circuit_breaker");
        }
        other => panic!("the circuit is closed: {other:?}"),
    }
    server.abort();
    Ok(())
}
