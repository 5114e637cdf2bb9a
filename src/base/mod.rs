//! Floor 1: the words every other module shares.

mod answer;
mod body;
#[cfg(feature = "reqwest")]
mod client_error;
mod deadline;
mod event;
mod failure;
pub mod gate;
mod grpc;
mod head;
mod live;
mod outcome;
mod percent;
mod rejection;

pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod sync;

pub use answer::Answer;
pub use body::WatchedBody;
#[cfg(feature = "reqwest")]
pub use client_error::Error as ClientError;
pub use deadline::{Deadline, UnderDeadline};
pub use event::{Event, Log, Observe};
pub use failure::{Failure, Recognizer};
use gate::Ticket;
pub use grpc::GrpcStatus;
pub use head::RequestHead;
pub(crate) use live::Live;
pub use outcome::Outcome;
pub use percent::Percent;
pub use rejection::Rejection;

/// An error of any type.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
