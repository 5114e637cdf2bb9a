//! A gateway over raw sockets, beside what Envoy answered and RFC 9112 demands.
//!
//! `gateway_table/*.json` hold the rows. Their column `envoy` was recorded (`record_gateway/README.md`);
//! `here` stands where a gateway of this crate does otherwise, with the reason in `why`.

mod backend;
mod wire;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ::axum::Router;
use meshless::Mesh;
use meshless::mesh::TrustedProxies;
use serde_json::{Value, json};

use crate::gateway_table::backend::Backend;
use crate::support::Server;

const DOCUMENTS: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: ingress}
spec:
  selector: {istio: ingressgateway}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [shop.example.com]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
spec:
  hosts: [shop.example.com]
  gateways: [ingress]
  http:
  - match: [{uri: {prefix: /}}]
    route: [{destination: {host: shop.internal}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: shop}
spec:
  hosts: [shop.internal]
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: PORT}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 127.0.0.1}]
";

/// A gateway that is served for strangers, and one behind a trusted proxy, before one backend.
struct Gateways {
    backend: Backend,
    trusting: [Server; 2],
}

impl Gateways {
    async fn start() -> Self {
        let backend = Backend::start().await;
        let documents = DOCUMENTS.replace("PORT", &backend.address().port().to_string());
        let mesh = Mesh::from_yaml(&documents).unwrap();
        let serve = |hops| {
            let gateway = mesh.gateway("ingress", "default").unwrap();
            let gateway = gateway.with_trusted_proxies(TrustedProxies::hops(hops));
            let service = gateway.service_with(|| reqwest::Client::builder().no_proxy());
            Server::axum(Router::new().fallback_service(service.unwrap()))
        };
        Self {
            trusting: [serve(0).await, serve(1).await],
            backend,
        }
    }

    fn address(&self, row: &Value) -> SocketAddr {
        let hops = row["trusted_hops"].as_u64().unwrap_or_default();
        self.trusting[usize::try_from(hops).unwrap()].address()
    }

    async fn stop(self) {
        for server in self.trusting {
            server.stop().await;
        }
        self.backend.stop().await;
    }
}

fn rows(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

/// The value that a row has for this crate.
fn expected(row: &Value) -> &Value {
    row.get("here").unwrap_or_else(|| &row["envoy"])
}

/// A difference has a reason, and what is no difference is not said twice.
fn assert_reasoned(row: &Value) {
    let reason = row.get("why").and_then(Value::as_str).unwrap_or_default();
    assert_eq!(row.get("here").is_some(), !reason.is_empty(), "{row}");
    assert_ne!(row.get("here"), row.get("envoy"), "{row}");
}

fn assert_as_written(found: &[(&Value, Value)]) {
    let wrong: Vec<_> = found
        .iter()
        .filter(|(row, found)| expected(row) != found)
        .map(|(row, found)| {
            let name = row.get("name").or_else(|| row.get("target"));
            json!({"row": name, "method": row.get("method"), "expected": expected(row), "found": found})
        })
        .collect();
    let lines: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    assert!(
        lines.is_empty(),
        "{} rows\n{}",
        lines.len(),
        lines.join("\n")
    );
}

#[tokio::test]
async fn each_odd_request_is_answered_as_its_row_says() {
    let rows = rows(include_str!("gateway_table/requests.json"));
    let names: BTreeSet<_> = rows.iter().map(|row| row["name"].as_str()).collect();
    assert!(rows.len() >= 60 && names.len() == rows.len());
    let gateways = Gateways::start().await;
    let mut found = Vec::new();
    for row in &rows {
        assert!(row["rfc"].is_string(), "{row}");
        assert_reasoned(row);
        let count = expected(row)["answers"].as_array().unwrap().len();
        let address = gateways.address(row);
        let answers = if let Some(fields) = row.get("h2") {
            wire::send_h2(address, fields).await
        } else {
            let request = row["request"].as_str().unwrap();
            let half_closed = row["then"] == "half-close";
            wire::send(address, &wire::bytes_of(request), half_closed, count).await
        };
        let upstream = gateways.backend.take();
        found.push((row, json!({"answers": answers, "upstream": upstream})));
    }
    assert_as_written(&found);
    gateways.stop().await;
}

#[tokio::test]
async fn each_target_is_refused_or_goes_on_in_the_normal_form_of_its_row() {
    let rows = rows(include_str!("gateway_table/targets.json"));
    assert!(rows.len() >= 60);
    let gateways = Gateways::start().await;
    let mut found = Vec::new();
    for row in &rows {
        assert_reasoned(row);
        let (target, method) = (row["target"].as_str().unwrap(), row["method"].as_str());
        let request = format!(
            "{} {target} HTTP/1.1\r\nHost: shop.example.com\r\nConnection: close\r\n\r\n",
            method.unwrap_or("GET")
        );
        let answers = wire::send(gateways.address(row), &wire::bytes_of(&request), false, 1).await;
        let line = gateways.backend.take();
        let sent = line.first().and_then(|request| request[0].as_str());
        let sent = sent.and_then(|line| line.split(' ').nth(1));
        found.push((
            row,
            match (sent, &answers[..]) {
                (Some(target), _) => json!(target),
                (None, [status, ..]) => json!(status),
                (None, []) => json!("closes"),
            },
        ));
    }
    assert_as_written(&found);
    gateways.stop().await;
}
