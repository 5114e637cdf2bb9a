//! Floor 1: the words every other module shares.

mod address;
mod answer;
mod body;
mod deadline;
mod event;
mod failure;
pub mod gate;
mod grpc;
mod head;
mod live;
mod outcome;
mod percent;
mod rate_limited;
mod rejection;

pub(crate) mod clock;
pub(crate) mod dice;
pub(crate) mod keyed;
pub(crate) mod sync;

pub use address::{ClientAddress, ForwardedHeader, PeerAddress};
pub use answer::Answer;
pub use body::WatchedBody;
pub use deadline::{Deadline, UnderDeadline};
pub use event::{Event, Log, Observe};
pub use failure::{Failure, Recognizer};
use gate::Ticket;
pub use grpc::GrpcStatus;
pub use head::{RequestHead, ResponseHead};
pub(crate) use live::Live;
pub use outcome::Outcome;
pub use percent::Percent;
pub use rate_limited::RateLimited;
pub use rejection::Rejection;
