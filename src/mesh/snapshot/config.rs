//! State of a mesh, and the configuration that its proxies have applied.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::cluster::ClusterSnapshot;
use super::policies::RateLimitSnapshot;
use super::record::snapshot;
use crate::foundation::outcome::Origin;
use crate::istio::Diagnostic;

snapshot! {
    /// State of a [`Mesh`](crate::Mesh).
    MeshSnapshot {
        /// Time of the snapshot.
        at: SystemTime,
        /// Number of the current version of the configuration.
        version: u64,
        /// Number of objects in the documents.
        objects: usize,
        /// Workloads and gateways that this process has made, in the order of their names.
        proxies: Vec<ProxySnapshot>,
        /// Warnings and notes about the current documents, the first 200; [`Mesh::diagnostics`](crate::Mesh::diagnostics) returns all.
        diagnostics: Vec<Diagnostic>,
        /// Number of all warnings and notes.
        diagnostic_count: usize,
        /// The last 100 changes, oldest first.
        history: Vec<ChangeSnapshot>,
        /// The last 10 refused changes, oldest first.
        refusals: Vec<RefusalSnapshot>,
        /// Number of changes that were refused so far.
        refused: u64,
        /// The last rollout of each host, oldest first.
        canaries: Vec<CanarySnapshot>,
    }
}

snapshot! {
    /// State of a rollout.
    CanarySnapshot {
        /// Host, as the release names it.
        host: Box<str>,
        /// Subset of the new version.
        subset: Box<str>,
        /// Share of the new version, in millionths.
        weight: u32,
        /// Number of the current step, from 0.
        step: usize,
        /// Weight, verdict, and its reason in numbers.
        decision: Box<str>,
        /// Evidence of each check.
        evidence: Vec<Box<str>>,
        /// True if the rollout is over.
        is_over: bool,
    }
}

snapshot! {
    /// One change of the configuration.
    ChangeSnapshot {
        /// Number of the version that it began.
        version: u64,
        /// Time of the change.
        at: SystemTime,
        /// Cause, such as `apply` or the path of the files.
        cause: Box<str>,
        /// Differences, such as `VirtualService waste/users changed`.
        changed: Vec<Box<str>>,
    }
}

snapshot! {
    /// One change that was refused; everything stayed as it was.
    RefusalSnapshot {
        /// Time of the refusal.
        at: SystemTime,
        /// Cause of the change, such as `apply` or the path of the files.
        cause: Box<str>,
        /// Error in one line.
        error: Box<str>,
        /// Errors of the documents, the first 20.
        diagnostics: Vec<Diagnostic>,
        /// True for the newest attempt: no change was applied since.
        is_current: bool,
    }
}

snapshot! {
    /// State and configuration of one workload or gateway.
    ProxySnapshot {
        /// Name of the workload or the gateway.
        name: Box<str>,
        /// Namespace.
        namespace: Box<str>,
        /// True for a gateway.
        is_gateway: bool,
        /// Labels of the workload's pod.
        labels: BTreeMap<Box<str>, Box<str>>,
        /// Version of the configuration that it has applied.
        version: u64,
        /// Virtual hosts, as the documents configure them for it.
        hosts: Vec<HostSnapshot>,
        /// Clusters that were called, in the order of their names.
        clusters: Vec<ClusterSnapshot>,
        /// Rate limits that were used.
        rate_limits: Vec<LimitSnapshot>,
        /// Authorization policies that hold for it.
        authorization: Vec<PolicySnapshot>,
        /// Number of requests that they denied.
        denied: u64,
    }
}

snapshot! {
    /// One authorization policy of a workload or a gateway.
    PolicySnapshot {
        /// Name of the policy.
        name: Box<str>,
        /// Namespace of the policy.
        namespace: Box<str>,
        /// Istio's name of its action, such as `DENY`.
        action: &'static str,
        /// True if it is counted and not enforced.
        dry_run: bool,
        /// Number of requests that a rule matched. A policy that is enforced and allows does not count them.
        matched: u64,
        /// Number of requests that no policy in dry run would have allowed; 0 for other policies.
        unmatched: u64,
        /// Place in the documents.
        origin: Option<Origin>,
    }
}

snapshot! {
    /// One virtual host.
    HostSnapshot {
        /// `VirtualService namespace/name`, or the full host name without a virtual service.
        id: Box<str>,
        /// Full name of the host; the first one, where several have the same routes.
        host: Box<str>,
        /// Place in the documents.
        origin: Option<Origin>,
        /// Routes in the order of matching.
        routes: Vec<RouteSnapshot>,
    }
}

snapshot! {
    /// One route.
    RouteSnapshot {
        /// Name of the route, if it has one.
        name: Option<Box<str>>,
        /// Destinations; empty for a route that answers or redirects.
        destinations: Vec<DestinationSnapshot>,
        /// Total timeout; `None` without one.
        timeout: Option<Duration>,
        /// Maximum number of retries.
        retries: u32,
        /// Place of the route.
        origin: Option<Origin>,
        /// Place of the timeout.
        timeout_origin: Option<Origin>,
        /// Place of the retries.
        retry_origin: Option<Origin>,
    }
}

snapshot! {
    /// One destination of a route, with its weight.
    DestinationSnapshot {
        /// Full name of the host.
        host: Box<str>,
        /// Subset, if one is set.
        subset: Option<Box<str>>,
        /// Port, if one is set.
        port: Option<u16>,
        /// Weight in force.
        weight: u32,
        /// Weight in the documents, which differs if code has set another one.
        documented_weight: u32,
    }
}

snapshot! {
    /// One local rate limit of a proxy.
    LimitSnapshot {
        /// Filter and descriptor.
        id: Box<str>,
        /// Virtual host that it is for; empty for inbound requests.
        host: Box<str>,
        /// Place in the documents.
        origin: Option<Origin>,
        /// State.
        state: RateLimitSnapshot,
    }
}
