//! One connection: attempt, driver, transport and lease.

pub(in crate::transport::pool) mod attempt;
pub(in crate::transport::pool) mod body;
pub(in crate::transport::pool) mod driver;
pub(in crate::transport::pool) mod io;
pub(in crate::transport::pool) mod lease;
pub(in crate::transport::pool) mod wire;
