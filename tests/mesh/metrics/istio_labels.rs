//! Istio's own expectations, from the templates of its proxy's tests (`testdata/metric`).

use std::collections::BTreeMap;

use http::{Request, Response};
use http_body_util::Full;
use meshless::mesh::RequestBody;
use meshless::prometheus::Format;

use super::{LOOPBACK, Process, client, connect, ok, server};
use crate::exposition::{label_names, of, sum};
use crate::support::{Text, get, send};

/// Labels of `client_request_total.yaml.tmpl`, in their order.
const CLIENT: [(&str, &str); 25] = [
    ("reporter", "source"),
    ("source_workload", "productpage-v1"),
    ("source_canonical_service", "productpage-v1"),
    ("source_canonical_revision", "version-1"),
    ("source_workload_namespace", "default"),
    ("source_principal", "unknown"),
    ("source_app", "productpage"),
    ("source_version", "v1"),
    ("source_cluster", "client-cluster"),
    // Istio: `ratings-v1`. A workload of this crate has the name of its service.
    ("destination_workload", "server"),
    ("destination_workload_namespace", "default"),
    ("destination_principal", "unknown"),
    ("destination_app", "ratings"),
    ("destination_version", "v1"),
    ("destination_service", "server.default.svc.cluster.local"),
    ("destination_canonical_service", "ratings"),
    ("destination_canonical_revision", "version-1"),
    ("destination_service_name", "server"),
    ("destination_service_namespace", "default"),
    ("destination_cluster", "server-cluster"),
    ("request_protocol", "http"),
    ("response_code", "200"),
    ("grpc_response_status", ""),
    ("response_flags", "-"),
    ("connection_security_policy", "unknown"),
];

const URL: &str = "http://server.default.svc.cluster.local/";

/// Returns the labels of the template with these changes, without those that are empty.
fn expected(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let all = CLIENT.iter().chain(changes).copied();
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut all: BTreeMap<_, _> = all.collect();
    all.retain(|_, value| !value.is_empty());
    all
}

fn grpc(_request: Request<RequestBody<Text>>) -> Response<Text> {
    // Two messages, of 1 byte and of none.
    let body = Full::from(&[0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0][..]);
    let response = Response::builder().header("content-type", "application/grpc");
    response.header("grpc-status", "7").body(body).unwrap()
}

fn grpc_request() -> Request<Text> {
    let mut request = get(URL);
    let headers = request.headers_mut();
    headers.insert("content-type", "application/grpc".parse().unwrap());
    request
}

#[tokio::test(start_paused = true)]
async fn a_request_has_the_labels_of_istio_at_both_of_its_ends() {
    let (from, to) = (
        Process::new("client-cluster"),
        Process::new("server-cluster"),
    );
    let service = connect(&client(&from), &server(&to), LOOPBACK, ok);
    for _ in 0..10 {
        assert_eq!(send(&service, get(URL)).await, (200, None));
    }
    let text = from.metrics.encode(Format::Text);
    let names = CLIENT.map(|(name, _)| name);
    assert_eq!(label_names(&text, "istio_requests_total"), names);
    let [sent, received] = [&from, &to].map(|process| {
        let samples = process.samples();
        let all = of(&samples, "istio_requests_total");
        assert_eq!(all.len(), 1, "{all:#?}");
        all[0].clone()
    });
    assert_eq!((sent.value, received.value), (10.0, 10.0));
    assert_eq!(sent.labels, expected(&[]));
    // server_request_total.yaml.tmpl
    let at_server = [
        ("reporter", "destination"),
        ("connection_security_policy", "none"),
    ];
    assert_eq!(received.labels, expected(&at_server));
}

#[tokio::test(start_paused = true)]
async fn a_grpc_call_has_its_status_and_counts_its_messages() {
    let (from, to) = (
        Process::new("client-cluster"),
        Process::new("server-cluster"),
    );
    let service = connect(&client(&from), &server(&to), LOOPBACK, grpc);
    send(&service, grpc_request()).await;
    let samples = from.samples();
    let changes = [("request_protocol", "grpc"), ("grpc_response_status", "7")];
    let all = of(&samples, "istio_requests_total");
    assert_eq!(all.len(), 1, "{all:#?}");
    assert_eq!(all[0].labels, expected(&changes));
    // client_response_messages.yaml.tmpl, which has no status: it is written before the end.
    let text = from.metrics.encode(Format::Text);
    let names = label_names(&text, "istio_response_messages_total");
    assert_eq!(
        names,
        CLIENT[..20]
            .iter()
            .map(|(name, _)| *name)
            .collect::<Vec<_>>()
    );
    assert_eq!(sum(&samples, "istio_response_messages_total", &[]), 2.0);
}

#[tokio::test(start_paused = true)]
async fn a_call_without_an_answer_has_the_code_0_and_the_flag_of_its_failure() {
    let process = Process::new("client-cluster");
    let upstream = crate::support::Upstream::new(|_| 0);
    let service = client(&process).outbound(upstream);
    let answered = tower::ServiceExt::oneshot(service, get(URL)).await;
    assert!(answered.is_err());
    let samples = process.samples();
    let all = of(&samples, "istio_requests_total");
    assert_eq!(all.len(), 1, "{all:#?}");
    // Istio's default: two retries of a connection that failed.
    let changes = [("response_code", "0"), ("response_flags", "UF,URX")];
    for (name, value) in changes {
        assert_eq!(all[0].label(name), value, "{name}");
    }
    let attempts = |labels: &[_]| sum(&samples, "meshless_attempts_total", labels);
    assert_eq!(
        attempts(&[("outcome", "failed"), ("reason", "connect")]),
        3.0
    );
    assert_eq!(attempts(&[("retry", "true")]), 2.0);
    assert_eq!(sum(&samples, "meshless_retries_total", &[]), 2.0);
    let limit = [("reason", "attempts")];
    assert_eq!(sum(&samples, "meshless_retries_stopped_total", &limit), 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_peer_is_unknown_and_has_no_cluster() {
    let process = Process::new("client-cluster");
    let service = client(&process).outbound(crate::support::Upstream::new(|_| 200));
    assert_eq!(send(&service, get(URL)).await.0, 200);
    let samples = process.samples();
    let all = of(&samples, "istio_requests_total");
    // Istio: `unknown` as the cluster, for which Kiali drops a series.
    let unknown = |name| (name, "unknown");
    let changes = [
        unknown("destination_workload"),
        unknown("destination_workload_namespace"),
        unknown("destination_app"),
        unknown("destination_version"),
        unknown("destination_canonical_service"),
        ("destination_canonical_revision", "latest"),
        ("destination_cluster", ""),
    ];
    assert_eq!(all[0].labels, expected(&changes));
}

#[tokio::test(start_paused = true)]
async fn durations_are_whole_milliseconds_in_the_buckets_of_envoy() {
    let process = Process::new("client-cluster");
    let upstream = crate::support::Upstream::timed(|_| (200, std::time::Duration::from_millis(30)));
    let service = client(&process).outbound(upstream);
    send(&service, get(URL)).await;
    let samples = process.samples();
    let metric = "istio_request_duration_milliseconds";
    let buckets = of(&samples, &format!("{metric}_bucket"));
    let bounds: Vec<_> = buckets
        .iter()
        .map(|sample| sample.label("le").parse::<f64>().unwrap())
        .collect();
    let expected = [
        0.5,
        1.0,
        5.0,
        10.0,
        25.0,
        50.0,
        100.0,
        250.0,
        500.0,
        1e3,
        2.5e3,
        5e3,
        1e4,
        3e4,
        6e4,
        3e5,
        6e5,
        1.8e6,
        3.6e6,
        f64::INFINITY,
    ];
    assert_eq!(bounds, expected);
    let first = buckets.iter().position(|sample| sample.value > 0.0);
    assert_eq!(first, Some(5), "50 ms");
    assert_eq!(sum(&samples, &format!("{metric}_sum"), &[]), 30.0);
    assert_eq!(sum(&samples, "istio_response_bytes_count", &[]), 1.0);
}
