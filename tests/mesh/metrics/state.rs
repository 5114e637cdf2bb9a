//! State of a mesh that is read as it is scraped, and Envoy's own statistics.

use super::{Process, client};
use crate::exposition::{of, sum};
use crate::support::{Upstream, get, send};

const URL: &str = "http://server.default.svc.cluster.local/";
const CLUSTER: &str = "outbound|80||server.default.svc.cluster.local";

#[tokio::test(start_paused = true)]
async fn changes_are_counted_by_their_result() {
    let process = Process::new("Kubernetes");
    process.mesh.apply("").unwrap();
    assert!(process.mesh.apply("kind: VirtualService").is_err());
    let samples = process.samples();
    let changes = |result| {
        sum(
            &samples,
            "meshless_config_changes_total",
            &[("result", result)],
        )
    };
    assert_eq!((changes("success"), changes("refused")), (1.0, 1.0));
    assert_eq!(sum(&samples, "meshless_config_version", &[]), 2.0);
    assert_eq!(
        of(&samples, "meshless_config_last_change_timestamp_seconds").len(),
        1
    );
    assert_eq!(process.mesh.metrics().map(|_| ()), Some(()));
}

#[tokio::test(start_paused = true)]
async fn a_mesh_that_is_gone_has_no_state() {
    let Process { mesh, metrics } = Process::new("Kubernetes");
    drop(mesh);
    let text = metrics.encode(meshless::prometheus::Format::Text);
    assert!(!text.contains("meshless_config_version"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_cluster_has_the_statistics_of_envoy() {
    let process = Process::new("Kubernetes");
    let answers = std::sync::atomic::AtomicU16::new(0);
    let upstream = Upstream::new(move |_| {
        let number = answers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        [0, 200, 404][usize::from(number) % 3]
    });
    let service = client(&process).outbound(upstream);
    assert_eq!(send(&service, get(URL)).await.0, 200);
    assert_eq!(send(&service, get(URL)).await.0, 404);
    let samples = process.samples();
    let cluster = [("envoy_cluster_name", CLUSTER)];
    assert_eq!(
        sum(&samples, "envoy_cluster_upstream_rq_total", &cluster),
        3.0
    );
    assert_eq!(
        sum(&samples, "envoy_cluster_upstream_rq_retry", &cluster),
        1.0
    );
    for (class, count) in [("2", 1.0), ("4", 1.0), ("5", 0.0), ("3", 0.0)] {
        let labels = [("envoy_response_code_class", class)];
        assert_eq!(
            sum(&samples, "envoy_cluster_upstream_rq_xx", &labels),
            count,
            "{class}"
        );
    }
    assert_eq!(
        sum(&samples, "envoy_cluster_upstream_rq_time_count", &cluster),
        3.0
    );
}
