//! Generated clients of tonic and tonic's server, over sockets.

use ::tonic::transport::{Channel, Endpoint};
use ::tonic::{Code, Status};
use meshless::Mesh;
use meshless::grpc::Transport;
use tokio_stream::wrappers::TcpListenerStream;
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::support::Server;

#[path = "../../examples/grpc.rs"]
mod example;

#[test]
fn the_example_does_as_it_says() {
    example::main().unwrap();
}

/// A health service that knows only this name.
async fn serve(name: &'static str) -> Server {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter
        .set_service_status(name, ServingStatus::Serving)
        .await;
    Server::run(move |listener, stopped| async move {
        ::tonic::transport::Server::builder()
            .add_service(health)
            .serve_with_incoming_shutdown(TcpListenerStream::new(listener), stopped)
            .await
            .unwrap();
    })
    .await
}

fn mesh(servers: &[Server]) -> Mesh {
    let endpoints: Vec<_> = servers
        .iter()
        .map(|server| {
            format!(
                "{{address: 127.0.0.1, ports: {{grpc: {}}}}}",
                server.address().port()
            )
        })
        .collect();
    let documents = format!(
        "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: health}}
spec:
  hosts: [health.test]
  ports: [{{number: 80, name: grpc, protocol: GRPC}}]
  resolution: STATIC
  endpoints: [{}]
",
        endpoints.join(", ")
    );
    Mesh::from_yaml(&documents).unwrap()
}

fn request(service: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: service.to_owned(),
    }
}

#[tokio::test]
async fn a_generated_client_calls_all_endpoints_of_a_mesh() {
    let servers = [serve("a").await, serve("b").await, serve("c").await];
    let workload = mesh(&servers).workload("w", "default");
    let make = || reqwest::Client::builder().no_proxy();
    let service = workload.service_with(make).unwrap();
    let origin = "http://health.test".parse().unwrap();
    let mut client = HealthClient::with_origin(service, origin);
    for name in ["a", "b", "c"] {
        let mut served = 0;
        for _ in 0..60 {
            match client.check(request(name)).await {
                Ok(_) => served += 1,
                Err(status) => assert_eq!(status.code(), Code::NotFound, "{status}"),
            }
        }
        assert!((1..60).contains(&served), "{name}: {served}");
    }
    drop(client);
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn one_channel_for_the_endpoints_of_a_mesh_is_an_error() {
    let servers = [serve("a").await, serve("b").await, serve("c").await];
    let channel: Channel = Endpoint::from_shared(servers[0].url(""))
        .unwrap()
        .connect_lazy();
    let workload = mesh(&servers).workload("w", "default");
    let origin = "http://health.test".parse().unwrap();
    let service = workload.outbound(Transport::new(channel));
    let mut client = HealthClient::with_origin(service, origin);
    let mut errors: Vec<Status> = Vec::new();
    for _ in 0..30 {
        errors.extend(client.check(request("a")).await.err());
    }
    assert!(!errors.is_empty());
    for status in &errors {
        assert_eq!(status.code(), Code::FailedPrecondition, "{status}");
    }
    drop(client);
    for server in servers {
        server.stop().await;
    }
}
