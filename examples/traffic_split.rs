//! Sends a share of the requests to a canary: `cargo run --example traffic_split`.

use std::convert::Infallible;

use http::{HeaderName, Request, Response};
use http_body_util::BodyExt;
use meshless::traffic_split::{
    Destination, HeaderMatch, Match, Route, StringMatch, TrafficSplitLayer, TrafficSplitPolicy,
};
use tower::{ServiceBuilder, ServiceExt};

/// A client that answers with the host to which it would send the request.
async fn client(request: Request<String>) -> Result<Response<String>, Infallible> {
    let host = request.uri().host().unwrap_or_default();
    Ok(Response::new(host.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (v1, v2) = (Destination::new("waste-v1"), Destination::new("waste-v2"));
    let version = HeaderName::from_static("version");
    let testers = Match::default().with_header(HeaderMatch::new(version, StringMatch::exact("v2")));
    let split = TrafficSplitLayer::new(TrafficSplitPolicy::new([
        Route::to(v2.clone()).with_match(testers),
        Route::split([(v1, 90), (v2, 10)])?.with_name("canary"),
    ]));
    let service = ServiceBuilder::new()
        .layer(split.clone())
        .service_fn(client);

    for (version, weights, at_least) in [
        ("", [90, 10], 50),
        ("v2", [90, 10], 1_000),
        ("", [0, 100], 1_000),
    ] {
        split.set_weights("canary", weights)?;
        let mut canary = 0;
        for _ in 0..1_000 {
            let request = Request::get("http://waste/").header("version", version);
            let host = service
                .clone()
                .oneshot(request.body(String::new())?)
                .await?;
            canary += u32::from(host.into_body().collect().await?.to_bytes() == "waste-v2");
        }
        println!("weights {weights:?}, header `{version}`: {canary} of 1000 requests go to v2");
        assert!(canary >= at_least);
    }
    Ok(())
}
