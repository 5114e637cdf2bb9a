//! An HTTP client with reqwest's API on top of a stack of layers.
//!
//! A [`Transport`] is the innermost service of a stack: connections of its own, or a [`reqwest::Client`] as a
//! tower service. A [`Client`] on top of the stack has reqwest's methods, and turns a response that a layer produced
//! instead of the upstream into an error, so that `?` works.
//!
//! # Example
//!
//! A client with a total timeout of 5 seconds per call and a circuit breaker:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use meshless::circuit_breaker::{CircuitBreakerLayer, CircuitBreakerPolicy};
//! use meshless::client::{Client, Transport};
//! use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
//! use tower::ServiceBuilder;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new(TimeoutPolicy::total(Duration::from_secs(5))))
//!     .layer(CircuitBreakerLayer::new(CircuitBreakerPolicy::default()))
//!     .service(Transport::default());
//! let client = Client::new(stack);
//!
//! let names: Vec<String> = client
//!     .get("http://users/v1/names")
//!     .query(&[("page", 1)])
//!     .bearer_auth("secret")
//!     .send()
//!     .await?
//!     .error_for_status()?
//!     .json()
//!     .await?;
//! # drop(names);
//! # Ok(())
//! # }
//! ```
//!
//! Telling rejections by a layer from other errors:
//!
//! ```no_run
//! use meshless::client::{Client, Error};
//!
//! # async fn run(client: Client) -> Result<(), Error> {
//! match client.get("http://users/v1/me").send().await {
//!     Ok(response) => println!("{}: {}", response.url(), response.status()),
//!     Err(Error::Rejected { rejection, .. }) => {
//!         println!("{rejection}; retry after {:?}", rejection.retry_after());
//!     }
//!     Err(error) if error.is_timeout() => println!("timed out"),
//!     Err(error) if error.is_connect() => println!("connection failed"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `axum` an error is a response, so that a handler may end with `?`: that of a
//! [gateway](Error#impl-IntoResponse-for-Error), which tells nothing of the upstream.
//!
//! # What differs from reqwest
//!
//! * Redirects are followed above the layers, up to [10](Client::with_redirects): each hop is routed,
//!   limited and counted like the first. A total timeout in the stack covers one hop each.
//! * [`Response::url`] is the URL of the last request, even if a layer sent it to another address.
//! * [`Response::text`] decodes every body as UTF-8.
//! * There is no `timeout` per request: a [timeout layer](crate::timeout) also covers time in a
//!   queue and the wait before a retry.
//! * A request has no `Accept` unless you set it, where reqwest sends `*/*`, which means the same.
//! * Cookies, decompression, HTTP/3 and what else a reqwest client does are there if the [`Transport`] is one:
//!   [`Transport::new`].
//!
//! # Classification of failures
//!
//! The policies around a transport see its errors as [`Failure`](crate::Failure). Three cases
//! cannot be distinguished: a server that closes an idle connection while a request is written to
//! it may or may not have seen the request ([`Closed`](crate::Failure::Closed)); a failed TLS
//! handshake of native-tls is reported as a [connect](crate::Failure::Connect) failure; and reqwest
//! and hyper-util resend by themselves, on a new connection, a request that was not yet written to
//! an old one.
//!
//! # In a struct
//!
//! The type of a client contains the types of its layers. [`Client::boxed`] erases them, at the
//! cost of two allocations per request:
//!
//! ```
//! use meshless::client::{BoxHttpService, Client};
//!
//! #[derive(Clone)]
//! struct Users {
//!     client: Client<BoxHttpService>,
//! }
//!
//! let users = Users { client: Client::default().boxed() };
//! # let _ = users.client.get("http://users/");
//! ```

mod body;
mod http_service;
mod request;
mod reqwest_client;
mod response;
mod send;
mod service;
mod transport;
mod upgraded;

pub use body::Body;
pub use body::boxed::BoxHttpService;
pub use http_service::HttpService;
pub use request::RequestBuilder;
#[cfg(feature = "istio")]
pub(crate) use reqwest_client::fixed_resolver::look_up;
pub use response::{BytesStream, Response};
pub use send::ResponseFuture;
pub use service::Client;
pub use transport::{Transport, TransportFuture};
pub use upgraded::Upgraded;

pub use crate::foundation::outcome::ClientError as Error;
pub use crate::transport::connect::TcpConnector;
