//! What a call through a layer costs, for the layers of this crate and for their peers, on the same
//! types and in the same run. See the README beside this package for the command and the method.

pub mod case;
pub mod cases;
pub mod load;
pub mod message;
pub mod peers;
pub mod quartiles;
pub mod runtime;
pub mod upstream;
