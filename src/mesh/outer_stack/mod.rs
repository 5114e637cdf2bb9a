//! Outermost parts of the inbound and the outbound stack, as one service.

mod call_hints;
mod future;
mod service;

pub use call_hints::{CallHints, CallInner, Direct, WithRetryHints};
pub use future::OuterStackFuture;
pub use service::OuterStack;
