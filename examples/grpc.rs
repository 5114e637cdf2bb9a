//! A tonic client and server, with layers on both sides: `cargo run --example grpc --features tonic`.

use meshless::grpc::{RejectionInfo, Transport};
use meshless::rate_limit::{ClientAddress, Key, RateLimitPolicy};
use meshless::{inbound, outbound};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Endpoint, Server};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tower::Layer;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let per_client =
        RateLimitPolicy::per_minute(2).with_key(Key::client_address(ClientAddress::peer()));
    let server = inbound().with_rate_limit(per_client);
    let (_reporter, health) = tonic_health::server::health_reporter();
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = Server::builder()
        .layer(server.clone())
        .add_service(health)
        .serve_with_incoming(TcpListenerStream::new(listener));
    let serving = tokio::spawn(serving);

    // The timeout of 15 s, the retries and the circuit breaker are defaults.
    let channel = Endpoint::from_shared(format!("http://{address}"))?.connect_lazy();
    let mut client = HealthClient::new(outbound().layer(Transport::new(channel)));
    for call in 1..=2 {
        let response = client.check(HealthCheckRequest::default()).await?;
        println!("call {call}: {:?}", response.into_inner().status());
    }
    let Err(status) = client.check(HealthCheckRequest::default()).await else {
        return Err("the limit is 2 a minute".into());
    };
    let info = RejectionInfo::of(&status).ok_or("the status has no details")?;
    println!(
        "call 3: {:?}, {} by {}; retry after {:?}",
        status.code(),
        info.reason(),
        info.policy(),
        info.retry_after()
    );
    assert_eq!(info.policy(), "rate_limit");
    assert_eq!(server.rate_limit().stats().unknown_address, 0);
    serving.abort();
    Ok(())
}
