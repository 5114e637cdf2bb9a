//! Rollouts of canaries, which move the weights of a mesh by themselves.

mod error;
mod handle;
mod registry;
mod release;
pub(in crate::mesh) mod rollout;
mod split;
mod status;

pub use error::CanaryError;
pub use handle::{CanaryHandle, CanaryWatch};
pub use release::CanaryRelease;
pub use status::CanaryStatus;
