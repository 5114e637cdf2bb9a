//! Modes of ports and of clients for mutual TLS.

use std::collections::BTreeMap;

use super::{meaning, to};
use crate::foundation::tls::MtlsMode;
use crate::istio::config::{ClusterDiscovery, TlsMode, WorkloadId};

/// Returns the modes of the ports 80 and 81 of a workload, as letters: D, P, S.
fn modes(documents: &str, name: &str, namespace: &str) -> String {
    let workload = WorkloadId {
        name: name.into(),
        namespace: namespace.into(),
        labels: BTreeMap::from([("app".to_owned(), name.to_owned())]),
    };
    let config = meaning(documents).inbound(&workload).mtls;
    let letter = |port| match config.mode(port) {
        MtlsMode::Disable => 'D',
        MtlsMode::Permissive => 'P',
        MtlsMode::Strict => 'S',
    };
    [letter(80), letter(81)].into_iter().collect()
}

#[test]
fn the_most_specific_policy_decides_and_an_unset_mode_inherits() {
    const MESH: &str = "PeerAuthentication istio-system/m: {mtls: {mode: STRICT}}\n";
    const NAMESPACE: &str = "PeerAuthentication a/p: {mtls: {mode: DISABLE}}\n";
    const UNSET: &str = "PeerAuthentication a/p: {mtls: {mode: UNSET}}\n";
    const WORKLOAD: &str =
        "PeerAuthentication a/w: {selector: {matchLabels: {app: x}}, mtls: {mode: PERMISSIVE}}\n";
    const PORTS: &str = "PeerAuthentication a/w: {selector: {matchLabels: {app: x}}, \
         portLevelMtls: {80: {mode: DISABLE}, 81: {mode: UNSET}}}\n";
    for (documents, expected) in [
        (String::new(), "PP"),
        (MESH.to_owned(), "SS"),
        (format!("{MESH}{NAMESPACE}"), "DD"),
        (format!("{MESH}{UNSET}"), "SS"),
        ("PeerAuthentication a/p: {}\n".to_owned(), "PP"),
        (format!("{MESH}{NAMESPACE}{WORKLOAD}"), "PP"),
        (format!("{MESH}{PORTS}"), "DS"),
        (PORTS.to_owned(), "DP"),
        // An empty selector selects the namespace.
        (
            "PeerAuthentication a/p: {selector: {}, mtls: {mode: STRICT}}\n".to_owned(),
            "SS",
        ),
        // Another namespace, and another workload.
        (
            "PeerAuthentication b/p: {mtls: {mode: STRICT}}\n".to_owned(),
            "PP",
        ),
        (
            WORKLOAD
                .replace("app: x", "app: z")
                .replace("PERMISSIVE", "STRICT"),
            "PP",
        ),
        // A selector in the root namespace has no effect in others.
        (
            WORKLOAD
                .replace("a/w", "istio-system/w")
                .replace("PERMISSIVE", "STRICT"),
            "PP",
        ),
    ] {
        assert_eq!(modes(&documents, "x", "a"), expected, "{documents}");
    }
    let root = WORKLOAD
        .replace("a/w", "istio-system/w")
        .replace("PERMISSIVE", "STRICT");
    assert_eq!(modes(&root, "x", "istio-system"), "PP");
}

#[test]
fn of_several_policies_on_one_level_the_oldest_decides() {
    let policy = |name: &str, day: u8, mode: &str| {
        format!(
            "---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
             metadata: {{name: {name}, namespace: a, creationTimestamp: '2026-01-{day:02}T00:00:00Z'}}\n\
             spec: {{mtls: {{mode: {mode}}}}}\n"
        )
    };
    let yaml = policy("young", 9, "DISABLE") + &policy("old", 2, "STRICT");
    let documents = crate::istio::model::load::documents::Documents::from_yaml(&yaml);
    let model = super::ConfigModel::of(&documents, &super::Settings::default());
    assert_eq!(
        model.inbound(&super::subject("x", "a")).mtls.mode,
        MtlsMode::Strict
    );
}

/// A service with two endpoints, the first of which accepts mutual TLS.
const ENTRY: &str = "ServiceEntry a/e: {hosts: [x.com], location: MESH_INTERNAL, resolution: STATIC, \
     ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], endpoints: [\
     {address: 10.0.0.1, labels: {app: x, security.istio.io/tlsMode: istio}, serviceAccount: b}, \
     {address: 10.0.0.2}]}\n";

#[test]
fn without_a_rule_the_labels_of_endpoints_decide() {
    let tls = |documents: &str| {
        let config = to(&meaning(documents), "x.com");
        let ClusterDiscovery::Fixed(endpoints) = &config.endpoints else {
            panic!("{config:?}");
        };
        let label = "security.istio.io/tlsMode";
        let labelled = endpoints
            .iter()
            .filter(|one| one.labels.contains_key(label));
        (config.tls.map(|tls| tls.mode), labelled.count())
    };
    let disabled = |rest: &str| format!("{ENTRY}PeerAuthentication a/p: {{{rest}}}\n");
    let selector = "selector: {matchLabels: {app: x}}";
    let auto = (Some(TlsMode::Auto), 1);
    for (documents, expected) in [
        (ENTRY.to_owned(), auto),
        (ENTRY.replace("MESH_INTERNAL", "MESH_EXTERNAL"), (None, 1)),
        (disabled("mtls: {mode: DISABLE}"), (None, 0)),
        (disabled("mtls: {mode: STRICT}"), auto),
        // The port is that of the workload.
        (
            disabled(&format!(
                "{selector}, portLevelMtls: {{8080: {{mode: DISABLE}}}}"
            )),
            (None, 0),
        ),
        (
            disabled(&format!(
                "{selector}, portLevelMtls: {{80: {{mode: DISABLE}}}}"
            )),
            auto,
        ),
        (
            format!(
                "{ENTRY}DestinationRule a/r: {{host: x.com, trafficPolicy: {{tls: {{mode: DISABLE}}}}}}\n"
            ),
            (None, 1),
        ),
    ] {
        assert_eq!(tls(&documents), expected, "{documents}");
    }
}

#[test]
fn mutual_tls_names_the_cluster_and_accepts_its_accounts_unless_names_are_written() {
    let rule = |tls: &str| {
        let subsets = "subsets: [{name: v1, labels: {app: x}}]";
        let text = format!(
            "{ENTRY}DestinationRule a/r: {{host: x.com, trafficPolicy: {{tls: {{mode: ISTIO_MUTUAL, {tls}}}}}, {subsets}}}\n"
        );
        to(&meaning(&text), "x.com|v1").tls.unwrap()
    };
    let tls = rule("");
    assert_eq!(tls.mode, TlsMode::IstioMutual);
    assert_eq!(tls.sni.as_deref(), Some("outbound_.80_.v1_.x.com"));
    let accounts = tls.verification.accounts.iter();
    let accounts: Vec<_> = accounts
        .map(|(namespace, name)| (&**namespace, &**name))
        .collect();
    assert_eq!(accounts, [("a", "b")]);
    let tls = rule("sni: y.com, subjectAltNames: [spiffe://td/z]");
    assert_eq!(tls.sni.as_deref(), Some("y.com"));
    let accepted: Vec<_> = tls
        .verification
        .accepted
        .iter()
        .map(|name| &**name)
        .collect();
    assert_eq!(accepted, ["spiffe://td/z"]);
    assert!(tls.verification.accounts.is_empty());
}
