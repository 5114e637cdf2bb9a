//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod rate_limit;

pub use base::gate;
pub use base::{
    ClientAddress, Deadline, Event, Failure, ForwardedHeader, GrpcStatus, Log, Observe, Outcome,
    PeerAddress, Percent, RateLimited, Recognizer, Rejection, RequestHead, ResponseHead,
    UnderDeadline,
};
