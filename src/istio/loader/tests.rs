//! Loads that take documents of an earlier load over.

use std::sync::Arc;

use proptest::prelude::*;

use crate::istio::Documents;
use crate::istio::model::load::load_options::LoadOptions;

/// Documents with and without findings: their own, those about each other, of lists, of other projects, with anchors,
/// of which one is none.
const POOL: &[&str] = &[
    "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: users}
spec:
  hosts: [users.example]
  addresses: [10.0.0.1]
  ports: [{number: 80, name: http, protocol: HTTP}, {number: 90, name: tcp, protocol: TCP}]
  resolution: STATIC
",
    "apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: bare}
spec:
  hosts: [users.example]
  ports: [{number: 80, name: other, protocol: TCP}]
status: {addresses: [{value: 10.0.0.2}]}
",
    "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users}
spec:
  host: users.example
  subsets: [{name: v1, labels: {version: v1}}]
",
    "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users.example]
  http:
  - route: [{destination: {host: users.example, subset: v1}}]
    timeout: 1s
    retries: {attempts: 3, perTryTimeout: 2s}
",
    "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: typo}
spec:
  hosts: [users.exampel]
  http:
  - route: [{destination: {host: users.exampel}}]
    timout: 1s
    timeout: '{{ .Values.timeout }}'
",
    "apiVersion: v1
kind: List
items:
- apiVersion: networking.istio.io/v1
  kind: DestinationRule
  metadata: {name: users}
  spec: {host: users.example, host: twice}
- apiVersion: v1
  kind: Service
  metadata: {name: shop}
  spec: {ports: [{port: 80, name: web}], selector: {app: shop}}
",
    "apiVersion: v1\nkind: Service\nmetadata: {name: users, namespace: shop}\nspec: {ports: [{port: 80}]}\n",
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p, labels: {app: shop}}\n",
    "apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: limit}
spec:
  configPatches:
  - applyTo: VIRTUAL_HOST
    match: {context: SIDECAR_INBOUND}
    patch:
      operation: MERGE
      value: {rate_limits: [{actions: [{remote_address: {}}]}]}
",
    "x: &x {kind: Sidecar}\n<<: *x\napiVersion: networking.istio.io/v1\nmetadata: {name: side}\nspec: {}\n",
    "a: [1\n",
    "just a text\n",
    "kind: VirtualService\n",
    "one: 1\n...\ntwo: 2\n",
];

fn text(documents: &[(usize, u8)]) -> String {
    let document = |(place, blank): &(usize, u8)| {
        let blank = "\n".repeat(usize::from(*blank));
        format!("---\n{}{blank}", POOL[*place])
    };
    documents.iter().map(document).collect()
}

fn read(text: &str, known: Option<Documents>) -> Documents {
    Documents::read_yaml(text, LoadOptions::default(), known.map(Arc::new))
}

/// Returns what can be seen of documents.
fn seen(documents: &Documents) -> impl PartialEq + std::fmt::Debug + use<> {
    let resources = documents.resources().iter().map(|one| {
        let line = one.line();
        format!(
            "{} {}/{} {line} {}",
            one.kind(),
            one.namespace(),
            one.name(),
            one.is_valid()
        )
    });
    (
        documents.diagnostics().to_vec(),
        resources.collect::<Vec<_>>(),
        documents.skipped(),
    )
}

proptest! {
    #[test]
    fn a_load_that_knows_an_earlier_one_sees_what_a_fresh_one_sees(
        old in prop::collection::vec((0..POOL.len(), 0..2_u8), 0..8),
        new in prop::collection::vec((0..POOL.len(), 0..2_u8), 0..8),
    ) {
        let (old, new) = (text(&old), text(&new));
        let fresh = read(&new, None);
        let known = read(&new, Some(read(&old, None)));
        prop_assert_eq!(seen(&known), seen(&fresh));
        // Again, of what was taken over itself.
        prop_assert_eq!(seen(&read(&new, Some(known))), seen(&fresh));
    }
}

#[test]
fn a_document_that_only_moves_is_read_once() {
    let old = read(&text(&[(0, 0), (2, 0)]), None);
    let again = format!("# a line more\n{}", text(&[(3, 0), (2, 0), (0, 0)]));
    let old = Arc::new(old);
    let new = Documents::read_yaml(&again, LoadOptions::default(), Some(Arc::clone(&old)));
    let [entry, rule] = [&old.resources[0], &old.resources[1]];
    assert!(new.resources[1].object.is_same(&rule.object));
    assert!(new.resources[2].object.is_same(&entry.object));
    assert_eq!((rule.line(), new.resources[1].line()), (13, 15));
}

#[test]
fn other_options_take_nothing_over() {
    let text = text(&[(0, 0)]);
    let options = LoadOptions {
        default_namespace: "elsewhere".into(),
        ..LoadOptions::default()
    };
    let new = Documents::read_yaml(&text, options, Some(Arc::new(read(&text, None))));
    assert_eq!(new.resources()[0].namespace(), "elsewhere");
}
