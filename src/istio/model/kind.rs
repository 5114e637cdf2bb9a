use std::fmt::{self, Display, Formatter};

/// An Istio kind that this crate reads.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    /// Access control: the callers, operations and tokens that a workload or a gateway lets pass.
    AuthorizationPolicy,
    /// Connection limits, outlier detection and load balancing for a host.
    DestinationRule,
    /// Patches of a proxy's configuration; only local rate limits are supported.
    EnvoyFilter,
    /// Ports and hosts of an ingress gateway.
    Gateway,
    /// Mutual TLS: validated only.
    PeerAuthentication,
    /// Tokens of requests; validated only without the feature `jwt`.
    RequestAuthentication,
    /// Endpoints and ports of a host outside the service registry.
    ServiceEntry,
    /// Scope of a workload's proxy: validated only.
    Sidecar,
    /// Metrics, logs and traces: validated only.
    Telemetry,
    /// Routes of a host.
    VirtualService,
    /// One workload outside the cluster: validated only.
    WorkloadEntry,
    /// A template of workload entries: validated only.
    WorkloadGroup,
}

/// Classification of a document by its `apiVersion` and `kind`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::istio) enum Class {
    /// A supported Istio kind; the flag is true if Istio serves that version of it.
    Istio(Kind, bool),
    /// An unsupported Istio kind.
    Unread,
    /// An unknown kind in Istio's group.
    Unknown,
    /// Another Kubernetes kind.
    Foreign,
    /// A kind that only Istio has, in another group.
    Misplaced(Kind),
}

const NETWORKING: &str = "networking.istio.io";
const SECURITY: &str = "security.istio.io";
const TELEMETRY: &str = "telemetry.istio.io";

impl Kind {
    /// All kinds.
    pub const ALL: &'static [Self] = &[
        Self::AuthorizationPolicy,
        Self::DestinationRule,
        Self::EnvoyFilter,
        Self::Gateway,
        Self::PeerAuthentication,
        Self::RequestAuthentication,
        Self::ServiceEntry,
        Self::Sidecar,
        Self::Telemetry,
        Self::VirtualService,
        Self::WorkloadEntry,
        Self::WorkloadGroup,
    ];

    /// Returns the value of `kind:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy => "AuthorizationPolicy",
            Self::DestinationRule => "DestinationRule",
            Self::EnvoyFilter => "EnvoyFilter",
            Self::Gateway => "Gateway",
            Self::PeerAuthentication => "PeerAuthentication",
            Self::RequestAuthentication => "RequestAuthentication",
            Self::ServiceEntry => "ServiceEntry",
            Self::Sidecar => "Sidecar",
            Self::Telemetry => "Telemetry",
            Self::VirtualService => "VirtualService",
            Self::WorkloadEntry => "WorkloadEntry",
            Self::WorkloadGroup => "WorkloadGroup",
        }
    }

    /// Returns true if documents of this kind are validated but not enforced, as `PeerAuthentication` without the feature
    /// `mtls`, and `RequestAuthentication` without `jwt`.
    #[must_use]
    pub const fn is_validated_only(self) -> bool {
        match self {
            Self::AuthorizationPolicy
            | Self::DestinationRule
            | Self::EnvoyFilter
            | Self::Gateway
            | Self::ServiceEntry
            | Self::VirtualService => false,
            Self::PeerAuthentication => !cfg!(feature = "mtls"),
            Self::RequestAuthentication => !cfg!(feature = "jwt"),
            _ => true,
        }
    }

    /// Says whether it decides who may do what: a part of it that is not understood must not be passed over.
    pub(crate) const fn is_security(self) -> bool {
        matches!(
            self,
            Self::AuthorizationPolicy | Self::PeerAuthentication | Self::RequestAuthentication
        )
    }

    pub(in crate::istio) const fn group(self) -> &'static str {
        match self {
            Self::AuthorizationPolicy | Self::PeerAuthentication | Self::RequestAuthentication => {
                SECURITY
            }
            Self::Telemetry => TELEMETRY,
            _ => NETWORKING,
        }
    }

    /// Returns the versions that Istio serves, the preferred one first.
    pub(in crate::istio) const fn versions(self) -> &'static [&'static str] {
        match self {
            Self::AuthorizationPolicy | Self::PeerAuthentication | Self::RequestAuthentication => {
                &["v1", "v1beta1"]
            }
            Self::EnvoyFilter => &["v1alpha3"],
            Self::Telemetry => &["v1", "v1alpha1"],
            _ => &["v1", "v1beta1", "v1alpha3"],
        }
    }

    /// Returns true if other projects also have a kind of this name.
    const fn is_ambiguous(self) -> bool {
        matches!(self, Self::Gateway | Self::Sidecar | Self::Telemetry)
    }
}

impl Class {
    pub(in crate::istio) fn of(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let known = Kind::ALL.iter().copied().find(|k| k.as_str() == kind);
        let is_istio = group.ends_with(".istio.io");
        match known {
            Some(known) if known.group() == group => {
                Self::Istio(known, known.versions().contains(&version))
            }
            // `Gateway` of another group, for example, is the Kubernetes Gateway API's.
            Some(known) if is_istio || !known.is_ambiguous() => Self::Misplaced(known),
            _ if is_istio && matches!(kind, "ProxyConfig" | "TrafficExtension" | "WasmPlugin") => {
                Self::Unread
            }
            // Kinds of the operator's group configure an installation, not a mesh.
            _ if is_istio && group != "install.istio.io" => Self::Unknown,
            _ => Self::Foreign,
        }
    }
}

impl Display for Kind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
