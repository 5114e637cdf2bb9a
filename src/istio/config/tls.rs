//! TLS of connections: of a cluster's, and of those that a workload accepts.

/// TLS origination of a cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TlsConfig {
    pub(crate) mode: TlsMode,
    pub(crate) sni: Option<Box<str>>,
    #[cfg(feature = "mtls")]
    pub(crate) verification: TlsVerification,
}

/// Mode of TLS origination.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum TlsMode {
    /// Mutual TLS with the certificates of the mesh, to the endpoints that are labelled for it.
    #[cfg(feature = "mtls")]
    Auto,
    /// Mutual TLS with the certificates of the mesh.
    #[cfg(feature = "mtls")]
    IstioMutual,
    /// Mutual TLS with certificates of files.
    #[cfg(feature = "mtls")]
    Mutual,
    /// TLS without a certificate of the client.
    #[default]
    Simple,
}

/// Certificates of a client, and the servers that it accepts.
#[cfg(feature = "mtls")]
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TlsVerification {
    /// Names in the certificate of a server, of which it must have one, unless there are none.
    pub(crate) accepted: Box<[Box<str>]>,
    /// Namespaces and service accounts of the endpoints, for the certificates of the mesh.
    pub(crate) accounts: Box<[(Box<str>, Box<str>)]>,
    /// File of the roots; none for those of the system.
    pub(crate) ca_certificates: Option<Box<str>>,
    /// Files of the certificate chain and of the private key.
    pub(crate) client: Option<(Box<str>, Box<str>)>,
    pub(crate) insecure_skip_verify: bool,
}

/// Modes of the ports of a workload.
#[cfg(feature = "mtls")]
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PeerAuthenticationConfig {
    pub(crate) mode: crate::foundation::tls::MtlsMode,
    /// Ports with a mode of their own.
    pub(crate) ports: std::collections::BTreeMap<u16, crate::foundation::tls::MtlsMode>,
}

impl TlsMode {
    /// Returns the name in documents.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            #[cfg(feature = "mtls")]
            Self::Auto => "auto",
            #[cfg(feature = "mtls")]
            Self::IstioMutual => "ISTIO_MUTUAL",
            #[cfg(feature = "mtls")]
            Self::Mutual => "MUTUAL",
            Self::Simple => "SIMPLE",
        }
    }

    /// Returns true if the label of an endpoint decides.
    pub(crate) const fn is_auto(self) -> bool {
        match self {
            #[cfg(feature = "mtls")]
            Self::Auto => true,
            _ => false,
        }
    }

    /// Returns true if the certificates of the mesh are used.
    #[cfg(all(feature = "mtls", feature = "reqwest"))]
    pub(crate) const fn is_of_mesh(self) -> bool {
        matches!(self, Self::Auto | Self::IstioMutual)
    }
}

#[cfg(feature = "mtls")]
impl PeerAuthenticationConfig {
    /// Returns the mode of a port of the workload.
    pub(crate) fn mode(&self, port: u16) -> crate::foundation::tls::MtlsMode {
        self.ports.get(&port).copied().unwrap_or(self.mode)
    }
}
