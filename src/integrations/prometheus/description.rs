use prometheus_client::metrics::MetricType;

/// Description of a metric: its name as it is scraped, its help and its type.
#[derive(Clone, Copy, Debug)]
pub(in crate::integrations::prometheus) struct Description {
    pub(in crate::integrations::prometheus) help: &'static str,
    pub(in crate::integrations::prometheus) kind: Kind,
    pub(in crate::integrations::prometheus) name: &'static str,
}

/// Type of a metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::integrations::prometheus) enum Kind {
    Counter,
    /// Counter of Envoy whose name does not end in `_total`, which text formats cannot say of a counter.
    EnvoyCounter,
    Gauge,
    Histogram,
}

impl Kind {
    pub(in crate::integrations::prometheus) const fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::EnvoyCounter => MetricType::Unknown,
            Self::Gauge => MetricType::Gauge,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

impl Description {
    /// Returns the name without the end that the encoder adds.
    pub(in crate::integrations::prometheus) fn base_name(&self) -> &'static str {
        match self.kind {
            Kind::Counter => self.name.strip_suffix("_total").unwrap_or(self.name),
            _ => self.name,
        }
    }
}

/// Declares descriptions as constants, and a list of all.
macro_rules! descriptions {
    ($($constant:ident = $kind:ident $name:literal, $help:literal;)*) => {
        $(#[allow(dead_code, reason = "those of a mesh are written with the feature `istio` alone")]
        pub(in crate::integrations::prometheus) const $constant: Description = Description {
            help: $help,
            kind: Kind::$kind,
            name: $name,
        };)*

        /// All metrics, in the order in which they are declared.
        #[cfg(test)]
        pub(in crate::integrations::prometheus) const ALL: &[Description] = &[$($constant),*];
    };
}

descriptions! {
    // Istio's.
    REQUESTS = Counter "istio_requests_total", "Requests, by Istio's labels";
    REQUEST_DURATION = Histogram "istio_request_duration_milliseconds", "Time to the end of the response";
    REQUEST_BYTES = Histogram "istio_request_bytes", "Size of requests";
    RESPONSE_BYTES = Histogram "istio_response_bytes", "Size of responses";
    RESPONSE_MESSAGES = Counter "istio_response_messages_total", "gRPC messages in responses";
    BUILD = Gauge "istio_build", "Version of the proxy";
    // Attempts.
    ATTEMPTS = Counter "meshless_attempts_total", "Attempts, by Istio's labels, outcome and reason";
    ATTEMPT_DURATION = Histogram "meshless_attempt_duration_milliseconds", "Time of an attempt";
    // Decisions.
    BODY_TIMEOUTS = Counter "meshless_body_timeouts_total", "Response bodies that a timeout cut off";
    CIRCUIT_STATE = Gauge "meshless_circuit_state", "Circuit breaker: 0 closed, 1 recovering, 2 half open, 3 open";
    CIRCUIT_TRANSITIONS = Counter "meshless_circuit_transitions_total", "Changes of state of circuit breakers";
    CIRCUIT_WOULD_OPEN = Counter "meshless_circuit_would_open_total", "Openings of circuit breakers in dry run";
    DNS_ENDPOINTS = Gauge "meshless_dns_endpoints", "Endpoints to which a name resolved last";
    DNS_RESOLUTIONS = Counter "meshless_dns_resolutions_total", "Resolutions of a name with a new result, or none";
    EJECTED = Gauge "meshless_ejected_endpoints", "Endpoints that are ejected";
    EJECTIONS = Counter "meshless_ejections_total", "Ejections of endpoints, by reason";
    EJECTIONS_SUPPRESSED = Counter "meshless_ejections_suppressed_total", "Outliers that stay in rotation, by reason";
    MIRRORS_DROPPED = Counter "meshless_mirrors_dropped_total", "Mirrored copies that were not sent or cancelled";
    MIRRORS_FAILED = Counter "meshless_mirrors_failed_total", "Mirrored copies that failed";
    REJECTIONS = Counter "meshless_rejections_total", "Local replies, by policy";
    RETRIES = Counter "meshless_retries_total", "Retries that were decided";
    RETRIES_STOPPED = Counter "meshless_retries_stopped_total", "Failures that were not retried, by reason";
    WOULD_REJECT = Counter "meshless_would_reject_total", "Requests that a policy in dry run would have rejected";
    // The exposition itself.
    OVERFLOW = Counter "meshless_metrics_overflow_total", "Sets of labels for which there was no room";
    // Envoy's.
    CLUSTER_RQ_TOTAL = Counter "envoy_cluster_upstream_rq_total", "Attempts of a cluster";
    CLUSTER_RQ = EnvoyCounter "envoy_cluster_upstream_rq", "Attempts of a cluster, by status";
    CLUSTER_RQ_XX = EnvoyCounter "envoy_cluster_upstream_rq_xx", "Attempts of a cluster, by class of status";
    CLUSTER_RQ_RETRY = EnvoyCounter "envoy_cluster_upstream_rq_retry", "Retries of a cluster";
    CLUSTER_RQ_TIMEOUT = EnvoyCounter "envoy_cluster_upstream_rq_timeout", "Attempts of a cluster that timed out";
    CLUSTER_RQ_OVERFLOW = EnvoyCounter "envoy_cluster_upstream_rq_pending_overflow", "Attempts that a limit of the cluster rejected";
    CLUSTER_RQ_TIME = Histogram "envoy_cluster_upstream_rq_time", "Milliseconds of the attempts of a cluster";
    CLUSTER_EJECTIONS = EnvoyCounter "envoy_cluster_outlier_detection_ejections_enforced_total", "Ejections of endpoints of a cluster";
    CLUSTER_EJECTIONS_ACTIVE = Gauge "envoy_cluster_outlier_detection_ejections_active", "Endpoints of a cluster that are ejected";
    // State of a mesh.
    CLUSTER_ACTIVE = Gauge "envoy_cluster_upstream_rq_active", "Requests in flight to a cluster";
    CLUSTER_CX_ACTIVE = Gauge "envoy_cluster_upstream_cx_active", "Connections to a cluster";
    CLUSTER_CX_TOTAL = Counter "envoy_cluster_upstream_cx_total", "Connections that were made to a cluster";
    CLUSTER_HEALTHY = Gauge "envoy_cluster_membership_healthy", "Endpoints of a cluster that are not ejected";
    CLUSTER_MEMBERS = Gauge "envoy_cluster_membership_total", "Endpoints of a cluster";
    CLUSTER_PENDING = Gauge "envoy_cluster_upstream_rq_pending_active", "Requests that wait for a permit or a connection";
    CONFIG_CHANGED = Gauge "meshless_config_last_change_timestamp_seconds", "Time of the last change of the documents";
    CONFIG_CHANGES = Counter "meshless_config_changes_total", "Changes of the documents, by result";
    CONFIG_FINDINGS = Gauge "meshless_config_findings", "Warnings and notes about the documents in force";
    CONFIG_REFUSED = Gauge "meshless_config_refused", "1 if the newest change of the documents was refused, else 0";
    CONFIG_VERSION = Gauge "meshless_config_version", "Version of the documents in force";
    LIMIT_KEYS = Gauge "meshless_rate_limit_keys", "Keys that have used a part of their limit";
    LIMIT_ENFORCED = Counter "meshless_rate_limit_enforced_total", "Requests that a limit of the documents rejected";
    LIMIT_LIMITED = Counter "meshless_rate_limit_limited_total", "Requests over a limit of the documents, rejected or not";
    POOL_IDLE = Gauge "meshless_pool_idle_connections", "Connections to a cluster without a request";
    RETRIES_ACTIVE = Gauge "meshless_retries_in_flight", "Retries to a cluster that wait or run";
    RETRY_BUDGET = Gauge "meshless_retry_budget_balance", "Retries that a budget has saved, negative for a debt";
    WEIGHT = Gauge "meshless_route_weight", "Weight in force of a destination of a route with several";
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = include_str!("../../../docs/metrics.md");

    #[test]
    fn the_page_has_each_metric_with_its_type_and_no_other() {
        let rows = PAGE.lines().filter_map(|line| {
            let mut cells = line.strip_prefix("| `")?.split('|');
            let name = cells.next()?.trim().strip_suffix('`')?;
            let is_metric = ["istio_", "meshless_", "envoy_"]
                .iter()
                .any(|start| name.starts_with(start));
            is_metric.then_some((name, cells.next()?.trim()))
        });
        let mut rows: Vec<_> = rows.collect();
        // Explained in a sentence.
        rows.push((OVERFLOW.name, "counter"));
        rows.sort_unstable();
        let mut expected: Vec<_> = ALL
            .iter()
            .map(|one| {
                let kind = match one.kind {
                    Kind::Counter => "counter",
                    Kind::EnvoyCounter => "untyped",
                    Kind::Gauge => "gauge",
                    Kind::Histogram => "histogram",
                };
                (one.name, kind)
            })
            .collect();
        expected.sort_unstable();
        assert_eq!(rows, expected);
    }

    #[test]
    fn only_counters_end_in_total_unless_envoy_says_otherwise() {
        for one in ALL {
            let is_total = one.name.ends_with("_total");
            match one.kind {
                Kind::Counter => assert!(is_total, "{}", one.name),
                _ => assert!(!is_total || one.name.starts_with("envoy_"), "{}", one.name),
            }
        }
    }
}
