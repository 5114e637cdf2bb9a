//! Kiali's rules for a series of its graph, and the graph of some calls.

use std::collections::BTreeMap;

use super::{LOOPBACK, Process, connect, status};
use crate::exposition::{Sample, of};
use crate::support::{get, send};

/// Labels without which Kiali drops a series.
const NEEDED: [&str; 14] = [
    "source_workload_namespace",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "destination_service_namespace",
    "destination_service",
    "destination_service_name",
    "destination_workload_namespace",
    "destination_workload",
    "destination_canonical_service",
    "destination_canonical_revision",
    "request_protocol",
    "response_code",
    "response_flags",
];

/// Returns the reason for which Kiali drops a series.
pub(crate) fn dropped(sample: &Sample) -> Option<String> {
    if let Some(missing) = NEEDED.iter().find(|name| sample.label(name).is_empty()) {
        return Some(format!("no label {missing}"));
    }
    let is_unknown = |name| sample.label(name) == "unknown";
    let is_known = |name| !is_unknown(name);
    if is_known("source_workload_namespace")
        && is_unknown("source_workload")
        && is_unknown("source_canonical_service")
    {
        return Some("a known namespace of an unknown source".to_owned());
    }
    if is_unknown("source_cluster") && is_known("source_workload_namespace") {
        return Some("an unknown cluster of a known source".to_owned());
    }
    let is_cluster_given = is_known("source_cluster") && !sample.label("source_cluster").is_empty();
    if is_unknown("destination_cluster")
        && is_known("destination_workload_namespace")
        && !is_cluster_given
    {
        return Some("an unknown cluster of a known destination".to_owned());
    }
    let is_address = sample
        .label("destination_service")
        .parse::<std::net::IpAddr>()
        .is_ok();
    (is_address && is_unknown("destination_workload"))
        .then(|| "an address as an unknown destination".to_owned())
}

/// Returns the number of requests between two workloads, as the reporter of a kind counts them.
fn edges(samples: &[Sample], reporter: &str) -> BTreeMap<(String, String, String), f64> {
    let mut edges = BTreeMap::new();
    for sample in of(samples, "istio_requests_total") {
        if sample.label("reporter") == reporter {
            let end = |name| sample.label(name).to_owned();
            let edge = (
                end("source_workload"),
                end("destination_service_name"),
                end("response_code"),
            );
            *edges.entry(edge).or_default() += sample.value;
        }
    }
    edges
}

#[tokio::test(start_paused = true)]
async fn kiali_keeps_each_series_and_both_reporters_agree_on_every_edge() {
    let processes = ["locations-service", "users-service", "waste-service"].map(|_| {
        let entry = |name: &str| {
            format!(
                "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: {name}}}\nspec:\n  \
                 hosts: [{name}.default.svc.cluster.local]\n  location: MESH_INTERNAL\n  resolution: STATIC\n  \
                 ports: [{{number: 80, name: http, protocol: HTTP}}]\n  endpoints: [{{address: 10.0.0.1}}]\n---\n"
            )
        };
        Process::with("Kubernetes", &["users-service", "waste-service"].map(entry).concat())
    });
    let [locations, users, waste] = &processes;
    let workload = |process: &Process, name: &str| process.mesh.workload(name, "default");
    let calls = [
        (
            locations,
            "locations-service",
            users,
            "users-service",
            200,
            3,
        ),
        (waste, "waste-service", users, "users-service", 200, 5),
        (waste, "waste-service", users, "users-service", 404, 2),
        (
            locations,
            "locations-service",
            waste,
            "waste-service",
            200,
            1,
        ),
    ];
    let mut expected = BTreeMap::new();
    for (from, caller, to, callee, code, count) in calls {
        let (from, to) = (workload(from, caller), workload(to, callee));
        let service = connect(&from, &to, LOOPBACK, status(code));
        for _ in 0..count {
            let url = format!("http://{callee}.default.svc.cluster.local/");
            assert_eq!(send(&service, get(&url)).await.0, code);
        }
        let edge = (caller.to_owned(), callee.to_owned(), code.to_string());
        expected.insert(edge, f64::from(count));
    }
    let samples: Vec<_> = processes.iter().flat_map(Process::samples).collect();
    for sample in of(&samples, "istio_requests_total") {
        assert_eq!(dropped(sample), None, "{sample:#?}");
    }
    assert_eq!(edges(&samples, "source"), expected);
    assert_eq!(edges(&samples, "destination"), expected);
    // A difference in one label would make an edge two.
    let identity = |reporter: &str| {
        let all = of(&samples, "istio_requests_total").into_iter();
        let all = all.filter(|sample| sample.label("reporter") == reporter);
        let mut all: Vec<_> = all
            .map(|sample| {
                let mut labels = sample.labels.clone();
                labels.retain(|name, _| NEEDED.contains(&&**name) || name.ends_with("_cluster"));
                labels
            })
            .collect();
        all.sort();
        all
    };
    assert_eq!(identity("source"), identity("destination"));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_no_document_names_is_not_a_label() {
    let process = Process::new("Kubernetes");
    let service = super::client(&process).outbound(crate::support::Upstream::new(|_| 200));
    for number in 0..50 {
        send(&service, get(&format!("http://host-{number}.example/"))).await;
    }
    let samples = process.samples();
    let all = of(&samples, "istio_requests_total");
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(
        all[0].label("destination_service_name"),
        "PassthroughCluster"
    );
    assert_eq!(all[0].value, 50.0);
}
