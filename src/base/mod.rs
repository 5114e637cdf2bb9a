//! Floor 1: the words every other module shares.

mod address;
mod answer;
pub(crate) mod authority;
mod backoff;
mod body;
mod cause;
mod circuit;
#[cfg(feature = "reqwest")]
mod client_error;
pub(crate) mod clock;
pub(crate) mod cookie;
pub(crate) mod cookie_value;
pub(crate) mod cut;
mod deadline;
pub(crate) mod dice;
mod ejection;
mod elapsed;
pub(crate) mod endpoint;
pub(crate) mod endpoints;
mod event;
mod failure;
pub mod gate;
mod gave_up;
pub(crate) mod grpc;
pub(crate) mod hash;
mod head;
pub(crate) mod host_index;
pub(crate) mod host_pattern;
pub(crate) mod keyed;
mod live;
mod mirror_drop;
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
mod reset_reason;
#[cfg(feature = "istio")]
pub(crate) mod retried;
pub(crate) mod retry_after;
pub(crate) mod spread;
mod sticky;
mod sticky_cookie;
pub(crate) mod string_match;
pub(crate) mod sync;
pub(crate) mod time_left;
pub(crate) mod timer;
pub(crate) mod tried;
mod unresolved;
pub(crate) mod window;

#[cfg(feature = "istio")]
pub(crate) use address::x_forwarded_for;
pub use address::{ClientAddress, ForwardedHeader, PeerAddress};
pub use answer::Answer;
pub use backoff::{Backoff, Jitter};
pub(crate) use body::Watch;
pub use body::WatchedBody;
pub use cause::Cause;
pub use circuit::OpenReason;
#[cfg(feature = "reqwest")]
pub use client_error::Error as ClientError;
pub(crate) use deadline::DeadlineGuard;
pub use deadline::{Deadline, UnderDeadline};
pub use ejection::EjectionReason;
pub use elapsed::Elapsed;
pub use endpoint::{Endpoint, EndpointObserver};
pub use endpoints::{Endpoints, Following};
pub use event::{Event, Log, Observe};
pub use failure::{Failure, Recognizer};
use gate::Ticket;
pub use gave_up::GaveUp;
pub use grpc::GrpcStatus;
pub use head::{RequestHead, ResponseHead};
pub use host_pattern::HostPattern;
pub(crate) use live::Live;
pub use mirror_drop::MirrorDrop;
pub use outcome::Outcome;
pub use overflow::Overflow;
pub use percent::Percent;
#[cfg(feature = "hyper")]
pub use pool_error::PoolError;
pub use rate_limited::RateLimited;
pub use rejection::Rejection;
pub use reset_reason::ResetReason;
pub use sticky::Sticky;
pub use sticky_cookie::StickyCookie;
pub use string_match::{PatternError, StringMatch};
pub use unresolved::Unresolved;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
