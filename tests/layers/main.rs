//! Each layer as its users see it, on a paused clock and without sockets.

mod concurrency_limit;
mod gate;
mod support;
mod timeout;
