//! What takes Istio's documents: a gateway, which answers where a layer hands on an error, and faults
//! that are badly configured.

use std::io;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use meshless::istio::{Diagnostic, Documents, Severity};
use meshless::{Mesh, mesh::RequestBody};
use tower::{ServiceExt, service_fn};

use super::split;
use crate::vectors::rate_limit::array;
use crate::vectors::tally::{Tally, load};

#[tokio::test(start_paused = true)]
async fn a_gateway_answers_for_an_upstream_that_cannot_be_reached() {
    let file = load("envoy_router_outcomes.json");
    let mut cases = array(&file["cases"]).iter();
    let case = cases.find(|case| case["name"] == "PoolFailureWithPriority");
    let (given, expect) = (&case.unwrap()["given"], &case.unwrap()["expect"]);
    assert_eq!(given["pool_failure"], "RemoteConnectionFailure");
    let mesh = Mesh::from_yaml(GATEWAY).unwrap();
    let gone = service_fn(|_: Request<RequestBody<Full<Bytes>>>| async {
        let error = io::Error::from(io::ErrorKind::ConnectionRefused);
        Err::<Response<Full<Bytes>>, _>(error)
    });
    let gateway = mesh.gateway("g", "default").unwrap().outbound(gone);
    let request = Request::get("/").header("host", "api.example.com");
    let request = request.body(Full::<Bytes>::default()).unwrap();
    let (head, body) = split(gateway.oneshot(request).await.unwrap()).await;

    assert_eq!(expect["status"], head.status().as_u16());
    let headers = &expect["headers"];
    assert_eq!(
        headers["content-type"],
        head.headers()["content-type"].to_str().unwrap()
    );
    // The server writes the length. What was wrong with the transport is none of a stranger's business.
    let reason = given["transport_failure_reason"].as_str().unwrap();
    let whole = format!("{body}, transport failure reason: {reason}");
    assert_eq!(headers["content-length"], whole.len().to_string());
}

const GATEWAY: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: g}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: ['*.example.com']
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: api}
spec:
  hosts: [api.example.com]
  gateways: [g]
  http:
  - retries: {attempts: 0}
    route: [{destination: {host: api, port: {number: 80}}}]
";

#[test]
fn a_fault_that_is_badly_configured_is_refused() {
    let file = load("envoy_router_outcomes.json");
    let mut tally = Tally::default();
    for case in array(&file["fault_bad_config"]) {
        let delay = match case["name"].as_str().unwrap() {
            "BadDelayType" => "{type: UNKNOWN, fixedDelay: 5s, percentage: {value: 50}}",
            "MissingDelayDuration" => "{percentage: {value: 50}}",
            "EmptyDownstreamNodes" => {
                tally.foreign("faults by the caller's node, which no field of Istio's asks for");
                continue;
            }
            other => panic!("{other}"),
        };
        assert_eq!(case["expect_config_error"], true);
        // A delay without a time is Envoy's error. Istio takes it and writes no delay, so it is a warning.
        let least = match case["name"].as_str().unwrap() {
            "MissingDelayDuration" => Severity::Warning,
            _ => Severity::Error,
        };
        assert!(reported(delay) >= Some(least), "{case}");
        tally.ran();
    }
    tally.assert_with_foreign(2, 0, 1);
    let good = reported("{fixedDelay: 5s, percentage: {value: 50}}");
    assert!(good < Some(Severity::Warning), "{good:?}");
}

/// Returns the highest severity that is reported of a delay.
fn reported(delay: &str) -> Option<Severity> {
    let text = format!(
        "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: api}}
spec:
  hosts: [api]
  http:
  - fault: {{delay: {delay}}}
    route: [{{destination: {{host: api}}}}]
"
    );
    let documents = Documents::from_yaml(&text);
    documents
        .diagnostics()
        .iter()
        .map(Diagnostic::severity)
        .max()
}
