//! Sends failed requests again, with a backoff: `cargo run --example retry`.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use meshless::retry::{Backoff, RetryLayer, RetryOn, RetryPolicy};
use tower::{ServiceBuilder, ServiceExt, service_fn};

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let attempts = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&attempts);
    // An upstream that serves every third request.
    let upstream = service_fn(move |_: Request<_>| {
        let attempt = counter.fetch_add(1, Ordering::Relaxed) + 1;
        let mut response = Response::new(Full::from("served"));
        if !attempt.is_multiple_of(3) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        println!("  attempt {attempt}: {}", response.status());
        async { Ok::<_, Infallible>(response) }
    });

    let policy = RetryPolicy::new(2)
        .with_retry_on(RetryOn::parse("5xx,reset,connect-failure")?)
        .with_backoff(Backoff::exponential(Duration::from_millis(5)));
    let service = ServiceBuilder::new().layer(RetryLayer::new(policy));
    let service = service.service(upstream);

    let mut statuses = Vec::new();
    // POST is not sent again: the upstream may have acted on it.
    for method in ["GET", "POST"] {
        let request = Request::builder().method(method);
        let request = request.body(Full::<bytes::Bytes>::default())?;
        let status = service.clone().oneshot(request).await?.status();
        println!("{method}: {status}");
        statuses.push(status.as_u16());
    }
    assert_eq!(
        (statuses, attempts.load(Ordering::Relaxed)),
        (vec![200, 503], 4)
    );
    Ok(())
}
