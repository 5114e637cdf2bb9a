//! Copies requests to a new version, and does not wait for its responses: `cargo run --example mirror`.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use meshless::Percent;
use meshless::mirror::{CopyBody, MirrorLayer, MirrorPolicy};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// The current version reads the photo; the copy gets the frames that it reads.
async fn current<B: http_body::Body>(request: Request<B>) -> Result<Response<String>, Infallible> {
    drop(request.into_body().collect().await);
    Ok(Response::new("from the current version".to_owned()))
}

async fn new(_: Request<CopyBody>) -> Result<Response<String>, Infallible> {
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(Response::new("from the new version".to_owned()))
}

// The clock is paused so that the waits of this example take no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let policy = MirrorPolicy::new(Percent::new(100)).with_timeout(Duration::from_secs(5));
    let mirror = MirrorLayer::new(policy, service_fn(new));
    let service = ServiceBuilder::new().layer(mirror.clone());
    let service = service.service_fn(current);

    let request = Request::post("http://waste/").body("a photo".to_owned())?;
    let response = service.oneshot(request).await?;
    println!(
        "the caller gets a response {:?}",
        response.into_body().collect().await?.to_bytes()
    );
    assert_eq!(mirror.stats().in_flight, 1);

    tokio::time::sleep(Duration::from_secs(2)).await;
    let stats = mirror.stats();
    println!("{} of {} copies answered", stats.mirrored, stats.chosen);
    assert_eq!((stats.mirrored, stats.chosen), (1, 1));
    Ok(())
}
