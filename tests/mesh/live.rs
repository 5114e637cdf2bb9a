//! Documents that change while requests run.

use std::time::Duration;

use meshless::{Mesh, Rejection};

use crate::support::{Upstream, get, send, statuses};

const RULE: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: users}
spec:
  hosts: [users.internal]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.internal
  trafficPolicy:
    outlierDetection: {consecutive5xxErrors: 3, maxEjectionPercent: 100}
";

#[tokio::test(start_paused = true)]
async fn an_ejection_stays_when_another_document_comes_and_ends_with_its_rule() {
    let mesh = Mesh::from_yaml(RULE).unwrap();
    let upstream = Upstream::new(|_| 500);
    let service = mesh.workload("w", "default").outbound(upstream.clone());
    let uri = "http://users.internal/";
    assert_eq!(statuses(&service, uri, 3).await, [500; 3]);
    let refused = (503, Some(Rejection::NoHealthyUpstream));
    assert_eq!(send(&service, get(uri)).await, refused);
    let more = "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users.internal]
  http:
  - route:
    - destination: {host: users.internal}
    timeout: 1s
";
    mesh.apply(&format!("{RULE}{more}")).unwrap();
    assert_eq!(send(&service, get(uri)).await, refused);
    mesh.apply(&RULE.replace("Errors: 3", "Errors: 9")).unwrap();
    assert_eq!(send(&service, get(uri)).await, refused);
    mesh.apply(RULE.split("---").next().unwrap()).unwrap();
    assert_eq!(send(&service, get(uri)).await.0, 500);
}

#[tokio::test(start_paused = true)]
async fn a_document_without_routes_for_a_host_leaves_istios_default_retry() {
    let mesh = Mesh::from_yaml(RULE.split("---").next().unwrap()).unwrap();
    let upstream = Upstream::new(|_| 200);
    let service = mesh.workload("w", "default").outbound(upstream.clone());
    assert_eq!(
        statuses(&service, "http://users.internal/", 2).await,
        [200; 2]
    );
    assert_eq!(upstream.asked(), ["http://10.0.0.1:80/"; 2]);
}

#[tokio::test(start_paused = true)]
async fn a_request_finishes_on_the_timeout_that_it_began_with() {
    let documents = |timeout: &str| {
        format!(
            "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: users}}
spec:
  hosts: [users.internal]
  http:
  - route:
    - destination: {{host: users.internal}}
    timeout: {timeout}
"
        )
    };
    let mesh = Mesh::from_yaml(&documents("5s")).unwrap();
    let upstream = Upstream::timed(|_| (200, Duration::from_secs(3)));
    let service = mesh.workload("w", "default").outbound(upstream);
    let first = send(&service, get("http://users.internal/"));
    let second = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        mesh.apply(&documents("1s")).unwrap();
        send(&service, get("http://users.internal/")).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, (200, None));
    assert_eq!(
        second,
        (504, Some(Rejection::TimedOut(Duration::from_secs(1))))
    );
}

#[tokio::test(start_paused = true)]
async fn under_registry_only_a_rule_alone_registers_no_host() {
    let rule = RULE.split("---").nth(1).unwrap();
    for (documents, status) in [(RULE, 200), (rule, 502), ("", 502)] {
        let mesh = Mesh::builder()
            .with_registry_only(true)
            .read_yaml(documents)
            .unwrap();
        let upstream = Upstream::new(|_| 200);
        let service = mesh.workload("w", "default").outbound(upstream);
        assert_eq!(
            statuses(&service, "http://users.internal/", 1).await,
            [status]
        );
    }
}

#[test]
fn what_a_mesh_is_made_of_is_sent_between_threads() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let mesh = Mesh::from_yaml("").unwrap();
    let workload = mesh.workload("w", "default");
    check(&mesh);
    check(&workload);
    check(&workload.server());
    check(&workload.outbound::<_, crate::support::Text>(Upstream::new(|_| 200)));
}

#[tokio::test]
async fn who_sees_a_version_is_served_by_it_whichever_workload_he_asks() {
    let documents = |status: u16| {
        format!(
            "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: users}}
spec:
  hosts: [users.internal]
  http:
  - directResponse: {{status: {status}}}
"
        )
    };
    let mesh = Mesh::from_yaml(&documents(201)).unwrap();
    let upstream = Upstream::new(|_| 500);
    let services: Vec<_> = (0..200)
        .map(|n| mesh.workload(&format!("w{n}"), "default"))
        .map(|workload| workload.outbound(upstream.clone()))
        .collect();
    let changing = mesh.clone();
    let change = std::thread::spawn(move || changing.apply(&documents(202)));
    while mesh.version() == 1 {
        std::thread::yield_now();
    }
    for service in &services {
        let answered = send(service, get("http://users.internal/")).await;
        assert_eq!(answered.0, 202);
    }
    change.join().unwrap().unwrap();
}
