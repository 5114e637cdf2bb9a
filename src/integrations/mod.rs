//! Last tier of the library: what joins the mesh to other systems.

#[cfg(feature = "admin")]
pub mod admin;
#[cfg(feature = "prometheus")]
pub mod prometheus;
pub mod shutdown;
