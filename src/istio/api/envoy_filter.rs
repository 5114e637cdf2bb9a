use super::security::TargetRef;
use super::workload::LabelSelector;
use crate::istio::api::fields::descriptor::declaration::{
    Declaration, When, by, enforced, note, void, warn,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{Entries, Int, NodeRef, Nullable, Pick, Spanned, Text, UInt};

/// Effect of selectors of listeners and routes that Envoy supports and this crate does not.
const WIDER: Declaration = note("the patch applies as if this field were not set");

message! {
    EnvoyFilter {
        workload_selector: Option<LabelSelector>,
        target_refs: Nullable<TargetRef> => warn(
            "the filter applies to all workloads of its namespace and selector",
            "write `workloadSelector`",
        ).size(0, 16),
        config_patches: Nullable<ConfigPatch>,
        priority: Int,
    }

    ConfigPatch {
        apply_to: Pick<ApplyTo>
            => enforced("`HTTP_FILTER`, `HTTP_ROUTE` and `VIRTUAL_HOST`; `MSH0012` for others"),
        matches as "match": Option<PatchMatch>,
        patch: Option<Patch>,
    }

    PatchMatch {
        context: Pick<Context>
            => enforced("`MSH0018` for `WAYPOINT`").warn_if(
                When::Is(&["WAYPOINT"]),
                "there are no waypoints: no requests are limited",
                "write SIDECAR_INBOUND",
            ),
        proxy: Option<ProxyMatch> => note("the patch applies regardless of the proxy"),
        listener: Option<ListenerMatch>,
        route_configuration: Option<RouteConfigurationMatch>,
        cluster: Option<ClusterMatch>
            => void("no patch of a cluster has an effect (`MSH0012`)"),
        waypoint: Option<WaypointMatch> => by("context"),
    }

    ProxyMatch {
        proxy_version: Text,
        metadata: Entries<Spanned<String>>,
    }

    ListenerMatch {
        port_number: UInt,
        port_name: Text => WIDER,
        filter_chain: Option<FilterChainMatch>
            => enforced("selects a filter chain; see its fields"),
        listener_filter: Text => WIDER,
        name: Text => WIDER,
    }

    FilterChainMatch {
        name: Text => WIDER,
        sni: Text => WIDER,
        transport_protocol: Text => WIDER,
        transport_socket: Text => WIDER,
        application_protocols: Text => WIDER,
        filter: Option<FilterMatch>
            => void("there are no other filters: the limit applies before routing"),
        destination_port: UInt => WIDER,
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
        port_name: Text => WIDER,
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
        action: Pick<RouteAction> => WIDER,
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
        route: Option<WaypointRouteMatch>,
    }

    WaypointRouteMatch {
        name: Text,
    }

    Patch {
        operation: Pick<Operation>
            => enforced("`MSH0018` for `MERGE` and `REPLACE` of the filter itself"),
        value: Option<NodeRef> => enforced(
            "a local rate limit, direct or in a `TypedStruct`, as below; `MSH0012` for everything \
             else",
        ),
        filter_class: Pick<FilterClass> => void("there are no other filters"),
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
