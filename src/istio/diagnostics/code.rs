use std::fmt::{self, Display, Formatter};

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident $text:literal,)*) => {
        /// The kind of a finding: Istio's own code where Istio has one, else one of ours (`MSH…`).
        ///
        /// A code keeps its meaning from release to release; new ones are added.
        #[non_exhaustive]
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum Code {
            $($(#[$meta])* #[doc = concat!("\n\n`", $text, "`")] $name,)*
        }

        impl Code {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Returns the code as it is printed.
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
    /// What `istioctl validate` refuses.
    SchemaValidation "IST0106",
    /// Two virtual services are for one host in the mesh.
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
    /// The same for one port.
    NoServerVerificationPort "IST0129",
    /// A route that no request reaches.
    UnreachableRule "IST0130",
    /// A match that another one before it covers.
    IneffectiveMatch "IST0131",
    /// A virtual service is for a host that its gateway does not have.
    HostNotInGateway "IST0132",
    /// What `istioctl validate` warns of.
    SchemaWarning "IST0133",
    /// A service entry for a protocol without hosts needs addresses.
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
    /// `REPLACE` where it cannot be.
    ReplaceMisused "IST0152",
    /// `ADD` where it is ignored.
    AddMisused "IST0153",
    /// `REMOVE` where it is ignored.
    RemoveMisused "IST0154",
    /// A patch that depends on others, for one version of the proxy.
    RelativeOperationVersion "IST0155",
    /// A telemetry with an empty list of providers.
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
    /// A text is no YAML, or a file cannot be read.
    Unreadable "MSH0001",
    /// A text is larger, deeper or has more aliases than any policy.
    TooLarge "MSH0002",
    /// A field that does not exist.
    UnknownField "MSH0003",
    /// A value of another type than its field.
    WrongType "MSH0004",
    /// A field is written twice.
    DuplicateField "MSH0005",
    /// Two documents are one object.
    DuplicateObject "MSH0006",
    /// An `apiVersion` that Kubernetes would refuse.
    ApiVersion "MSH0007",
    /// A document of a kind that is not Istio's, or is not known here.
    Skipped "MSH0008",
    /// A document that is checked and does nothing here.
    NotEnforced "MSH0009",
    /// A field's name is in snake case.
    Spelling "MSH0010",
    /// A limit that Envoy would not enforce.
    LimitNotEnforced "MSH0011",
    /// A patch of another filter than the local rate limit.
    UnknownFilter "MSH0012",
    /// An ejection that Envoy would never make.
    NeverEjects "MSH0013",
    /// The tries of a request take longer than its timeout.
    AttemptsOutlastTimeout "MSH0014",
    /// A fault and a retry or timeout on one route.
    FaultWithRetry "MSH0015",
    /// A sticky hash for a host that is split by weight.
    HashPolicyWithWeights "MSH0016",
    /// A policy for HTTP on a host that Istio sees only TCP of.
    HttpPolicyForTls "MSH0017",
    /// A field that is read and not acted on.
    FieldWithoutEffect "MSH0018",
    /// A kind that Istio does not have.
    UnknownKind "MSH0019",
    /// There were more findings than are shown.
    MoreFindings "MSH0020",
}

impl Display for Code {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
