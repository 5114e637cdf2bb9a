//! Which policies hold for which server, and what a change of them does.

use std::sync::Arc;

use http::{Request, StatusCode};
use meshless::events::{EventKind, Source};
use meshless::mesh::Error;
use meshless::outcome::DenyReason;
use meshless::rate_limit::PeerAddress;
use meshless::testing::RecordingObserver;
use meshless::{Mesh, Rejection};
use tower::ServiceExt;

use super::caller::{Caller, Text, is_allowed, send};
use crate::support::{Folder, Upstream};

fn policy(namespace: &str, name: &str, spec: &str) -> String {
    format!(
        "---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {{name: {name}, namespace: {namespace}}}
spec: {spec}
"
    )
}

fn mesh(yaml: &str) -> Mesh {
    Mesh::from_yaml(yaml).unwrap()
}

fn get(path: &str) -> Caller {
    Caller {
        path: path.to_owned(),
        ..Caller::default()
    }
}

const DENY_ADMIN: &str = "{action: DENY, rules: [{to: [{operation: {paths: ['/admin*']}}]}]}";

#[tokio::test]
async fn a_policy_holds_for_the_workloads_that_it_selects() {
    let selecting = "{selector: {matchLabels: {version: v2}}, action: DENY, rules: [{}]}";
    for (documents, [plain, v2, other]) in [
        (
            policy("istio-system", "a", DENY_ADMIN),
            [false, false, false],
        ),
        (policy("shop", "a", DENY_ADMIN), [false, false, true]),
        (policy("shop", "a", selecting), [true, false, true]),
        (policy("istio-system", "a", selecting), [true, false, true]),
    ] {
        let mesh = mesh(&documents);
        let cart = mesh.workload("cart", "shop");
        assert_eq!(
            is_allowed(&cart, &get("/admin")).await,
            plain,
            "{documents}"
        );
        let cart = cart.with_labels([("version", "v2")]);
        assert_eq!(is_allowed(&cart, &get("/admin")).await, v2, "{documents}");
        let users = mesh.workload("users", "accounts");
        assert_eq!(
            is_allowed(&users, &get("/admin")).await,
            other,
            "{documents}"
        );
    }
}

#[tokio::test]
async fn a_policy_for_a_service_holds_for_the_workload_of_its_name() {
    let target = "targetRefs: [{kind: Service, group: '', name: cart}]";
    let mesh = mesh(&policy(
        "shop",
        "a",
        &format!("{{{target}, action: DENY, rules: [{{}}]}}"),
    ));
    assert!(!is_allowed(&mesh.workload("cart", "shop"), &get("/")).await);
    assert!(is_allowed(&mesh.workload("users", "shop"), &get("/")).await);
    assert!(is_allowed(&mesh.workload("cart", "other"), &get("/")).await);
}

#[tokio::test]
async fn a_policy_without_a_spec_lets_no_request_pass() {
    let yaml = "
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: allow-nothing, namespace: shop}
";
    for yaml in [yaml.to_owned(), format!("{yaml}spec: {{}}\n")] {
        let mesh = mesh(&yaml);
        assert!(
            !is_allowed(&mesh.workload("cart", "shop"), &get("/")).await,
            "{yaml}"
        );
    }
}

#[tokio::test]
async fn the_application_sees_the_path_that_was_compared() {
    let mesh = mesh(&policy("shop", "a", DENY_ADMIN));
    let cart = mesh.workload("cart", "shop");
    for path in [
        "/admin",
        "/%61dmin",
        "/x/../admin",
        "/./admin/",
        "/x/%2e%2e/admin?a=/b",
    ] {
        assert!(!is_allowed(&cart, &get(path)).await, "{path}");
    }
    for (path, seen) in [
        ("/a/../b", "/b"),
        ("//admin", "//admin"),
        ("/a%2fadmin", "/a%2fadmin"),
    ] {
        let (response, text) = send(&cart, &get(path)).await;
        assert_eq!((response.status(), text.as_str()), (StatusCode::OK, seen));
    }
    let (response, _) = send(&cart, &get("/a%00")).await;
    assert_eq!(response.status(), 400);
}

#[tokio::test]
async fn a_denial_names_the_rule_and_its_line_to_the_server_alone() {
    let folder = Folder::new();
    let yaml = policy("shop", "admin", DENY_ADMIN);
    let file = folder.write("admin.yaml", &yaml);
    let events = RecordingObserver::default();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_path(&file).unwrap();
    let (response, text) = send(&mesh.workload("cart", "shop"), &get("/admin")).await;
    assert_eq!(response.status(), 403);
    assert_eq!(text, "RBAC: access denied");
    let denied = Rejection::AccessDenied(DenyReason::RuleMatched);
    assert_eq!(Rejection::of(&response), Some(&denied));
    let source = Source::of(&response).unwrap();
    assert_eq!(source.rule(), Some("ns[shop]-policy[admin]-rule[0]"));
    let origin = source.origin().unwrap();
    assert_eq!(origin.object(), "AuthorizationPolicy shop/admin");
    assert_eq!((origin.file(), origin.line()), (Some(file.as_path()), 5));
    for (name, value) in response.headers() {
        let value = value.to_str().unwrap();
        assert!(
            !value.contains("admin") && !value.contains("rule"),
            "{name}: {value}"
        );
    }
    let (kind, from) = &events.take()[0];
    assert_eq!(kind, &EventKind::Rejected(denied));
    assert_eq!(from, source);
}

#[tokio::test]
async fn a_grpc_caller_gets_the_status_of_a_denied_permission() {
    let mesh = mesh(&policy("shop", "a", "{}"));
    let caller = Caller {
        headers: vec![("content-type".to_owned(), "application/grpc".to_owned())],
        ..Caller::default()
    };
    let (response, _) = send(&mesh.workload("cart", "shop"), &caller).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "7");
    assert_eq!(response.headers()["grpc-message"], "RBAC: access denied");
}

#[tokio::test]
async fn a_policy_in_dry_run_is_reported_and_not_enforced() {
    let yaml = policy("shop", "a", DENY_ADMIN).replace(
        "namespace: shop}",
        "namespace: shop, annotations: {istio.io/dry-run: 'true'}}",
    );
    let events = RecordingObserver::default();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_yaml(&yaml).unwrap();
    assert!(is_allowed(&mesh.workload("cart", "shop"), &get("/admin")).await);
    assert_eq!(events.names(), ["would_reject"]);
}

#[tokio::test]
async fn a_snapshot_shows_what_each_policy_denies_and_would_deny() {
    let dry = policy("shop", "tried", DENY_ADMIN).replace(
        "namespace: shop}",
        "namespace: shop, annotations: {istio.io/dry-run: 'true'}}",
    );
    let deny = "{action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]}";
    let mesh = mesh(&format!("{dry}{}", policy("shop", "held", deny)));
    let cart = mesh.workload("cart", "shop");
    let put = Caller {
        method: "PUT".to_owned(),
        ..get("/")
    };
    for (caller, expected) in [(get("/admin"), true), (get("/admin/x"), true), (put, false)] {
        assert_eq!(is_allowed(&cart, &caller).await, expected);
    }
    let snapshot = mesh.snapshot();
    let [proxy] = &snapshot.proxies[..] else {
        unreachable!("one proxy: {:?}", snapshot.proxies);
    };
    let shown = proxy.authorization.iter().map(|policy| {
        let line = policy.origin.as_ref().map(meshless::events::Origin::line);
        (
            &*policy.name,
            policy.action,
            policy.dry_run,
            policy.matched,
            line,
        )
    });
    let shown: Vec<_> = shown.collect();
    assert_eq!(
        shown,
        [
            ("tried", "DENY", true, 2, Some(4)),
            ("held", "DENY", false, 1, Some(9))
        ]
    );
    assert_eq!(proxy.denied, 1);
}

#[tokio::test]
async fn requests_are_audited_denied_and_allowed_in_this_order() {
    let yaml = [
        policy(
            "shop",
            "allow",
            "{rules: [{to: [{operation: {methods: [GET]}}]}]}",
        ),
        policy(
            "shop",
            "audit",
            "{action: AUDIT, rules: [{to: [{operation: {methods: [GET]}}]}]}",
        ),
        policy("shop", "deny", DENY_ADMIN),
    ]
    .concat();
    let events = RecordingObserver::default();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_yaml(&yaml).unwrap();
    let cart = mesh.workload("cart", "shop");
    assert!(is_allowed(&cart, &get("/")).await);
    assert_eq!(events.names(), ["audited"]);
    assert!(!is_allowed(&cart, &get("/admin")).await);
    assert_eq!(events.names(), ["audited", "audited", "rejected"]);
    let post = Caller {
        method: "POST".to_owned(),
        ..Caller::default()
    };
    assert!(!is_allowed(&cart, &post).await);
    let (_, source) = events.take().pop().unwrap();
    assert_eq!(source.rule(), Some("none"));
    assert_eq!(
        source.origin().unwrap().object(),
        "AuthorizationPolicy shop/allow"
    );
}

#[tokio::test]
async fn a_change_holds_for_the_servers_that_run() {
    let mesh = mesh("");
    let cart = mesh.workload("cart", "shop");
    assert!(is_allowed(&cart, &get("/admin")).await);
    mesh.apply(&policy("shop", "a", DENY_ADMIN)).unwrap();
    assert!(!is_allowed(&cart, &get("/admin")).await);
    // A change with an error leaves the policies as they are.
    let wrong = policy("shop", "a", "{action: DENY, rulez: []}");
    assert!(mesh.apply(&wrong).is_err());
    assert!(!is_allowed(&cart, &get("/admin")).await);
    let change = mesh.apply("").unwrap();
    assert_eq!(*change.changed()[0], *"AuthorizationPolicy shop/a removed");
    assert!(is_allowed(&cart, &get("/admin")).await);
}

#[tokio::test]
async fn a_mesh_does_not_start_with_a_policy_that_has_an_error() {
    for spec in [
        "{action: DENY, rulez: []}",
        "{action: DENI, rules: [{}]}",
        "{action: DENY, rules: [{from: [{source: {ipBlocks: [x]}}]}]}",
        "{action: DENY, rules: [{to: [{operation: {paths: ['/{**}/{*}']}}]}]}",
        "{action: DENY, rules: [{when: [{key: 'request.headers[a b]', values: [a]}]}]}",
        "{action: DENY, rules: [{when: [{key: 'request.header[a]', values: [a]}]}]}",
    ] {
        let result = Mesh::from_yaml(&policy("shop", "a", spec));
        assert!(matches!(result, Err(Error::Documents(_))), "{spec}");
    }
}

#[tokio::test]
async fn identities_that_plain_text_does_not_have_are_an_error_of_the_mesh() {
    for source in [
        "principals: [a]",
        "notPrincipals: [a]",
        "namespaces: [a]",
        "serviceAccounts: [a]",
        "trustDomains: [a]",
    ] {
        let yaml = policy(
            "shop",
            "a",
            &format!("{{rules: [{{from: [{{source: {{{source}}}}}]}}]}}"),
        );
        let error = Mesh::from_yaml(&yaml).unwrap_err();
        let Error::NoPeerIdentities { policy, origin } = &error else {
            panic!("{error}");
        };
        assert_eq!(**policy, *"AuthorizationPolicy shop/a");
        assert_eq!(origin.line(), 4);
        let mesh = Mesh::builder().with_peer_identities(true).read_yaml(&yaml);
        let mesh = mesh.unwrap();
        assert!(mesh.apply(&yaml).is_ok());
        let plain = Mesh::from_yaml("").unwrap();
        assert!(plain.apply(&yaml).is_err());
    }
}

#[tokio::test]
async fn a_gateway_enforces_the_policies_of_its_selector() {
    let gateway = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: istio-system}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop, namespace: shop}
spec:
  hosts: ['shop.test']
  gateways: [istio-system/edge]
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]
";
    let spec = "{selector: {matchLabels: {istio: ingressgateway}}, action: DENY, rules: \
                [{from: [{source: {remoteIpBlocks: ['198.51.100.0/24']}}]}, \
                {to: [{operation: {paths: ['/admin*'], hosts: ['shop.test']}}]}]}";
    let mesh = mesh(&format!("{gateway}{}", policy("istio-system", "a", spec)));
    let edge = mesh.gateway("edge", "istio-system").unwrap();
    let service = edge.outbound::<_, Text>(Upstream::new(|_| 200));
    let request = |path: &str, peer: [u8; 4]| {
        let request = Request::get(path).header("host", "shop.test");
        // Nobody but the gateway writes this header.
        let request = request.header("x-forwarded-for", "10.0.0.1");
        let mut request = request.body(Text::default()).unwrap();
        request.extensions_mut().insert(PeerAddress(peer.into()));
        request
    };
    for (path, peer, status) in [
        ("/", [10, 0, 0, 1], 200),
        ("/", [198, 51, 100, 7], 403),
        ("/%61dmin", [10, 0, 0, 1], 403),
        ("/x/../admin", [10, 0, 0, 1], 403),
        ("/a%00", [198, 51, 100, 7], 400),
    ] {
        let response = service.clone().oneshot(request(path, peer)).await.unwrap();
        assert_eq!(response.status(), status, "{path} {peer:?}");
    }
}
