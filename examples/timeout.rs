//! Ends calls that take too long, and tells handlers how long their caller waits:
//! `cargo run --example timeout`.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use meshless::Deadline;
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower::{ServiceBuilder, ServiceExt};

/// A handler that takes as long as the request says.
async fn handler(request: Request<Duration>) -> Result<Response<String>, Infallible> {
    let left = Deadline::current().map(Deadline::remaining);
    println!("the caller waits for {left:?}");
    tokio::time::sleep(*request.body()).await;
    Ok(Response::new("done".to_owned()))
}

// The clock is paused so that the waits of this example take no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = TimeoutPolicy::total(Duration::from_secs(5));
    let service = ServiceBuilder::new().layer(TimeoutLayer::new(policy));
    let service = service.service_fn(handler);

    let mut statuses = Vec::new();
    // The last caller has less time than the policy, and says so.
    for (seconds, expected) in [(1, "5000"), (9, "5000"), (4, "3000")] {
        let request = Request::get("/").header("x-envoy-expected-rq-timeout-ms", expected);
        let request = request.body(Duration::from_secs(seconds))?;
        let status = service.clone().oneshot(request).await?.status();
        println!("{seconds} s of work: {status}");
        statuses.push(status.as_u16());
    }
    assert_eq!(statuses, [200, 504, 504]);
    Ok(())
}
