//! Locks and atomics of hand-written concurrency: the standard library's, or loom's when a test
//! explores every interleaving (`RUSTFLAGS="--cfg meshless_loom"`).

#[cfg(not(meshless_loom))]
pub(crate) use std::sync::{Mutex, atomic};

#[cfg(meshless_loom)]
pub(crate) use loom::sync::{Mutex, atomic};
