//! Limits the requests of each caller: `cargo run --example rate_limit`.

use std::convert::Infallible;
use std::time::Duration;

use http::{HeaderName, Request, Response};
use meshless::Rejection;
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy};
use tower::{ServiceBuilder, ServiceExt};

async fn handler(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

// The clock is paused so that the wait of this example takes no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let user = HeaderName::from_static("x-user");
    let policy = RateLimitPolicy::per_minute(2).with_key(Key::header(user));
    let service = ServiceBuilder::new().layer(RateLimitLayer::new(policy));
    let service = service.service_fn(handler);

    let mut statuses = Vec::new();
    for user in ["ann", "ann", "ann", "bob", "ann"] {
        if statuses.len() == 4 {
            tokio::time::sleep(Duration::from_secs(60)).await;
            println!("a minute later");
        }
        let request = Request::get("/").header("x-user", user);
        let response = service
            .clone()
            .oneshot(request.body(String::new())?)
            .await?;
        let retry_after = Rejection::of(&response).and_then(|rejection| rejection.retry_after());
        println!("{user}: {}, retry after {retry_after:?}", response.status());
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 429, 200, 200]);
    Ok(())
}
