//! Send requests with reqwest through a stack of layers, in reqwest's ways.
//!
//! A [`Transport`] is a [`reqwest::Client`] as a tower service: what layers are put around. A
//! [`Client`] on top of them has the methods that reqwest's users know, and makes an error of an
//! answer that a layer gave instead of the upstream, so that `?` works.
//!
//! # Example
//!
//! A client whose calls end after 5 seconds, and which leaves a server alone that keeps failing:
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
//!     .service(Transport::build(reqwest::Client::builder())?);
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
//! What went wrong, and whether it was a refusal of a layer:
//!
//! ```no_run
//! use meshless::client::{Client, Error};
//!
//! # async fn run(client: Client) -> Result<(), Error> {
//! match client.get("http://users/v1/me").send().await {
//!     Ok(response) => println!("{} says {}", response.url(), response.status()),
//!     Err(Error::Rejected { rejection, .. }) => {
//!         println!("{rejection}; come back in {:?}", rejection.retry_after());
//!     }
//!     Err(error) if error.is_timeout() => println!("too slow"),
//!     Err(error) if error.is_connect() => println!("nobody there"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What differs from reqwest
//!
//! * Redirects are followed above the layers, up to [10](Client::with_redirects): each hop is routed,
//!   limited and counted like the first. A total timeout in the stack covers one hop each.
//! * [`Response::url`] is what was asked for last, also if a layer sent it to another address.
//! * [`Response::text`] takes every body for UTF-8.
//! * There is no `timeout` of one request: a [timeout layer](crate::timeout) covers more, such as a
//!   wait in a queue and the time before a retry.
//! * What else a reqwest client does, it does inside a [`Transport`]: there is a list.
//!
//! # How failures are told apart
//!
//! The policies around a transport see its errors as [`Failure`](crate::Failure). Three things cannot
//! be told: a server that closes a connection which was idle just when a
//! request is written to it may or may not have seen the request
//! ([`Closed`](crate::Failure::Closed)); a failed handshake of native-tls is a failure to
//! [connect](crate::Failure::Connect); and reqwest and hyper-util send again by themselves, on a new
//! connection, what was not yet written to an old one.
//!
//! # In a struct
//!
//! The type of a client holds those of its layers. [`Client::boxed`] forgets them, for the price of two
//! allocations a request:
//!
//! ```
//! use meshless::client::{BoxHttpService, Client};
//!
//! #[derive(Clone)]
//! struct Users {
//!     client: Client<BoxHttpService>,
//! }
//!
//! # fn main() -> reqwest::Result<()> {
//! let client = Client::build(reqwest::Client::builder())?;
//! let users = Users { client: client.boxed() };
//! # let _ = users.client.get("http://users/");
//! # Ok(())
//! # }
//! ```

mod body;
mod fixed_resolver;
mod http_service;
mod request;
mod response;
mod send;
mod service;
mod transport;
mod upgraded;

pub use body::Body;
pub use body::boxed::BoxHttpService;
#[cfg(feature = "istio")]
pub(crate) use fixed_resolver::look_up;
pub use http_service::HttpService;
pub use request::RequestBuilder;
pub use response::{BytesStream, Response};
pub use service::Client;
pub use transport::{Transport, TransportFuture};
pub use upgraded::Upgraded;

pub use crate::foundation::outcome::ClientError as Error;
