//! Istio's labels, in the order in which its sidecars write them.

use std::sync::Arc;

use super::series_table::SeriesKind;
use crate::foundation::endpoints::Endpoint;
use crate::foundation::events::Completion;
use crate::foundation::outcome::{Direction, Outcome, Rejection, Source, WorkloadMetadata};

/// Label of what is not known.
pub(in crate::integrations::prometheus) const UNKNOWN: &str = "unknown";

/// Istio's names of clusters that no document describes.
const BLACK_HOLE: &str = "BlackHoleCluster";
const PASSTHROUGH: &str = "PassthroughCluster";

/// Istio's labels of a request, in the order of its sidecars. Those of gRPC's messages are the first 20.
pub(in crate::integrations::prometheus) const NAMES: [&str; 25] = [
    "reporter",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_service_name",
    "destination_service_namespace",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
];

/// Number of labels of gRPC's messages.
pub(in crate::integrations::prometheus) const OF_MESSAGES: usize = 20;

/// Labels of an attempt beside those of its request.
pub(in crate::integrations::prometheus) const OF_ATTEMPTS: [&str; 3] =
    ["outcome", "reason", "retry"];

/// Names by which the process knows itself.
#[derive(Debug)]
pub(in crate::integrations::prometheus) struct Identity {
    /// Domain in which the full names of services end.
    pub(in crate::integrations::prometheus) domain: Arc<str>,
    /// Workload of stacks that belong to no mesh.
    pub(in crate::integrations::prometheus) own: Arc<WorkloadMetadata>,
}

/// Names of a service.
struct Service {
    host: Arc<str>,
    name: Arc<str>,
    /// Empty if its host does not say it.
    namespace: Arc<str>,
}

type Label = (&'static str, Arc<str>);

/// Returns the labels of a request or an attempt; `host` is that of a request whose source names none.
pub(super) fn labels(
    kind: SeriesKind,
    identity: &Identity,
    source: &Source,
    done: &Completion,
    host: Option<&str>,
) -> Vec<Label> {
    let own: &WorkloadMetadata = source.metadata().unwrap_or(&identity.own);
    let is_server = done.is_served && source.direction() != Some(Direction::Gateway);
    let peer = peer(done);
    let service = if is_server {
        own_service(own)
    } else {
        called_service(identity, source, done, host)
    };
    let reporter = if is_server { "destination" } else { "source" };
    let (from, to) = if is_server {
        (&peer, own)
    } else {
        (own, &peer)
    };
    let namespace = match (is_server, service.namespace.is_empty()) {
        (true, _) => Arc::clone(&own.namespace),
        (false, false) => service.namespace,
        (false, true) => Arc::clone(&peer.namespace),
    };
    let unknown: Arc<str> = UNKNOWN.into();
    let code = done.status.map_or(0, |status| status.as_u16());
    let grpc = done.grpc_status().filter(|_| done.is_grpc);
    let values: [Arc<str>; NAMES.len()] = [
        reporter.into(),
        Arc::clone(&from.workload),
        Arc::clone(&from.canonical_service),
        Arc::clone(&from.canonical_revision),
        Arc::clone(&from.namespace),
        Arc::clone(&unknown),
        Arc::clone(&from.app),
        Arc::clone(&from.version),
        Arc::clone(&from.cluster),
        Arc::clone(&to.workload),
        Arc::clone(&to.namespace),
        unknown,
        Arc::clone(&to.app),
        Arc::clone(&to.version),
        service.host,
        Arc::clone(&to.canonical_service),
        Arc::clone(&to.canonical_revision),
        service.name,
        namespace,
        Arc::clone(&to.cluster),
        if done.is_grpc { "grpc" } else { "http" }.into(),
        code.to_string().into(),
        grpc.map_or_else(String::new, |status| status.code().to_string())
            .into(),
        done.flags.to_string().into(),
        // Only a server knows it: over its own connection it sees the certificates of both.
        if is_server { "none" } else { UNKNOWN }.into(),
    ];
    let mut all: Vec<_> = NAMES.into_iter().zip(values).collect();
    if kind == SeriesKind::Attempts {
        let retry = if done.retries > 0 { "true" } else { "false" };
        let values = [outcome_of(done), reason_of(done), retry];
        all.extend(OF_ATTEMPTS.into_iter().zip(values.map(Arc::from)));
    }
    all
}

/// Returns the labels of all that has no room for its own.
pub(super) fn overflow_labels(labels: &[Label]) -> Vec<Label> {
    let labels = labels.iter();
    let labels = labels.map(|(name, value)| match *name {
        "reporter" | "request_protocol" | "connection_security_policy" => {
            (*name, Arc::clone(value))
        }
        "source_cluster" | "destination_cluster" => (*name, Arc::default()),
        _ => (*name, UNKNOWN.into()),
    });
    labels.collect()
}

/// Returns the metadata of the other end: as it named itself, or as its endpoint's labels do.
fn peer(done: &Completion) -> WorkloadMetadata {
    let peer = match (&done.peer, &done.endpoint) {
        (Some(peer), _) => WorkloadMetadata::clone(peer),
        (None, Some(endpoint)) if !done.is_served => of_endpoint(endpoint),
        _ => WorkloadMetadata::default(),
    };
    let or_unknown = |name: Arc<str>| {
        if name.is_empty() {
            UNKNOWN.into()
        } else {
            name
        }
    };
    let revision = peer.canonical_revision;
    WorkloadMetadata {
        app: or_unknown(peer.app),
        canonical_revision: if revision.is_empty() {
            "latest".into()
        } else {
            revision
        },
        canonical_service: or_unknown(peer.canonical_service),
        namespace: or_unknown(peer.namespace),
        version: or_unknown(peer.version),
        workload: or_unknown(peer.workload),
        // Never `unknown`: Kiali takes such a cluster for another one, and drops the series. An empty label is none.
        ..peer
    }
}

fn of_endpoint(endpoint: &Endpoint) -> WorkloadMetadata {
    WorkloadMetadata::new("", "", |name| endpoint.label(name))
}

/// Returns the service of a workload that serves. The host of the request is not believed.
fn own_service(own: &WorkloadMetadata) -> Service {
    if own.service.is_empty() {
        let name = &own.canonical_service;
        return Service {
            host: Arc::clone(name),
            name: Arc::clone(name),
            namespace: Arc::clone(&own.namespace),
        };
    }
    let short = own.service.split('.').next().unwrap_or_default();
    Service {
        host: Arc::clone(&own.service),
        name: short.into(),
        namespace: Arc::clone(&own.namespace),
    }
}

/// Returns the service that was called: the host of the cluster, the name of the stack, or the host of the request.
fn called_service(
    identity: &Identity,
    source: &Source,
    done: &Completion,
    host: Option<&str>,
) -> Service {
    let unnamed = match (source.cluster(), done.rejection) {
        (Some(PASSTHROUGH), _) => Some(PASSTHROUGH),
        (_, Some(Rejection::UnknownHost)) => Some(BLACK_HOLE),
        _ => None,
    };
    if let Some(name) = unnamed {
        // Any number of hosts, which callers choose: Istio names each; here only their cluster is.
        return Service {
            host: UNKNOWN.into(),
            name: name.into(),
            namespace: UNKNOWN.into(),
        };
    }
    let of_route = source
        .host()
        .filter(|_| source.cluster().is_some() || source.route().is_some());
    let host = of_route
        .or_else(|| source.name())
        .or(host)
        .unwrap_or(UNKNOWN);
    let in_cluster = host.strip_suffix(&*identity.domain);
    let in_cluster = in_cluster.and_then(|host| host.strip_suffix(".svc."));
    match in_cluster.and_then(|host| host.split_once('.')) {
        Some((name, namespace)) => Service {
            host: host.into(),
            name: name.into(),
            namespace: namespace.into(),
        },
        None => Service {
            host: host.into(),
            name: host.into(),
            namespace: Arc::default(),
        },
    }
}

/// Returns the outcome of an attempt as a label.
pub(super) fn outcome_of(done: &Completion) -> &'static str {
    match (done.rejection, done.outcome) {
        (Some(_), _) | (None, Outcome::Rejected) => "rejected",
        (None, Outcome::Abandoned) => "abandoned",
        (None, Outcome::Failed(_)) => "failed",
        (None, outcome) if outcome.is_success() => "success",
        (None, _) => "error",
    }
}

/// Returns the reason of an attempt's outcome as a label: the failure, or the policy that rejected it.
pub(super) const fn reason_of(done: &Completion) -> &'static str {
    match (done.rejection, done.outcome) {
        (Some(rejection), _) => rejection.policy(),
        (None, Outcome::Failed(failure)) => failure.name(),
        (None, _) => "",
    }
}
