//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod traffic_split;

pub use base::gate;
pub use base::{
    Deadline, Event, Failure, GrpcStatus, HostPattern, Log, Observe, Outcome, PatternError,
    Percent, Recognizer, Rejection, RequestHead, StringMatch, UnderDeadline,
};
