//! Balances requests over endpoints and ejects the one that fails: `cargo run --example load_balance`.

use std::convert::Infallible;

use http::{Request, Response, StatusCode};
use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
use meshless::outlier_detection::{OutlierDetectionPolicy, OutlierDetector};
use meshless::{Endpoint, Endpoints};
use tower::{ServiceBuilder, ServiceExt};

/// A client whose second endpoint fails.
async fn client(request: Request<String>) -> Result<Response<String>, Infallible> {
    let mut response = Response::new(String::new());
    if request.uri().host() == Some("10.0.0.2") {
        *response.status_mut() = StatusCode::BAD_GATEWAY;
    }
    println!("{}: {}", request.uri(), response.status());
    Ok(response)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let failing = Endpoint::try_from("10.0.0.2:80")?;
    let others = ["10.0.0.1:80", "10.0.0.3:80"].map(Endpoint::try_from);
    let [first, third] = others;
    let users = Endpoints::fixed([first?, failing.clone(), third?]);

    let policy = OutlierDetectionPolicy::default().with_consecutive_5xx(2);
    let detector = OutlierDetector::new(policy, users.clone());
    let balance = LoadBalanceLayer::new(LoadBalancePolicy::round_robin(), users.clone())
        .with_endpoint_observer(detector.clone());
    let service = ServiceBuilder::new().layer(balance).service_fn(client);

    let mut failed = 0;
    for _ in 0..12 {
        let request = Request::get("http://users/").body(String::new())?;
        let response = service.clone().oneshot(request).await?;
        failed += u32::from(response.status().is_server_error());
    }
    println!("{failed} of 12 requests failed, {:?}", detector.stats());
    assert!(users.is_ejected(&failing));
    assert_eq!(failed, 2);
    Ok(())
}
