//! State of a mesh or of a stack at one moment, as plain values.
//!
//! ```
//! # #[cfg(feature = "istio")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use meshless::Mesh;
//!
//! let mesh = Mesh::from_yaml("")?;
//! for proxy in mesh.snapshot().proxies {
//!     for cluster in proxy.clusters {
//!         let ejected = cluster.endpoints.iter().filter(|one| one.ejection.is_some());
//!         println!("{}: {} ejected", cluster.name, ejected.count());
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "istio"))]
//! # fn main() {}
//! ```
//!
//! The same for a stack by hand:
//!
//! ```
//! let openai = meshless::outbound().named("openai");
//! let snapshot = openai.snapshot();
//! assert_eq!(snapshot.name.as_deref(), Some("openai"));
//! assert_eq!(snapshot.concurrency_limit.in_flight, 0);
//! ```
//!
//! A snapshot is taken beside the requests: it reads counters, and holds a lock only for as long as it takes to copy
//! one list, never while it reads several policies. Two numbers in it may differ by requests that began between the
//! two readings.
//!
//! With the feature `serde` every type here is written by its field names; a duration is a number of seconds, a
//! share is in percent, and a time is a text of RFC 3339 in UTC.

#[cfg(feature = "istio")]
mod cluster;
#[cfg(feature = "istio")]
mod config;
mod policies;
mod record;
mod stacks;
#[cfg(any(feature = "istio", feature = "serde"))]
mod time;

#[cfg(feature = "istio")]
pub use cluster::{ClusterSnapshot, EjectionSnapshot, EndpointSnapshot, PoolSnapshot};
#[cfg(feature = "istio")]
pub use config::{
    CanarySnapshot, ChangeSnapshot, DestinationSnapshot, HostSnapshot, LimitSnapshot, MeshSnapshot,
    PolicySnapshot, ProxySnapshot, RefusalSnapshot, RouteSnapshot,
};
pub use policies::{
    CircuitBreakerSnapshot, ConcurrencyLimitSnapshot, RateLimitSnapshot, RetryBudgetSnapshot,
};
pub use stacks::{InboundSnapshot, OutboundSnapshot};

#[cfg(feature = "istio")]
pub(in crate::mesh) use time::Moment;
#[cfg(feature = "admin")]
pub(crate) use time::rfc3339;
