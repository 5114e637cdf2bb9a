use std::fmt::{self, Display, Formatter};

/// Connections that a port accepts, by Istio's `mtls.mode`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum MtlsMode {
    /// Plain text only; the bytes of a TLS handshake go to the service as they are.
    Disable,
    /// Mutual TLS and plain text, distinguished by the first byte. The default, as in Istio.
    #[default]
    Permissive,
    /// Mutual TLS only; a connection in plain text is closed.
    Strict,
}

impl MtlsMode {
    /// Returns the name in Istio's documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "DISABLE",
            Self::Permissive => "PERMISSIVE",
            Self::Strict => "STRICT",
        }
    }
}

impl Display for MtlsMode {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
