use crate::istio::api::fields::descriptor::declaration::{
    Declaration, ENFORCED, PERCENT, TIME, enforced, note, required, warn,
};
use crate::istio::api::fields::message::{choice, message};
use crate::istio::api::fields::read::{
    Entries, Flag, Nullable, Number, Pick, Spanned, Text, Texts, Time, UInt,
};

const NO_LOCALITIES: Declaration = warn(
    "endpoints have no localities: all have the same priority",
    "name the endpoints of this place only, or give them weights",
);

message! {
    LoadBalancer {
        simple: Pick<SimpleBalancer>,
        consistent_hash: Option<ConsistentHash>,
        backend_utilization: Option<BackendUtilization> => warn(
            "endpoints are chosen as under LEAST_REQUEST: no endpoint reports its utilization",
            "write `simple: LEAST_REQUEST`",
        ),
        locality_lb_setting: Option<Locality> => NO_LOCALITIES,
        warmup_duration_secs: Time => TIME,
        warmup: Option<Warmup>,
        zone_aware_lb_setting: Option<ZoneAware> => NO_LOCALITIES,
    }

    ConsistentHash {
        http_header_name: Text,
        http_cookie: Option<HttpCookie>,
        use_source_ip: Flag,
        http_query_parameter_name: Text,
        ring_hash: Option<RingHash>,
        maglev: Option<Maglev> => note(
            "a ring of hashes chooses: keys stay as well, and go to other endpoints than Envoy's",
        ),
        minimum_ring_size: UInt
            => enforced("deprecated: `IST0133` says so; read as that of `ringHash`"),
    }

    HttpCookie {
        name: Text => required("the cookie has no name", "write `name`"),
        path: Text,
        ttl: Time,
        attributes: Nullable<Attribute>,
    }

    Attribute {
        name: Text => required("the attribute has no name", "write `name`"),
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
        from: Text => required("there is no locality", "write `from`"),
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
        min_cluster_size: UInt => ENFORCED.range(1.0, f64::MAX, "the size is 0", "write 1 or more"),
    }

    BackendUtilization {
        error_utilization_penalty_percent: UInt,
        metric_names_for_computing_utilization: Texts,
        weight_expiration_period: Time,
        weight_stabilization_period: Time,
        weight_update_period: Time,
    }

    Warmup {
        duration: Time => TIME.required("the warm-up has no end", "write `duration`"),
        minimum_percent: Number => PERCENT,
        aggression: Number
            => ENFORCED.range(1.0, f64::MAX, "the aggression is below 1", "write 1.0 or more"),
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
