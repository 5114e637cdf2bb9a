//! Each layer as its users see it, on a paused clock and without sockets.

mod gate;
mod rate_limit;
mod rate_limit_keys;
mod rate_limit_queue;
mod support;
