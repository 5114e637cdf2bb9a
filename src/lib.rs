//! What an Istio sidecar does for a service's traffic, as tower layers inside the process.

#![forbid(unsafe_code)]

mod base;
pub mod telemetry;
pub mod fault_injection;
pub mod concurrency_limit;
pub mod timeout;

pub use base::gate;
pub use base::{
    Deadline, Elapsed, Event, Failure, GrpcStatus, Log, Observe, Outcome, Overflow, Percent,
    Recognizer, Rejection, RequestHead, UnderDeadline,
pub mod circuit_breaker;

pub use base::gate;
pub use base::{
    Deadline, Event, Failure, GrpcStatus, Log, Observe, OpenReason, Outcome, Percent, Recognizer,
    Rejection, RequestHead, UnderDeadline,
pub mod traffic_split;

pub use base::gate;
pub use base::{
    Deadline, Event, Failure, GrpcStatus, HostPattern, Log, Observe, Outcome, PatternError,
    Percent, Recognizer, Rejection, RequestHead, StringMatch, UnderDeadline,
#[cfg(feature = "reqwest")]
pub mod client;

pub use base::gate;
pub use base::{
    BoxError, Deadline, Event, Failure, GrpcStatus, Log, Observe, Outcome, Percent, Recognizer,
    Rejection, RequestHead, UnderDeadline,
};
