//! `meshless explain`: who may call a workload, and by which rule.

use super::run;
use crate::support::Folder;

const POLICIES: &str = "apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: readers, namespace: waste}
spec:
  rules:
  - from: [{source: {principals: ['cluster.local/ns/recycling/sa/recycling-service']}}]
    to: [{operation: {methods: [GET], paths: ['/results/*']}}]
  - when: [{key: 'request.auth.claims[roles]', values: [admin]}]
";

fn access(args: &[&str]) -> String {
    let folder = Folder::new();
    let file = folder.write("policies.yaml", POLICIES);
    let file = file.to_str().unwrap();
    let all = [
        &[
            "explain",
            file,
            "--url",
            "http://waste-service.waste/results/../results/1",
        ],
        args,
    ];
    let output = run(&all.concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let text = text.replace(&format!("{}/", folder.path().display()), "");
    assert_eq!(output.status.code(), Some(0), "{text}");
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("access to "));
    line.unwrap_or_default().to_owned()
}

#[test]
fn the_rule_that_allows_a_caller_is_named_with_its_line() {
    let allowed = "waste-service.waste: allowed by ns[waste]-policy[readers]-rule";
    let denied = "waste-service.waste: denied: no rule allows it by the first policy that allows \
                  (policies.yaml:3)";
    let from = ["--from", "recycling-service.recycling"];
    assert_eq!(access(&from), format!("{allowed}[0] (policies.yaml:6)"));
    let put = [from[0], from[1], "--method", "PUT"];
    assert_eq!(access(&put), denied);
    let plain = [from[0], from[1], "--principal", "none"];
    assert_eq!(access(&plain), denied);
    let admin = [
        "--from",
        "web.shop",
        "--method",
        "PUT",
        "--claims",
        r#"{"roles": ["admin"]}"#,
    ];
    assert_eq!(access(&admin), format!("{allowed}[1] (policies.yaml:8)"));
    let principal = "cluster.local/ns/recycling/sa/recycling-service";
    let to = ["--to", "waste-service.waste", "--principal", principal];
    assert_eq!(access(&to), format!("{allowed}[0] (policies.yaml:6)"));
    let other = ["--to", "users.accounts"];
    assert_eq!(access(&other), "", "no policy is for it");
}
