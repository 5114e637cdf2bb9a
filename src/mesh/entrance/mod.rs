//! The outermost parts of both stacks, as one service.

mod future;
mod handing;
mod service;

pub use future::EntranceFuture;
pub use handing::{Handed, Handing, Plainly, ToRetry};
pub use service::Entrance;
