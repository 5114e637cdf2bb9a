//! Stops calls to an upstream that fails: `cargo run --example circuit_breaker`.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
use tower::{ServiceBuilder, ServiceExt};

/// An upstream that fails on one path.
async fn upstream(request: Request<String>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    if request.uri().path() == "/broken" {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    Ok(response)
}

// The clock is paused so that the waits of this example take no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = CircuitBreakerPolicy::default()
        .with_consecutive_failures(3)
        .with_open_for(Duration::from_secs(10));
    let breaker = CircuitBreakerLayer::new(policy);
    let service = ServiceBuilder::new().layer(breaker.clone());
    let service = service.service_fn(upstream);

    let mut statuses = Vec::new();
    for path in ["/broken", "/broken", "/broken", "/fine", "/fine"] {
        if statuses.len() == 4 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            println!("15 seconds later");
        }
        let request = Request::get(path).body(String::new())?;
        let status = service.clone().oneshot(request).await?.status();
        println!("{path}: {status}, circuit {:?}", breaker.state());
        statuses.push(status.as_u16());
    }
    assert_eq!(statuses, [500, 500, 500, 503, 200]);
    Ok(())
}
