//! Last tier of the library: what joins the mesh to other systems, each behind its feature.

#[cfg(feature = "prometheus")]
pub mod prometheus;
