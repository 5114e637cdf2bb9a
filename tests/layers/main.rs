//! Each layer as its users see it, on a paused clock and without sockets.

mod circuit_breaker;
mod gate;
mod support;
