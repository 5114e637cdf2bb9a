//! Floor 1: the words every other module shares.

mod answer;
mod backoff;
mod body;
mod deadline;
mod event;
mod failure;
pub mod gate;
mod gave_up;
mod grpc;
mod head;
mod live;
mod outcome;
mod percent;
mod rejection;
mod told;

pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod sync;

pub use answer::Answer;
pub use backoff::{Backoff, Jitter};
pub use body::WatchedBody;
pub use deadline::{Deadline, UnderDeadline};
pub use event::{Event, Log, Observe};
pub use failure::{Failure, Recognizer};
use gate::Ticket;
pub use gave_up::GaveUp;
pub use grpc::GrpcStatus;
pub use head::RequestHead;
pub(crate) use live::Live;
pub use outcome::Outcome;
pub use percent::Percent;
pub use rejection::Rejection;
pub(crate) use told::tell;
