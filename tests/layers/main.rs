//! Each layer as its users see it, on a paused clock and without sockets.

mod gate;
mod rate_limit;
mod support;
