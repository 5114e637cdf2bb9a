//! DNS service discovery: resolves names to endpoints and keeps them up to date.
//!
//! # Example
//!
//! Every address of the name is an endpoint, as with a headless service in Kubernetes (Envoy's
//! `STRICT_DNS`):
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use meshless::dns::{DnsPolicy, Resolver};
//! use meshless::load_balance::{LoadBalanceLayer, LoadBalancePolicy};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let resolver = Resolver::system(DnsPolicy::default())?;
//! let (users, following) = resolver.follow("users.default.svc.cluster.local", 8000)?;
//! if !following.resolved_within(Duration::from_secs(2)).await {
//!     eprintln!("no answer yet; requests get 503 until there is one");
//! }
//! let balance = LoadBalanceLayer::new(LoadBalancePolicy::default(), users);
//! // Keep `following` while the endpoints are to be kept up to date.
//! # let _ = (balance, following);
//! # Ok(())
//! # }
//! ```
//!
//! Several names in one set, as in Istio's `ServiceEntry` with `resolution: DNS` and several
//! endpoints; and a service whose SRV records list ports and weights:
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use meshless::dns::{DnsName, DnsPolicy, Resolver};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let policy = DnsPolicy::default()
//!     .with_min_ttl(Duration::from_secs(1))
//!     .with_timeout(Duration::from_secs(2));
//! let resolver = Resolver::new(policy, ["10.0.0.53:53".parse()?])?;
//! let (users, _following) = resolver.follow_all([
//!     DnsName::host("users-v1.example.com", 8000)?.with_label("version", "v1"),
//!     DnsName::host("users-v2.example.com", 8001)?.with_label("version", "v2").with_weight(3),
//! ]);
//! let canary = users.subset([("version", "v2")]);
//! let (web, _following) = resolver.follow_srv("_http._tcp.example.com")?;
//! # let _ = (canary, web);
//! # Ok(())
//! # }
//! ```
//!
//! # A name as one endpoint
//!
//! For a name that is one endpoint to its callers, such as `api.openai.com`, no resolver is needed:
//! `Endpoint::try_from("api.openai.com:443")` is one endpoint, and the client resolves it for each
//! new connection (Envoy's `LOGICAL_DNS`). Ejection, statistics and load balancing then apply to
//! the name.
//!
//! # Behaviour
//!
//! - **When to ask again**: when the shortest time to live in the answer is over, but not before the
//!   policy's shortest time (5 s) and not after its longest (5 minutes); and up to 100 ms later, so that
//!   replicas do not ask together.
//! - **An outage keeps what there is.** If name servers time out, fail or refuse, every endpoint stays,
//!   and the name is asked for again after the policy's backoff (1 s to 30 s).
//! - **"There is no such name" empties the set**, and so does an answer without addresses: requests
//!   get 503 `no healthy upstream`. So does Envoy with its usual resolver, since 1.23. It is asked again
//!   after the backoff, too.
//! - **Two kinds of addresses** are asked for at once. Those that are there first serve, if the others are not
//!   there within 50 ms; they come later. If one question fails and the other is answered, the answer
//!   counts, and the addresses of the other kind stay as they were.
//! - **The kind that works**: all addresses are endpoints, or those of the kind that can be reached if the
//!   policy [asks for that](DnsPolicy::with_working_family), as a mesh does. (Istio asks for the kinds that
//!   its proxy's own host has, and Envoy races them for each connection of a `LOGICAL_DNS` host only.)
//! - **Who stays is who they were**: an address that is in the next answer, too, keeps its state, its
//!   requests in flight and its ejection. The order of an answer means nothing.
//!
//! Each name has a task, which stops when the [handle](DnsTask) is dropped; the endpoints are then
//! no longer updated. [`EventKind::NameResolved`](crate::events::EventKind::NameResolved) and
//! [`EventKind::NameUnresolved`](crate::events::EventKind::NameUnresolved) report changes and failures.
//!
//! Queries are made by `hickory-resolver`: over UDP, and over TCP for truncated answers. There is
//! no cache, no encryption and no DNSSEC validation.

mod dns_task;
mod lookup;
mod machine;
mod policy;
mod resolver;
mod task;
#[cfg(test)]
mod tests;

pub use dns_task::DnsTask;
pub use lookup::name::{DnsName, InvalidName};
#[cfg(feature = "istio")]
pub(crate) use lookup::race::LIMIT as RACE_LIMIT;
pub use policy::DnsPolicy;
pub use resolver::{DnsError, Resolver};

pub use crate::foundation::outcome::DnsFailure;
pub use crate::foundation::time::{Backoff, Jitter};
