//! Send requests with reqwest through a stack of layers, in reqwest's ways.
//!
//! A [`Transport`] is a [`reqwest::Client`] as a tower service: what layers are put around. A
//! [`Client`] on top of them has the methods that reqwest's users know, and makes an error of an
//! answer that a layer gave instead of the upstream, so that `?` works.
//!
//! # Example
//!
//! ```no_run
//! use meshless::client::{Client, Transport};
//! use tower::ServiceBuilder;
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let transport = Transport::build(reqwest::Client::builder())?;
//! let stack = ServiceBuilder::new()
//!     // Layers go here, the outermost first.
//!     .service(transport);
//! let client = Client::new(stack);
//!
//! let users: Vec<String> = client
//!     .get("http://users/v1/names")
//!     .query(&[("page", 1)])
//!     .bearer_auth("secret")
//!     .send()
//!     .await?
//!     .error_for_status()?
//!     .json()
//!     .await?;
//! # drop(users);
//! # Ok(())
//! # }
//! ```
//!
//! # What went wrong
//!
//! ```no_run
//! use meshless::client::{Client, Error};
//!
//! # async fn run(client: Client) -> Result<(), Error> {
//! match client.get("http://users/v1/me").send().await {
//!     Ok(response) => println!("{} says {}", response.url(), response.status()),
//!     Err(Error::Rejected { rejection, .. }) => println!("come back in {:?}", rejection.retry_after()),
//!     Err(error) if error.is_timeout() => println!("too slow"),
//!     Err(error) if error.is_connect() => println!("nobody there"),
//!     Err(error) => return Err(error),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # In a struct
//!
//! The type of a client holds those of its layers. [`Client::boxed`] forgets them, for the price of two
//! allocations a request:
//!
//! ```
//! use meshless::client::{Boxed, Client};
//!
//! #[derive(Clone)]
//! struct Users {
//!     client: Client<Boxed>,
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
mod boxed;
mod redirect;
mod request;
mod response;
mod send;
mod service;
mod slot;
mod stack;
mod sync;
mod transport;

pub use body::Body;
pub use boxed::Boxed;
pub use request::RequestBuilder;
pub use response::{BytesStream, Response};
pub use service::Client;
pub use stack::Stack;
pub use transport::{Transport, TransportFuture};

pub use crate::base::ClientError as Error;
