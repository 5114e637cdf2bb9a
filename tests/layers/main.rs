//! Each layer as its users see it, on a paused clock and without sockets.

mod gate;
mod support;
mod traffic_split;
