//! Aborts and delays a share of the requests, to test callers: `cargo run --example fault_injection`.

use std::convert::Infallible;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use meshless::fault_injection::{Abort, FaultInjectionLayer, FaultInjectionPolicy};
use meshless::{Percent, Rejection};
use tower::{ServiceBuilder, ServiceExt};

async fn upstream(_: Request<String>) -> Result<Response<String>, Infallible> {
    Ok(Response::new(String::new()))
}

// The clock is paused so that the delays of this example take no time.
#[tokio::main(flavor = "current_thread", start_paused = true)]
pub(crate) async fn main() -> Result<(), Infallible> {
    let policy = FaultInjectionPolicy::off()
        .with_delay(Percent::new(10), Duration::from_secs(3))
        .with_abort(
            Percent::new(20),
            Abort::Http(StatusCode::SERVICE_UNAVAILABLE),
        );
    // The seed makes each run the same.
    let faults = FaultInjectionLayer::with_seed(policy, 7);
    let service = ServiceBuilder::new().layer(faults.clone());
    let service = service.service_fn(upstream);

    let mut aborted = 0;
    for _ in 0..1_000 {
        let response = service.clone().oneshot(Request::new(String::new())).await?;
        let rejection = Rejection::of(&response);
        aborted += u64::from(rejection.is_some_and(|one| one.policy() == "fault_injection"));
    }
    println!("{aborted} of 1000 requests aborted; {:?}", faults.stats());
    assert!((150..250).contains(&aborted));

    faults.reconfigure(FaultInjectionPolicy::off());
    let response = service.oneshot(Request::new(String::new())).await?;
    println!("off: {}", response.status());
    assert_eq!(response.status(), StatusCode::OK);
    Ok(())
}
