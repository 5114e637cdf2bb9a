//! The outermost parts of both stacks, as one service.

mod future;
mod service;

pub use future::EntranceFuture;
pub use service::Entrance;
