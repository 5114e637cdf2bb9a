//! Limits the connections to a destination, and the requests on each.

mod attempt;
mod body;
mod books;
mod driver;
mod io;
mod key;
mod lease;
mod machine;
mod policy;
mod service;
mod shared;
mod stats;
mod tasks;
mod wait;

pub use crate::base::{Overflow, PoolError as Error};
pub use body::PoolBody;
pub use policy::PoolPolicy;
pub use service::{Pool, PoolFuture};
pub use stats::PoolStats;
