//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod retry;

pub use base::gate;
pub use base::{
    Deadline, Event, Failure, GaveUp, GrpcStatus, Log, Observe, Outcome, Percent, Recognizer,
    Rejection, RequestHead, UnderDeadline,
};
