//! Lets in only so much.

mod at_most;
mod charge;
mod headers;
mod key;
mod layer;
mod limiter;
mod machine;
mod policy;
mod queue;
mod quota;
mod service;
mod shared;
mod store;
mod wait;

pub use charge::{Charge, Permit};
pub use headers::RateLimitHeaders;
pub use key::{Key, KeyFunction};
pub use layer::RateLimitLayer;
pub use limiter::{RateLimitStats, RateLimiter};
pub use policy::RateLimitPolicy;
pub use quota::Status;
pub use service::{RateLimit, RateLimitFuture, RateLimitGate, RateLimitTicket};
pub use wait::RateLimitWait;

pub use crate::base::{ClientAddress, ForwardedHeader, RateLimited};
