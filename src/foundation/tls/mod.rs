//! Values of TLS that several tiers share.

mod handshake_failure;
#[cfg(feature = "mtls")]
mod mtls_mode;

pub use handshake_failure::HandshakeFailure;
#[cfg(feature = "mtls")]
pub use mtls_mode::MtlsMode;
