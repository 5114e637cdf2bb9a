use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

message! {
    LoadBalancer {
        simple: Pick<SimpleBalancer>,
        consistent_hash: Option<ConsistentHash>,
        backend_utilization: Option<BackendUtilization>,
        locality_lb_setting: Option<Locality>,
        warmup_duration_secs: Time,
        warmup: Option<Warmup>,
        zone_aware_lb_setting: Option<ZoneAware>,
    }

    ConsistentHash {
        http_header_name: Text,
        http_cookie: Option<HttpCookie>,
        use_source_ip: Flag,
        http_query_parameter_name: Text,
        ring_hash: Option<RingHash>,
        maglev: Option<Maglev>,
        minimum_ring_size: UInt,
    }

    HttpCookie {
        name: Text,
        path: Text,
        ttl: Time,
        attributes: Nullable<Attribute>,
    }

    Attribute {
        name: Text,
        value: Text,
    }

    RingHash {
        minimum_ring_size: UInt,
    }

    Maglev {
        table_size: UInt,
    }

    Locality {
        distribute: Nullable<Distribute>,
        failover: Nullable<Failover>,
        failover_priority: Texts,
        enabled: Flag,
    }

    Distribute {
        from: Text,
        to: Entries<Spanned<u32>>,
    }

    Failover {
        from: Text,
        to: Text,
    }

    ZoneAware {
        enabled: Flag,
        failover: Nullable<Failover>,
        failover_priority: Texts,
        min_cluster_size: UInt,
    }

    BackendUtilization {
        error_utilization_penalty_percent: UInt,
        metric_names_for_computing_utilization: Texts,
        weight_expiration_period: Time,
        weight_stabilization_period: Time,
        weight_update_period: Time,
    }

    Warmup {
        duration: Time,
        minimum_percent: Number,
        aggression: Number,
    }
}

choice! {
    SimpleBalancer {
        Unspecified "UNSPECIFIED",
        LeastConn "LEAST_CONN",
        Random "RANDOM",
        Passthrough "PASSTHROUGH",
        RoundRobin "ROUND_ROBIN",
        LeastRequest "LEAST_REQUEST",
    }
}
