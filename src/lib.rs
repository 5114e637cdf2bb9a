//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod fault_injection;
pub mod outlier_detection;

pub use base::gate;
pub use base::{
    Deadline, Event, Failure, GrpcStatus, Log, Observe, Outcome, Percent, Recognizer, Rejection,
    RequestHead, UnderDeadline,
};
