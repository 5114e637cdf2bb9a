//! Outermost parts of the inbound and the outbound stack, as one service.

mod call_hints;
mod future;
mod service;

pub(super) use call_hints::{CallHints, CallInner, Direct, WithRetryHints};
pub(super) use future::OuterStackFuture;
pub(super) use service::OuterStack;
