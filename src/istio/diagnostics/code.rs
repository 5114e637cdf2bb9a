use std::fmt::{self, Display, Formatter};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident $text:literal,)*) => {
        /// Code of a finding: Istio's code where Istio has one, otherwise one of this crate
        /// (`MSH…`).
        ///
        /// Codes are stable across releases; new ones may be added.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code {
            $($(#[doc = $doc])* #[doc = concat!("\n\n`", $text, "`")] $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the description of the code: one sentence.
            #[must_use]
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),*).trim_ascii_start(),)*
                }
            }

            /// Returns the printed form of the code.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A field is deprecated.
    Deprecated "IST0002",
    /// A host, a port, a gateway, a subset, a delegate, a namespace or a workload that is referred to is not among
    /// the documents.
    ReferenceNotFound "IST0101",
    /// An error of `istioctl validate`.
    SchemaValidation "IST0106",
    /// Two virtual services in the mesh have the same host.
    ConflictingHosts "IST0109",
    /// Sidecars select the same workloads.
    ConflictingSidecars "IST0110",
    /// Several sidecars are for all workloads of a namespace.
    SidecarsWithoutSelector "IST0111",
    /// A destination says no port, and its service has several.
    PortRequired "IST0112",
    /// The name of a Service's port says no protocol.
    PortName "IST0118",
    /// A policy is for no workload of those among the documents.
    NoMatchingWorkloads "IST0127",
    /// A destination rule uses TLS and does not check who answers.
    NoServerVerification "IST0128",
    /// A port of a destination rule uses TLS without verification of the server certificate.
    NoServerVerificationPort "IST0129",
    /// An unreachable route.
    UnreachableRule "IST0130",
    /// A match that an earlier match covers.
    IneffectiveMatch "IST0131",
    /// A host of a virtual service that its gateway does not serve.
    HostNotInGateway "IST0132",
    /// A warning of `istioctl validate`.
    SchemaWarning "IST0133",
    /// A service entry for a protocol without host names has no addresses.
    AddressesRequired "IST0134",
    /// Gateways of the same workloads show one certificate.
    DuplicateCertificate "IST0138",
    /// A gateway goes past the subsets that the mesh is split into.
    RoutesBypassed "IST0140",
    /// Gateways of the same workloads have the same port and host.
    ConflictingGateways "IST0145",
    /// Routes go by claims of a token that no `RequestAuthentication` verifies.
    ClaimsNotVerified "IST0149",
    /// The port of a service of another name says no protocol.
    ExternalNamePort "IST0150",
    /// A patch that is relative to what other filters made, with no priority that says when it is applied.
    RelativeOperation "IST0151",
    /// `REPLACE` where it is not applicable.
    ReplaceMisused "IST0152",
    /// `ADD` where it is ignored.
    AddMisused "IST0153",
    /// `REMOVE` where it is ignored.
    RemoveMisused "IST0154",
    /// A patch that depends on others, and is restricted to one proxy version.
    RelativeOperationVersion "IST0155",
    /// A telemetry object with an empty list of providers.
    EmptyProviders "IST0157",
    /// Telemetries select the same workloads.
    ConflictingTelemetries "IST0159",
    /// Several telemetries are for all workloads of a namespace.
    TelemetriesWithoutSelector "IST0160",
    /// No Service lets in a gateway's port.
    GatewayPort "IST0162",
    /// A virtual service names a gateway that Istio makes for itself.
    InternalGateway "IST0165",
    /// A document without any effect.
    Ineffective "IST0167",
    /// A subset has labels that no endpoint has.
    SubsetSelectsNothing "IST0173",
    /// A destination rule for a host that no document names.
    UnknownHost "IST0174",
    /// Service entries give one host's port different protocols.
    ConflictingProtocol "IST0177",
    /// Invalid YAML, or an unreadable file.
    Unreadable "MSH0001",
    /// A document that exceeds the limits of size, depth or aliases.
    TooLarge "MSH0002",
    /// An unknown field.
    UnknownField "MSH0003",
    /// A value of the wrong type for its field.
    WrongType "MSH0004",
    /// A duplicate field.
    DuplicateField "MSH0005",
    /// Two documents for one object.
    DuplicateObject "MSH0006",
    /// An `apiVersion` that Kubernetes rejects.
    ApiVersion "MSH0007",
    /// A document of a kind that is not Istio's, or is not supported.
    Skipped "MSH0008",
    /// A document that is validated but not enforced.
    NotEnforced "MSH0009",
    /// A field name in snake case.
    Spelling "MSH0010",
    /// A rate limit that Envoy does not enforce.
    LimitNotEnforced "MSH0011",
    /// A patch of a filter other than the local rate limit.
    UnknownFilter "MSH0012",
    /// Outlier detection that never ejects an endpoint.
    NeverEjects "MSH0013",
    /// Attempts that together take longer than the request's timeout.
    AttemptsOutlastTimeout "MSH0014",
    /// A fault combined with retries or a timeout on one route.
    FaultWithRetry "MSH0015",
    /// A hash policy for a host with weighted destinations.
    HashPolicyWithWeights "MSH0016",
    /// An HTTP policy for a host whose traffic Istio handles as TCP.
    HttpPolicyForTls "MSH0017",
    /// A field without effect in this crate.
    FieldWithoutEffect "MSH0018",
    /// A kind that Istio does not define.
    UnknownKind "MSH0019",
    /// More findings than are shown.
    MoreFindings "MSH0020",
}

impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
