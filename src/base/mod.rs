//! Floor 1: the words every other module shares.

pub(crate) mod attempted_hosts;
pub(crate) mod authority;
mod backoff;
mod body;
pub(crate) mod cancellation;
mod cause;
mod client_address;
#[cfg(feature = "reqwest")]
mod client_error;
pub(crate) mod clock;
pub(crate) mod cookie;
pub(crate) mod cookie_value;
mod deadline;
mod dns_failure;
mod ejection_reason;
mod elapsed;
pub(crate) mod endpoint;
pub(crate) mod endpoints;
mod event;
mod failure;
pub mod gate;
pub(crate) mod grpc;
pub(crate) mod hash;
mod hash_cookie;
mod hash_policy;
mod head;
pub(crate) mod host_index;
pub(crate) mod host_pattern;
pub(crate) mod keyed_state_store;
mod local_reply;
mod mirror_drop_reason;
mod open_reason;
mod outcome;
mod overflow;
mod percent;
#[cfg(feature = "hyper")]
mod pool_error;
pub(crate) mod query;
pub(crate) mod queued;
mod rate_limited;
pub(crate) mod re2;
mod rejection;
mod reloadable;
mod reset_reason;
#[cfg(feature = "istio")]
pub(crate) mod retried;
pub(crate) mod retry_after;
mod retry_stop_reason;
pub(crate) mod rng;
pub(crate) mod sharded_arc;
pub(crate) mod string_match;
pub(crate) mod sync;
pub(crate) mod time_left;
pub(crate) mod timer;
pub(crate) mod window;

pub use backoff::{Backoff, Jitter};
pub(crate) use body::BodyWatch;
pub use body::WatchedBody;
pub use cause::Cause;
#[cfg(feature = "istio")]
pub(crate) use client_address::x_forwarded_for;
pub use client_address::{ClientAddress, ForwardedHeader, PeerAddress};
#[cfg(feature = "reqwest")]
pub use client_error::Error as ClientError;
pub(crate) use deadline::DeadlineGuard;
pub use deadline::{Deadline, WithDeadline};
pub use dns_failure::DnsFailure;
pub use ejection_reason::EjectionReason;
pub use elapsed::Elapsed;
pub use endpoint::{Endpoint, EndpointObserver};
pub use endpoints::{Endpoints, EndpointsTask};
pub use event::{Event, Observe, TracingObserver};
pub use failure::{ErrorClassifier, Failure};
use gate::Ticket;
pub use grpc::GrpcStatus;
pub use hash_cookie::HashCookie;
pub use hash_policy::HashPolicy;
pub use head::{RequestHead, ResponseHead};
pub use host_pattern::HostPattern;
pub use local_reply::LocalReplyBody;
pub use mirror_drop_reason::MirrorDropReason;
pub use open_reason::OpenReason;
pub use outcome::Outcome;
pub use overflow::Overflow;
pub use percent::Percent;
#[cfg(feature = "hyper")]
pub use pool_error::PoolError;
pub use rate_limited::RateLimited;
pub use rejection::Rejection;
pub(crate) use reloadable::Reloadable;
pub use reset_reason::ResetReason;
pub use retry_stop_reason::RetryStopReason;
pub use string_match::{PatternError, StringMatch};

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
