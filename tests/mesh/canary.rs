//! Rollouts that move the weights of a mesh by themselves: 50 requests a second, on a paused clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use meshless::canary::{CanaryPolicy, Step, Verdict};
use meshless::mesh::{CanaryError, CanaryRelease, WorkloadService};
use meshless::testing::RecordingObserver;
use meshless::{Mesh, Percent};
use tokio::time::{Instant, sleep};

use crate::support::{Text, Upstream, VERSIONS, get, send};

const HOST: &str = "waste-service";

const SPLIT: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: waste}
spec:
  hosts: [waste-service]
  http:
  - match: [{headers: {version: {exact: v2}}}]
    name: by-header
    route: [{destination: {host: waste-service, subset: v2}}]
  - name: all
    route:
    - {destination: {host: waste-service, subset: v1}, weight: 100}
    - {destination: {host: waste-service, subset: v2}, weight: 0}
";

fn documents() -> String {
    format!("{SPLIT}{VERSIONS}")
}

/// A mesh whose v2 answers with a status that the test sets.
struct Site {
    events: Arc<RecordingObserver>,
    mesh: Mesh,
    service: WorkloadService<Upstream, Text>,
    upstream: Upstream,
    v1: Arc<AtomicU16>,
    v2: Arc<AtomicU16>,
}

impl Site {
    fn new() -> Self {
        let events = Arc::new(RecordingObserver::new(1_000));
        let mesh = Mesh::builder()
            .with_seed(7)
            .with_observer(Arc::clone(&events) as _);
        let mesh = mesh.read_yaml(&documents()).unwrap();
        let (v1, v2) = (Arc::new(AtomicU16::new(200)), Arc::new(AtomicU16::new(200)));
        let versions = (Arc::clone(&v1), Arc::clone(&v2));
        let upstream = Upstream::new(move |uri| {
            let version = if uri.contains("10.0.0.2") {
                &versions.1
            } else {
                &versions.0
            };
            version.load(Ordering::Relaxed)
        });
        // Made, and used, before any rollout begins.
        let service = mesh
            .workload("caller", "default")
            .outbound(upstream.clone());
        Self {
            events,
            mesh,
            service,
            upstream,
            v1,
            v2,
        }
    }

    /// Sends requests at 50 a second; returns how many of them v2 got.
    async fn requests(&self, count: u32) -> usize {
        let before = self.v2_count();
        for _ in 0..count {
            sleep(Duration::from_millis(20)).await;
            send(&self.service, get("http://waste-service/")).await;
        }
        self.v2_count() - before
    }

    fn v2_count(&self) -> usize {
        let asked = self.upstream.asked();
        asked.iter().filter(|uri| uri.contains("10.0.0.2")).count()
    }
}

fn policy() -> CanaryPolicy {
    CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::Pause(Duration::from_secs(60)),
        Step::SetWeight(Percent::new(50)),
        Step::Pause(Duration::from_secs(60)),
    ])
}

fn release() -> CanaryRelease {
    CanaryRelease::new(HOST, "v2", policy())
}

#[tokio::test(start_paused = true)]
async fn a_good_version_gets_all_requests_step_by_step() {
    let site = Site::new();
    assert_eq!(site.requests(50).await, 0);
    let rollout = site.mesh.start_canary(release()).unwrap();
    let first = site.requests(50 * 30).await;
    assert!((100..210).contains(&first), "{first} of 1,500 at 10 %");
    site.requests(50 * 100).await;
    let status = rollout.status();
    assert_eq!(*status.decision().verdict(), Verdict::Promoted, "{status}");
    assert!(status.is_over() && site.mesh.canary(HOST).unwrap().status().is_over());
    assert_eq!(site.requests(50).await, 50);
    let decided = site.events.take().into_iter();
    let decided: Vec<_> = decided
        .map(|(event, _)| event.to_string())
        .filter(|text| text.starts_with("canary"))
        .collect();
    assert_eq!(decided.last().unwrap(), "canary v2: weight 100 %: promoted");
}

#[tokio::test(start_paused = true)]
async fn a_bad_version_is_withdrawn_at_once_with_the_evidence_in_the_log() {
    let site = Site::new();
    site.requests(50).await;
    let rollout = site.mesh.start_canary(release()).unwrap();
    site.requests(50 * 20).await;
    site.v2.store(500, Ordering::Relaxed);
    let began = Instant::now();
    let mut watch = rollout.watch();
    let ended = tokio::spawn(async move {
        let last = watch.ended().await;
        (last, Instant::now())
    });
    site.requests(50 * 10).await;
    let (last, at) = ended.await.unwrap();
    assert!(
        matches!(last.decision().verdict(), Verdict::Aborted(_)),
        "{last}"
    );
    assert!(at - began < Duration::from_secs(3), "{:?}", at - began);
    assert_eq!(site.requests(100).await, 0);
    let snapshot = site.mesh.snapshot();
    let [shown] = &snapshot.canaries[..] else {
        panic!("one rollout");
    };
    assert_eq!((shown.weight, shown.is_over), (0, true));
    assert_eq!(*shown.decision, last.decision().to_string());
    let events = site.events.take();
    let (event, source) = events
        .iter()
        .rfind(|(event, _)| event.name() == "canary_aborted")
        .unwrap();
    let text = event.to_string();
    assert!(
        text.starts_with("canary v2: weight 0 %: aborted: the canary is worse: success, canary "),
        "{text}"
    );
    assert_eq!(source.host(), Some(HOST));
}

/// Its requests get 503 once all of its endpoints are ejected, which says as much as a failure.
#[tokio::test(start_paused = true)]
async fn a_version_whose_endpoints_are_ejected_is_withdrawn() {
    let site = Site::new();
    let ejection = "  trafficPolicy: {outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 100}}\n  subsets:";
    let ejecting = documents().replace("  subsets:", ejection);
    site.mesh.apply(&ejecting).unwrap();
    site.v2.store(500, Ordering::Relaxed);
    let rollout = site.mesh.start_canary(release()).unwrap();
    site.requests(50 * 10).await;
    let status = rollout.status();
    assert!(
        matches!(status.decision().verdict(), Verdict::Aborted(_)),
        "{status}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_gradual_return_takes_a_hundred_changes_at_most() {
    let site = Site::new();
    let policy = policy().with_return_over(Duration::from_secs(60));
    let release = CanaryRelease::new(HOST, "v2", policy);
    let rollout = site.mesh.start_canary(release).unwrap();
    rollout.promote();
    rollout.abort();
    let before = site.mesh.version();
    site.requests(50 * 30).await;
    let weight = rollout.status().decision().weight();
    assert!(
        weight > Percent::new(20) && weight < Percent::new(30),
        "{weight:?}"
    );
    site.requests(50 * 31).await;
    assert!(rollout.status().is_over());
    assert_eq!(site.requests(50).await, 0);
    let changes = site.mesh.version() - before;
    assert!((40..=51).contains(&changes), "{changes}");
}

#[tokio::test(start_paused = true)]
async fn a_step_that_a_mesh_does_not_act_on_is_refused_by_its_name() {
    let site = Site::new();
    let policy = CanaryPolicy::new([
        Step::SetWeight(Percent::new(10)),
        Step::SetMirror(Percent::new(5)),
    ]);
    let error = site
        .mesh
        .start_canary(CanaryRelease::new(HOST, "v2", policy))
        .unwrap_err();
    assert_eq!(
        error,
        CanaryError::Step {
            index: 1,
            step: "SetMirror"
        }
    );
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_both_versions_withdraws_none() {
    let site = Site::new();
    let rollout = site.mesh.start_canary(release()).unwrap();
    site.requests(50 * 20).await;
    site.v1.store(500, Ordering::Relaxed);
    site.v2.store(500, Ordering::Relaxed);
    site.requests(50 * 100).await;
    let status = rollout.status();
    assert!(
        matches!(status.decision().verdict(), Verdict::Hold(_)),
        "{status}"
    );
    assert_eq!(status.decision().weight(), Percent::new(10));
}

#[tokio::test(start_paused = true)]
async fn requests_of_another_route_are_no_evidence() {
    let site = Site::new();
    let rollout = site.mesh.start_canary(release()).unwrap();
    site.v2.store(500, Ordering::Relaxed);
    for _ in 0..500 {
        let request = http::Request::get("http://waste-service/").header("version", "v2");
        send(&site.service, request.body(Text::default()).unwrap()).await;
    }
    sleep(Duration::from_secs(1)).await;
    let status = rollout.status();
    let counted = status
        .reports()
        .iter()
        .map(|report| report.canary().requests());
    assert_eq!(counted.sum::<u64>(), 0, "{status}");
}

#[tokio::test(start_paused = true)]
async fn other_weights_of_the_documents_or_the_code_end_a_rollout() {
    let site = Site::new();
    let rollout = site.mesh.start_canary(release()).unwrap();
    let retries = documents().replace("  - name: all", "  - name: all\n    timeout: 3s");
    site.mesh.apply(&retries).unwrap();
    site.requests(50).await;
    assert!(!rollout.status().is_over(), "another field changed");
    let weights = documents()
        .replace("weight: 100}", "weight: 70}")
        .replace("weight: 0}", "weight: 30}");
    site.mesh.apply(&weights).unwrap();
    sleep(Duration::from_secs(1)).await;
    let status = rollout.status();
    assert!(status.is_superseded() && status.is_over(), "{status}");
    let v2 = site.requests(500).await;
    assert!((100..200).contains(&v2), "{v2} of 500 at 30 %");

    let rollout = site.mesh.start_canary(release()).unwrap();
    site.mesh.set_weights(HOST, "all", [1, 1]).unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(rollout.status().is_over());
    let v2 = site.requests(500).await;
    assert!((200..300).contains(&v2), "{v2} of 500 at 50 %");
}

/// As requests do: a wildcard has a host only where no name has it.
#[tokio::test(start_paused = true)]
async fn the_route_is_that_of_the_most_specific_host() {
    let site = Site::new();
    let wildcard = "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a-wildcard}
spec:
  hosts: ['*.default.svc.cluster.local']
  http:
  - name: others
    route:
    - {destination: {host: waste-service, subset: v1}, weight: 100}
    - {destination: {host: waste-service, subset: v2}, weight: 0}
";
    site.mesh.apply(&(documents() + wildcard)).unwrap();
    let full = |route: &str| {
        let full = "waste-service.default.svc.cluster.local";
        CanaryRelease::new(full, "v2", policy()).with_route(route)
    };
    let others = full("others");
    let error = site.mesh.start_canary(others).unwrap_err();
    assert!(matches!(error, CanaryError::NoSplit { .. }), "{error}");
    let rollout = site.mesh.start_canary(full("all")).unwrap();
    rollout.promote_fully();
    assert_eq!(site.requests(50).await, 50);
}

#[tokio::test(start_paused = true)]
async fn an_operator_pauses_promotes_and_aborts() {
    let site = Site::new();
    let rollout = site.mesh.start_canary(release()).unwrap();
    let weight = || rollout.status().decision().weight();
    rollout.pause();
    site.requests(50 * 100).await;
    assert_eq!(weight(), Percent::new(10));
    // The time of the step is over.
    rollout.resume();
    assert_eq!(weight(), Percent::new(50));
    rollout.abort();
    assert_eq!(weight(), Percent::NONE);
    assert_eq!(site.requests(50).await, 0);
    let mut watch = rollout.watch();
    assert!(watch.next().await.is_none(), "it is over");

    let rollout = site.mesh.start_canary(release()).unwrap();
    rollout.promote();
    assert_eq!(rollout.status().decision().weight(), Percent::new(50));
    rollout.promote_fully();
    assert_eq!(site.requests(50).await, 50);
}

#[tokio::test(start_paused = true)]
async fn a_release_without_its_route_says_which_routes_there_are() {
    let site = Site::new();
    let release = |subset| CanaryRelease::new(HOST, subset, policy());
    let error = site.mesh.start_canary(release("v3")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no route of waste-service splits its requests between the subset `v3` and another destination; its routes \
         with several destinations: all (subsets v1, v2)"
    );
    let _first = site.mesh.start_canary(release("v2")).unwrap();
    let error = site.mesh.start_canary(release("v2")).unwrap_err();
    assert!(matches!(error, CanaryError::Running { .. }), "{error}");
}

#[test]
fn a_rollout_without_a_runtime_is_an_error() {
    let mesh = Mesh::from_yaml(&documents()).unwrap();
    let error = mesh.start_canary(release()).unwrap_err();
    assert!(matches!(error, CanaryError::NoRuntime), "{error}");
}
