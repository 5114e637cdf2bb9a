//! Joints between the mesh and other systems, each behind its feature.

#[cfg(feature = "admin")]
pub mod admin;
pub mod shutdown;
