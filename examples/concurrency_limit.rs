//! Bounds the requests in flight and their queue: `cargo run --example concurrency_limit`.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use tower::{ServiceBuilder, ServiceExt};

async fn slow(_: Request<String>) -> Result<Response<String>, Infallible> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(Response::new(String::new()))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Infallible> {
    // One request at a time, and one that waits for it.
    let policy = ConcurrencyLimitPolicy::new(1).with_max_pending(1);
    let limit = ConcurrencyLimitLayer::new(policy);
    let service = ServiceBuilder::new().layer(limit.clone());
    let service = service.service_fn(slow);

    let call = |name: &'static str| {
        let (service, limit) = (service.clone(), limit.clone());
        async move {
            let status = service.oneshot(Request::new(name.into())).await?.status();
            println!("{name}: {status}, {} pending", limit.pending());
            Ok::<_, Infallible>(status.as_u16())
        }
    };
    let statuses = tokio::try_join!(call("first"), call("second"), call("third"))?;
    assert_eq!(statuses, (200, 200, 503));
    Ok(())
}
