//! State of one upstream cluster.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::policies::{ConcurrencyLimitSnapshot, RetryBudgetSnapshot};
use super::record::snapshot;
use crate::foundation::outcome::{EjectionReason, Origin};

snapshot! {
    /// State of one upstream cluster that was called.
    ClusterSnapshot {
        /// Name as Istio writes it: `outbound|port|subset|host`, or `PassthroughCluster`.
        name: Box<str>,
        /// Full name of its host.
        host: Box<str>,
        /// Subset, if it is one.
        subset: Option<Box<str>>,
        /// Port of the destination or, without one there, of the request.
        port: Option<u16>,
        /// Source of its endpoints: `fixed` addresses, `dns` names, the `name` of the request, or `unknown`.
        discovery: &'static str,
        /// True if the documents place it inside the mesh.
        is_internal: bool,
        /// Endpoints, in their order.
        endpoints: Vec<EndpointSnapshot>,
        /// Number of ejections so far.
        ejections: u64,
        /// Number of outliers so far that stayed in rotation.
        ejections_suppressed: u64,
        /// Limit of requests in flight, `http2MaxRequests`.
        concurrency_limit: ConcurrencyLimitSnapshot,
        /// Budget of the retries of all routes to it.
        retry_budget: RetryBudgetSnapshot,
        /// Connections; `None` before the first request, and over a transport that has its own.
        pool: Option<PoolSnapshot>,
        /// Known reason why no endpoint is reachable: a name without addresses, or a failed connection.
        unreachable: Option<Box<str>>,
        /// Place of its destination rule.
        rule: Option<Origin>,
        /// Place of its outlier detection.
        outlier_detection: Option<Origin>,
        /// Place of its connection pool.
        connection_pool: Option<Origin>,
        /// Place of its endpoints, a service entry.
        service_entry: Option<Origin>,
    }
}

snapshot! {
    /// State of one endpoint.
    EndpointSnapshot {
        /// Host and port.
        address: Box<str>,
        /// Id of the endpoint, unique in this process.
        id: u64,
        /// Labels.
        labels: BTreeMap<Box<str>, Box<str>>,
        /// Weight; 0 for an endpoint that gets no requests.
        weight: u32,
        /// Requests in flight; 0 where the balancer has no choice and nothing observes the outcome.
        in_flight: u32,
        /// Its ejection, while it lasts.
        ejection: Option<EjectionSnapshot>,
    }
}

snapshot! {
    /// Ejection of an endpoint.
    EjectionSnapshot {
        /// Criterion that the endpoint failed; serialized as its [label](EjectionReason::label).
        reason: EjectionReason,
        /// Time of the ejection.
        since: SystemTime,
        /// Time of the sweep that ends it, if no longer one follows.
        until: SystemTime,
        /// Time left until then.
        remaining: Duration,
        /// Number of ejections in a row, by which the time grows.
        times: u32,
    }
}

snapshot! {
    /// State of the connections to a cluster.
    PoolSnapshot {
        /// Number of connections that count against the limit.
        open: usize,
        /// Number of connections without a request.
        idle: usize,
        /// Number of requests that wait for a connection.
        pending: usize,
        /// Number of connection attempts so far.
        opened: u64,
        /// Number of ended connections so far.
        closed: u64,
        /// Maximum number of connections; `None` without a limit.
        max_connections: Option<u32>,
        /// Maximum number of waiting requests; `None` without a limit.
        max_pending: Option<u32>,
    }
}
