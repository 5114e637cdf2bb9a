//! Decisions of Istio's integration tests.

use meshless::Mesh;
use serde_json::{Value, json};

use super::caller::{Caller, is_allowed};

/// Writes the policies of a case as documents of the namespace `ns1`.
fn documents(policies: &[Value]) -> String {
    let documents = policies.iter().map(|policy| {
        // A name has a remark behind it.
        let name = policy["name"].as_str().unwrap().split(' ').next().unwrap();
        let mut spec = json!({"action": policy["action"]});
        if let Some(rules) = policy.get("rules") {
            spec["rules"] = rules.clone();
        }
        let document = json!({
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": name, "namespace": "ns1"},
            "spec": spec,
        });
        format!("---\n{document}\n")
    });
    documents.collect()
}

#[tokio::test]
async fn decisions_are_those_of_istio() {
    let text = include_str!("../../vectors/istio_authz.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    let mut decisions = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let name = &case["name"];
        let yaml = documents(case["policies"].as_array().unwrap());
        let mesh = Mesh::builder().with_peer_identities(true).read_yaml(&yaml);
        let mesh = mesh.unwrap_or_else(|error| panic!("{name}: {error}"));
        let workload = mesh.workload("b", "ns1");
        for one in case["cases"].as_array().unwrap() {
            let request = &one["request"];
            let caller = Caller {
                claims: request.get("jwt").cloned(),
                method: request["method"].as_str().unwrap_or("GET").to_owned(),
                path: request["path"].as_str().unwrap().to_owned(),
                principal: request["principal"].as_str().map(str::to_owned),
                ..Caller::default()
            };
            let allowed = is_allowed(&workload, &caller).await;
            assert_eq!(allowed, one["allow"], "{name}: {request}");
            decisions += 1;
        }
    }
    assert_eq!(decisions, 65);
}
