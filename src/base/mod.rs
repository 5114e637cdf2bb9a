//! Floor 1: the words every other module shares.

mod answer;
pub(crate) mod authority;
mod body;
pub(crate) mod cookie;
mod deadline;
mod event;
mod failure;
pub mod gate;
mod grpc;
mod head;
pub(crate) mod host_pattern;
mod live;
mod outcome;
mod percent;
mod rejection;
pub(crate) mod string_match;

pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod sync;

pub use answer::Answer;
pub use body::WatchedBody;
pub use deadline::{Deadline, UnderDeadline};
pub use event::{Event, Log, Observe};
pub use failure::{Failure, Recognizer};
use gate::Ticket;
pub use grpc::GrpcStatus;
pub use head::RequestHead;
pub use host_pattern::HostPattern;
pub(crate) use live::Live;
pub use outcome::Outcome;
pub use percent::Percent;
pub use rejection::Rejection;
pub use string_match::{PatternError, StringMatch};
