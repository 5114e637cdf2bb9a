use super::security::TargetRef;
use super::workload::LabelSelector;
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Entries, Int, NodeRef, Nullable, Pick, Spanned, Text, UInt};

message! {
    EnvoyFilter {
        workload_selector: Option<LabelSelector>,
        target_refs: Nullable<TargetRef>,
        config_patches: Nullable<ConfigPatch>,
        priority: Int,
    }

    ConfigPatch {
        apply_to: Pick<ApplyTo>,
        matches as "match": Option<PatchMatch>,
        patch: Option<Patch>,
    }

    PatchMatch {
        context: Pick<Context>,
        proxy: Option<ProxyMatch>,
        listener: Option<ListenerMatch>,
        route_configuration: Option<RouteConfigurationMatch>,
        cluster: Option<ClusterMatch>,
        waypoint: Option<WaypointMatch>,
    }

    ProxyMatch {
        proxy_version: Text,
        metadata: Entries<Spanned<String>>,
    }

    ListenerMatch {
        port_number: UInt,
        port_name: Text,
        filter_chain: Option<FilterChainMatch>,
        listener_filter: Text,
        name: Text,
    }

    FilterChainMatch {
        name: Text,
        sni: Text,
        transport_protocol: Text,
        transport_socket: Text,
        application_protocols: Text,
        filter: Option<FilterMatch>,
        destination_port: UInt,
    }

    FilterMatch {
        name: Text,
        sub_filter: Option<SubFilter>,
    }

    SubFilter {
        name: Text,
    }

    RouteConfigurationMatch {
        port_number: UInt,
        port_name: Text,
        gateway: Text,
        vhost: Option<VirtualHostMatch>,
        name: Text,
    }

    VirtualHostMatch {
        name: Text,
        domain_name: Text,
        route: Option<RouteMatch>,
    }

    RouteMatch {
        name: Text,
        action: Pick<RouteAction>,
    }

    ClusterMatch {
        port_number: UInt,
        service: Text,
        subset: Text,
        name: Text,
    }

    WaypointMatch {
        port_number: UInt,
        filter: Option<FilterMatch>,
        route: Option<RouteMatch>,
    }

    Patch {
        operation: Pick<Operation>,
        value: Option<NodeRef>,
        filter_class: Pick<FilterClass>,
    }
}

choice! {
    ApplyTo {
        Invalid "INVALID",
        Listener "LISTENER",
        FilterChain "FILTER_CHAIN",
        NetworkFilter "NETWORK_FILTER",
        HttpFilter "HTTP_FILTER",
        RouteConfiguration "ROUTE_CONFIGURATION",
        VirtualHost "VIRTUAL_HOST",
        HttpRoute "HTTP_ROUTE",
        Cluster "CLUSTER",
        ExtensionConfig "EXTENSION_CONFIG",
        Bootstrap "BOOTSTRAP",
        ListenerFilter "LISTENER_FILTER",
    } => Newer

    Context {
        Any "ANY",
        SidecarInbound "SIDECAR_INBOUND",
        SidecarOutbound "SIDECAR_OUTBOUND",
        Gateway "GATEWAY",
        Waypoint "WAYPOINT",
    } => Newer

    RouteAction {
        Any "ANY",
        Route "ROUTE",
        Redirect "REDIRECT",
        DirectResponse "DIRECT_RESPONSE",
    }

    Operation {
        Invalid "INVALID",
        Merge "MERGE",
        Add "ADD",
        Remove "REMOVE",
        InsertBefore "INSERT_BEFORE",
        InsertAfter "INSERT_AFTER",
        InsertFirst "INSERT_FIRST",
        Replace "REPLACE",
        MergeAndReplaceList "MERGE_AND_REPLACE_LIST",
    } => Newer

    FilterClass {
        Unspecified "UNSPECIFIED",
        Authn "AUTHN",
        Authz "AUTHZ",
        Stats "STATS",
    }
}
