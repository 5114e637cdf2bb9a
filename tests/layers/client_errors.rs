//! The message of a client's error says what happened, to which call, after how many attempts.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use meshless::circuit_breaker::CircuitBreakerPolicy;
use meshless::client::{Body, Client, Error, HttpService};
use meshless::mesh::Outbound;
use meshless::retry::{Backoff, ReplayBody, RetryOn, RetryPolicy};
use meshless::timeout::TimeoutPolicy;
use tower::{Layer, service_fn};

/// Becomes of an attempt.
#[derive(Clone, Copy)]
enum Act {
    Fail,
    Hang,
    Refuse,
}

/// Returns a client of an upstream that does this to the attempts, and the last of it to all others.
fn client(outbound: &Outbound, acts: &'static [Act]) -> Client<impl HttpService + use<>> {
    let count = Arc::new(AtomicUsize::new(0));
    let upstream = service_fn(move |request: Request<ReplayBody<Body>>| {
        drop(request);
        let at = count.fetch_add(1, Ordering::Relaxed).min(acts.len() - 1);
        async move {
            match acts[at] {
                Act::Fail => {
                    let mut response = Response::new(Full::<Bytes>::default());
                    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                    Ok(response)
                }
                Act::Hang => std::future::pending().await,
                Act::Refuse => Err(io::Error::from(io::ErrorKind::ConnectionRefused)),
            }
        }
    });
    Client::new(outbound.layer(upstream))
}

fn outbound() -> Outbound {
    let retry = RetryPolicy::new(3)
        .with_backoff(Backoff::constant(Duration::from_millis(10)))
        .with_retry_on(RetryOn::parse("5xx,connect-failure").unwrap());
    meshless::outbound()
        .with_retry(retry)
        .with_timeout(TimeoutPolicy::total(Duration::from_millis(500)))
}

async fn error(client: &Client<impl HttpService>) -> Error {
    client.get("http://users/v1").send().await.err().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_timed_out_says_when_and_after_how_many_attempts() {
    let client_of_four = client(&outbound(), &[Act::Fail, Act::Fail, Act::Fail, Act::Hang]);
    let timed_out = error(&client_of_four).await;
    assert_eq!(
        timed_out.to_string(),
        "timed out after 500ms calling http://users/v1 (4 attempts)"
    );
    assert_eq!(
        timed_out.without_url().to_string(),
        "timed out after 500ms calling the server (4 attempts)"
    );
    let once = error(&client(&outbound(), &[Act::Hang])).await.to_string();
    assert_eq!(once, "timed out after 500ms calling http://users/v1");

    let per_try = outbound().with_retry(
        RetryPolicy::new(1)
            .with_per_try_timeout(Duration::from_millis(100))
            .with_backoff(Backoff::constant(Duration::from_millis(10)))
            .with_retry_on(RetryOn::parse("reset").unwrap()),
    );
    let twice = error(&client(&per_try, &[Act::Hang])).await.to_string();
    assert_eq!(
        twice,
        "timed out after 100ms calling http://users/v1 (2 attempts)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_response_and_one_that_is_rejected_say_so() {
    let refused = error(&client(&outbound(), &[Act::Refuse])).await;
    assert!(matches!(refused, Error::Send { attempts: 4, .. }));
    let text = refused.to_string();
    assert_eq!(text, "no response from http://users/v1 (4 attempts)");

    let outbound = outbound();
    outbound.circuit_breaker().force_open();
    let rejected = error(&client(&outbound, &[Act::Refuse])).await.to_string();
    assert!(
        rejected.starts_with("rejected calling http://users/v1: circuit breaker open: "),
        "{rejected}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_another_call_are_not_counted() {
    // The failures of both calls together would open it.
    let outbound = outbound().with_circuit_breaker(CircuitBreakerPolicy::off());
    let retried = client(&outbound, &[Act::Refuse]);
    assert!(matches!(
        error(&retried).await,
        Error::Send { attempts: 4, .. }
    ));
    let upstream = service_fn(|_: Request<Body>| {
        std::future::ready(Err::<Response<Full<Bytes>>, _>(io::Error::from(
            io::ErrorKind::ConnectionRefused,
        )))
    });
    let plain = Client::new(upstream);
    let (one, other) = tokio::join!(error(&retried), error(&plain));
    assert!(matches!(one, Error::Send { attempts: 4, .. }), "{one:?}");
    assert!(matches!(other, Error::Send { attempts: 0, .. }));
}
