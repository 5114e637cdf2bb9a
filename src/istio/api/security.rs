use super::destination_rule::Selector;
use crate::istio::api::fields::descriptor::declaration::{
    TIME, enforced, most, required, void, warn,
};
use crate::istio::api::fields::descriptor::{Cardinality, TypeDescriptor};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Field, Flag, Nullable, Pick, Read, Reader, Text, Texts, Time,
};
use crate::istio::syntax::tree::NodeId;

const TARGET: &str =
    "no token is validated by it: there are no gateways of the Gateway API and no waypoints here";
const SELECT: &str = "write `selector`";

message! {
    PeerAuthentication {
        selector: Option<Selector>,
        mtls: Option<MutualTls>,
        port_level_mtls: Option<PortTls>,
    }

    MutualTls {
        mode: Pick<MutualTlsMode>,
    }

    RequestAuthentication {
        selector: Option<Selector>,
        target_ref: Option<TargetRef> => warn(TARGET, SELECT),
        target_refs: Nullable<TargetRef> => warn(TARGET, SELECT).size(0, 16),
        jwt_rules: Nullable<JwtRule> => most(4_096),
    }

    JwtRule {
        issuer: Text,
        audiences: Texts,
        jwks_uri: Text => most(2_048),
        jwks: Text,
        from_headers: Nullable<JwtHeader>,
        from_params: Texts,
        from_cookies: Texts,
        output_payload_to_header: Text,
        output_claim_to_headers: Nullable<ClaimToHeader>,
        forward_original_token: Flag,
        timeout: Time => TIME,
        space_delimited_claims: Texts => most(64),
        presence: Pick<Presence>,
    }

    JwtHeader {
        name: Text => required("a header has no name", "write `name`"),
        prefix: Text,
    }

    ClaimToHeader {
        header: Text,
        claim: Text => required("the claim has no name", "write `claim`"),
    }

    TargetRef {
        group: Text => void("the kind identifies the target").size(0, 253),
        kind: Text => required("the target has no kind", "write `kind`").size(0, 63),
        name: Text => required("the target has no name", "write `name`").size(0, 253),
        namespace: Text => void("a policy is for its own namespace, so it is an error"),
    }

    AuthorizationPolicy {
        selector: Option<Selector>,
        target_ref: Option<TargetRef>,
        target_refs: Nullable<TargetRef> => most(16),
        rules: Option<Rules> => most(512),
        action: Pick<Action>,
        provider: Option<Provider>,
    }

    Provider {
        name: Text,
    }

    Rule {
        from: Option<Rows<From>> => most(512),
        to: Option<Rows<To>>,
        when: Nullable<Condition> => enforced(
            "`experimental.envoy.filters.*` never has a value: no filter of Envoy writes one",
        ),
    }

    From {
        source: Option<Source> => required("there is no source", "write `source`"),
    }

    To {
        operation: Option<AuthOperation> => required("there is no operation", "write `operation`"),
    }

    Source {
        principals: Texts,
        not_principals: Texts,
        request_principals: Texts,
        not_request_principals: Texts,
        namespaces: Texts,
        not_namespaces: Texts,
        ip_blocks: Texts,
        not_ip_blocks: Texts,
        remote_ip_blocks: Texts,
        not_remote_ip_blocks: Texts,
        service_accounts: Texts => most(16).max_item(320),
        not_service_accounts: Texts => most(16).max_item(320),
        trust_domains: Texts,
        not_trust_domains: Texts,
    }

    AuthOperation {
        hosts: Texts,
        not_hosts: Texts,
        ports: Texts,
        not_ports: Texts,
        methods: Texts,
        not_methods: Texts,
        paths: Texts,
        not_paths: Texts,
    }

    Condition {
        key: Text,
        values: Texts,
        not_values: Texts,
    }
}

/// The rules of a policy; an empty list differs from an absent one.
pub(crate) type Rules = Rows<Rule>;

/// A list that is present, with its position.
#[derive(Debug, PartialEq)]
pub(crate) struct Rows<T> {
    pub(crate) at: NodeId,
    pub(crate) rows: Vec<Option<T>>,
}

/// Modes by port; an empty map differs from an absent one.
#[derive(Debug, PartialEq)]
pub(crate) struct PortTls {
    pub(crate) at: NodeId,
    pub(crate) ports: Entries<MutualTls>,
}

impl<T: Read> Read for Rows<T> {
    const TYPE: &'static TypeDescriptor = &T::TYPE.several(Cardinality::Repeated);

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let Nullable(rows) = Field::of(Some(at), reader);
        Some(Self { at, rows })
    }
}

impl Read for PortTls {
    const TYPE: &'static TypeDescriptor = &MutualTls::TYPE.several(Cardinality::Map);

    fn read(at: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let ports = Field::of(Some(at), reader);
        Some(Self { at, ports })
    }
}

choice! {
    MutualTlsMode {
        Unset "UNSET",
        Disable "DISABLE",
        Permissive "PERMISSIVE",
        Strict "STRICT",
    }

    Presence {
        Optional "OPTIONAL",
        Required "REQUIRED",
    }

    Action {
        Allow "ALLOW",
        Deny "DENY",
        Audit "AUDIT",
        Custom "CUSTOM",
    }
}
