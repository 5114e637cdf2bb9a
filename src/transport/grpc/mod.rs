//! Clients and servers of tonic on stacks of layers.
//!
//! # A client
//!
//! A [`Transport`] is a tonic [`Channel`](tonic::transport::Channel) as the innermost service of a stack. A generated
//! client takes the stack in place of the channel; here that of gRPC's health service:
//!
//! ```no_run
//! use meshless::grpc::{RejectionInfo, Transport};
//! use meshless::outbound;
//! use tonic::transport::Endpoint;
//! use tonic_health::pb::HealthCheckRequest;
//! use tonic_health::pb::health_client::HealthClient;
//! use tower::Layer;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let channel = Endpoint::from_static("http://users:50051").connect_lazy();
//! let mut client = HealthClient::new(outbound().layer(Transport::new(channel)));
//!
//! match client.check(HealthCheckRequest::default()).await {
//!     Ok(response) => println!("{response:?}"),
//!     Err(status) => match RejectionInfo::of(&status) {
//!         Some(info) => println!("{} by {}; retry after {:?}", info.reason(), info.policy(), info.retry_after()),
//!         None => println!("{status}"),
//!     },
//! }
//! # Ok(())
//! # }
//! ```
//!
//! A call is retried if its status came in the head of the response and is one that the policy names: the default has
//! `UNAVAILABLE` and `CANCELLED`. Messages that were sent are kept for it, within the retry's limit.
//!
//! The total timeout of `outbound()` is 15 seconds, streams included. For long calls use
//! [`TimeoutPolicy::head`](crate::timeout::TimeoutPolicy::head) `with_idle` time, with which a stream ends after a silence,
//! and `with_outgoing(false)`, since a server takes `grpc-timeout` for the deadline of the whole stream.
//!
//! A channel is connected to one address. To balance over several, make one transport per endpoint:
//!
//! ```
//! use meshless::grpc::Transport;
//! use meshless::load_balance::{LoadBalance, LoadBalancePolicy};
//! use meshless::{Endpoint, Endpoints};
//! use tonic::transport::Channel;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let endpoints = Endpoints::fixed([
//!     Endpoint::try_from("10.0.0.1:50051")?,
//!     Endpoint::try_from("10.0.0.2:50051")?,
//! ]);
//! let users = LoadBalance::new(LoadBalancePolicy::default(), endpoints, |endpoint| {
//!     let uri = format!("http://{}", endpoint.address());
//!     let channel = Channel::from_shared(uri).expect("an endpoint is an authority");
//!     Transport::new(channel.connect_lazy())
//! });
//! # let _ = users;
//! # Ok(())
//! # }
//! ```
//!
//! In a mesh the documents name the endpoints, and the crate's own connections lead to them: a generated client takes
//! `Workload::service` (features `istio` and `reqwest`), with `with_origin(service, "http://users".parse()?)`, since the
//! mesh finds its routes by the authority.
//!
//! # A server
//!
//! tonic's server takes the layers as they are; axum's routes with tonic's services inside do too:
//!
//! ```no_run
//! use meshless::inbound;
//! use meshless::rate_limit::{ClientAddress, Key, RateLimitPolicy};
//! use tonic::transport::Server;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let per_client = RateLimitPolicy::per_minute(600).with_key(Key::client_address(ClientAddress::peer()));
//! let (_reporter, health) = tonic_health::server::health_reporter();
//! Server::builder()
//!     .layer(inbound().with_rate_limit(per_client))
//!     .add_service(health)
//!     .serve("0.0.0.0:50051".parse()?)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! The deadline of a call is its `grpc-timeout`. A stream lives until that deadline, or 5 minutes without a message; see
//! [`inbound`](crate::mesh::inbound()).
//!
//! # Rejections
//!
//! A rejected call has HTTP status 200, and in its head (trailers-only) Envoy's status and message, and beside them:
//!
//! * `grpc-status-details-bin`, a `google.rpc.Status` with `ErrorInfo` (domain `meshless`, the reason, and as metadata
//!   `policy` and Envoy's `response_flags`) and, if the time is known, `RetryInfo`. [`RejectionInfo`] reads it, as does
//!   any library of the standard error model;
//! * `grpc-retry-pushback-ms`, if the time of the next attempt is known: clients with a retry policy wait so long. It is
//!   -1, no retry, for a request that costs more than a rate limit ever allows.

mod rejection_info;
mod transport;
mod wire;

pub use rejection_info::RejectionInfo;
pub use transport::{Transport, TransportFuture};
