//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod circuit_breaker;
#[cfg(feature = "reqwest")]
pub mod client;
pub mod concurrency_limit;
pub mod fault_injection;
pub mod mesh;
pub mod rate_limit;
pub mod retry;
pub mod telemetry;
pub mod timeout;
pub mod traffic_split;

// One a line, so that changes to this list do not meet.
pub use base::BoxError;
pub use base::ClientAddress;
pub use base::Deadline;
pub use base::Elapsed;
pub use base::Event;
pub use base::Failure;
pub use base::ForwardedHeader;
pub use base::GaveUp;
pub use base::GrpcStatus;
pub use base::HostPattern;
pub use base::Log;
pub use base::Observe;
pub use base::OpenReason;
pub use base::Outcome;
pub use base::Overflow;
pub use base::PatternError;
pub use base::PeerAddress;
pub use base::Percent;
pub use base::RateLimited;
pub use base::Recognizer;
pub use base::Rejection;
pub use base::RequestHead;
pub use base::ResponseHead;
pub use base::StringMatch;
pub use base::UnderDeadline;
pub use base::gate;
pub use mesh::{inbound, outbound};
