//! Explanations of requests: they name what stands in the documents, and agree with what a stack does.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, Uri};
use http_body_util::Empty;
use meshless::Mesh;
use meshless::istio::Input;
use meshless::mesh::RequestBody;
use meshless::mesh::explain::{Explanation, LocalReply, Setting};
use tower::{ServiceExt, service_fn};

const SHOP: &str = include_str!("explain/shop.yaml");

fn mesh() -> Mesh {
    Mesh::from_yaml(SHOP).unwrap()
}

fn request(method: &str, url: &str) -> Request<Empty<Bytes>> {
    let request = Request::builder().method(method).uri(url);
    request.header("version", "v2").body(Empty::new()).unwrap()
}

fn explained(method: &str, url: &str) -> Explanation {
    let shop = mesh().workload("shop", "waste");
    shop.explain(&request(method, url))
}

fn setting<'a>(settings: &'a [Setting], name: &str) -> &'a Setting {
    settings.iter().find(|one| one.name() == name).unwrap()
}

/// Line of the documents that a setting stands in.
fn line(setting: &Setting) -> &'static str {
    let line = setting.origin().map_or(0, meshless::events::Origin::line);
    SHOP.lines().nth(line as usize - 1).unwrap().trim()
}

#[test]
fn every_policy_of_a_route_is_shown_with_its_values_and_its_line() {
    let explanation = explained("GET", "http://users/api/1");
    let (host, origin) = explanation.virtual_host().unwrap();
    assert_eq!(host, "VirtualService waste/users");
    assert_eq!(origin.unwrap().to_string(), "line 3");
    let route = explanation.route().unwrap();
    assert_eq!((route.index(), route.name()), (4, Some("canary")));
    for (name, value, expected, place) in [
        ("local rate limit", "max_tokens", "20", "token_bucket: {max"),
        ("fault", "delay", "1s of 5 %", "fault: {delay"),
        (
            "mirror",
            "audit.waste.svc.cluster.local||",
            "10 %",
            "mirror: {host",
        ),
        ("timeout", "total", "5s", "timeout: 5s"),
        ("retries", "attempts", "2", "retries: {att"),
        ("retries", "perTryTimeout", "1s", "retries: {att"),
        ("retries", "retryOn", "5xx", "retries: {att"),
    ] {
        let found = setting(route.settings(), name);
        assert_eq!(found.value(value), Some(expected), "{found}");
        assert!(line(found).starts_with(place), "{found}: {}", line(found));
    }
    let [v2, v1] = route.clusters() else {
        unreachable!("two clusters: {explanation}");
    };
    assert_eq!((v2.weight(), v1.weight()), ((10, 100), (90, 100)));
    for (name, value, expected, place) in [
        (
            "endpoints",
            "addresses",
            "10.0.0.2:80",
            "metadata: {name: users",
        ),
        ("loadBalancer", "simple", "RANDOM", "loadBalancer: {simple"),
        (
            "outlierDetection",
            "consecutive5xxErrors",
            "3",
            "outlierDetection: {c",
        ),
        ("connectionPool", "maxConnections", "10", "connectionPool:"),
        (
            "connectionPool",
            "http2MaxRequests",
            "100",
            "connectionPool:",
        ),
        ("connectionPool", "maxRetries", "3", "connectionPool:"),
        ("rewrite", "path", "/1", "rewrite: {uri"),
        ("rewrite", "authority", "users.internal", "rewrite: {uri"),
        ("request headers", "x-version", "v2", "headers:"),
        ("request headers", "version", "(removed)", "headers:"),
        ("response headers", "x-served-by", "canary", "headers:"),
    ] {
        let found = setting(v2.settings(), name);
        assert_eq!(found.value(value), Some(expected), "{found}");
        assert!(line(found).starts_with(place), "{found}: {}", line(found));
    }
    let outlier = setting(v2.settings(), "outlierDetection");
    assert_eq!(outlier.value("consecutiveGatewayErrors"), None, "{outlier}");
    // The subset's own balancer is v2's alone; v1 has the default, which stands nowhere.
    let balancer = setting(v1.settings(), "loadBalancer");
    assert_eq!(balancer.value("simple"), Some("LEAST_REQUEST"));
    assert_eq!(balancer.origin(), None);
    assert_eq!(
        setting(v1.settings(), "request headers").value("x-version"),
        None
    );
}

#[test]
fn the_possible_local_replies_have_their_status_and_their_line() {
    let explanation = explained("GET", "http://users/api/1");
    assert!(explanation.rejection().is_none(), "{explanation}");
    let replies = explanation.local_replies().iter();
    let replies: Vec<_> = replies
        .map(|reply| {
            format!(
                "{} {} {}",
                reply.status().as_u16(),
                reply.flag(),
                reply.origin().unwrap()
            )
        })
        .collect();
    let of_cluster = ["503 UO line 52", "503 UO line 52", "503 UH line 55"];
    let expected = [
        &["429 RL line 92"][..],
        &of_cluster,
        &of_cluster,
        &["504 UT line 26"],
    ];
    assert_eq!(replies, expected.concat());
}

#[test]
fn a_host_that_no_document_names_passes_or_is_rejected_as_the_mesh_is_told_to() {
    let open = explained("GET", "http://elsewhere/");
    assert!(
        open.virtual_host().is_none() && open.rejection().is_none(),
        "{open}"
    );
    let closed = Mesh::builder()
        .with_registry_only(true)
        .read_yaml(SHOP)
        .unwrap();
    let closed = closed.workload("shop", "waste");
    let closed = closed.explain(&request("GET", "http://elsewhere/"));
    let rejection = closed.rejection().unwrap();
    assert_eq!((rejection.status().as_u16(), rejection.flag()), (502, "NR"));
    assert!(closed.route().is_none());
}

#[test]
fn weights_set_by_code_are_those_that_are_explained() {
    let mesh = mesh();
    mesh.set_weights("users.waste.svc.cluster.local", "canary", [1, 3])
        .unwrap();
    let explanation = mesh
        .workload("shop", "waste")
        .explain(&request("GET", "http://users/api/1"));
    let clusters = explanation.route().unwrap().clusters();
    let weights: Vec<_> = clusters
        .iter()
        .map(meshless::mesh::explain::ExplainedCluster::weight)
        .collect();
    assert_eq!(weights, [(1, 4), (3, 4)]);
}

#[test]
fn a_field_of_a_delegate_stands_in_the_delegate_and_one_of_the_root_in_the_root() {
    const DELEGATED: &str = "apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users, namespace: waste}
spec:
  hosts: [users]
  http:
  - retries: {attempts: 1}
    timeout: 9s
    delegate: {name: admin}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: admin, namespace: waste}
spec:
  http:
  - timeout: 3s
    route:
    - destination: {host: admin}
";
    let mesh = Mesh::from_yaml(DELEGATED).unwrap();
    let explanation = mesh
        .workload("shop", "waste")
        .explain(&request("GET", "http://users/"));
    let settings = explanation.route().unwrap().settings();
    let timeout = setting(settings, "timeout");
    assert_eq!(timeout.value("total"), Some("3s"));
    for (name, line) in [("timeout", 16), ("retries", 7)] {
        let origin = setting(settings, name).origin().unwrap();
        assert_eq!(origin.line(), line, "{explanation}");
    }
    assert_eq!(explanation.route().unwrap().origin().unwrap().line(), 16);
}

#[test]
fn the_items_of_a_list_have_the_lines_of_their_file() {
    let items = GOOD_ITEMS.replace("NAME", "users") + &GOOD_ITEMS.replace("NAME", "orders");
    let list = format!("# two comments\n# first\napiVersion: v1\nkind: List\nitems:\n{items}");
    let mesh = Mesh::from_yaml(&list).unwrap();
    let shop = mesh.workload("shop", "default");
    for (url, line) in [("http://users/", 12), ("http://orders/", 20)] {
        let explanation = shop.explain(&request("GET", url));
        let timeout = setting(explanation.route().unwrap().settings(), "timeout");
        assert_eq!(timeout.origin().unwrap().line(), line, "{explanation}");
    }
}

const GOOD_ITEMS: &str = "- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata: {name: NAME}
  spec:
    hosts: [NAME]
    http:
    - timeout: 1s
      route: [{destination: {host: NAME}}]
";

#[test]
fn several_inputs_are_one_set_of_documents() {
    let parts: Vec<_> = SHOP
        .split("---\n")
        .map(|part| Input::Text(part.into()))
        .collect();
    let mesh = Mesh::builder().read_inputs(parts).unwrap();
    let explanation = mesh
        .workload("shop", "waste")
        .explain(&request("GET", "http://users/api/1"));
    assert_eq!(
        explanation.route().unwrap().clusters().len(),
        2,
        "{explanation}"
    );
    assert_eq!(explanation.local_replies().len(), 8, "{explanation}");
}

/// A request as it arrives at an endpoint.
type Seen = Arc<Mutex<Option<(Uri, HeaderMap)>>>;

#[tokio::test(start_paused = true)]
async fn an_explanation_agrees_with_what_the_stack_does() {
    for (method, url) in [
        ("GET", "http://users/api/1"),
        ("POST", "http://users/api/1?q=1"),
        ("GET", "http://users.waste/api//x/../y"),
        ("GET", "http://users/broken"),
        ("GET", "http://users/old/3"),
        ("GET", "http://users/fixed"),
        ("GET", "http://users/gone"),
        ("GET", "http://users/else"),
        ("POST", "http://users/else"),
        ("GET", "http://users.waste.svc.cluster.local:80/else"),
        ("GET", "http://elsewhere/"),
    ] {
        // A mesh for each request, so that the rate limit rejects none.
        let shop = mesh().workload("shop", "waste");
        let explanation = shop.explain(&request(method, url));
        let seen = Seen::default();
        let recorded = Arc::clone(&seen);
        let transport = service_fn(move |request: Request<RequestBody<Empty<Bytes>>>| {
            let head = (request.uri().clone(), request.headers().clone());
            *recorded.lock().unwrap() = Some(head);
            async { Ok::<_, std::convert::Infallible>(Response::new(Empty::<Bytes>::new())) }
        });
        let response = shop
            .outbound(transport)
            .oneshot(request(method, url))
            .await
            .unwrap();
        let seen = seen.lock().unwrap().take();
        if let Some(rejection) = explanation.rejection() {
            assert_eq!(response.status(), rejection.status(), "{explanation}");
            assert!(seen.is_none(), "{explanation}");
            continue;
        }
        let route = explanation.route().unwrap();
        if route.clusters().is_empty() {
            let answers = ["redirect", "directResponse"];
            let answer = route
                .settings()
                .iter()
                .find(|one| answers.contains(&one.name()));
            let status = response.status().as_u16().to_string();
            assert_eq!(
                answer.unwrap().value("status"),
                Some(&*status),
                "{explanation}"
            );
            continue;
        }
        let (uri, headers) = seen.expect("the request was sent");
        let agrees = route.clusters().iter().any(|cluster| {
            let value = |name: &str, value: &str| {
                let setting = cluster.settings().iter().find(|one| one.name() == name)?;
                setting.value(value).map(str::to_owned)
            };
            let address = value("endpoints", "addresses");
            let is_there =
                address.is_none_or(|all| all.contains(uri.authority().unwrap().as_str()));
            let url: Uri = url.parse().unwrap();
            let path = value("rewrite", "path").unwrap_or_else(|| url.path().to_owned());
            let changes = cluster
                .settings()
                .iter()
                .filter(|one| one.name() == "request headers");
            let mut changes = changes.flat_map(Setting::values);
            let is_changed = changes.all(|(name, expected)| match headers.get(name) {
                Some(value) => value == expected,
                None => expected == "(removed)",
            });
            is_there && path == uri.path() && is_changed
        });
        assert!(agrees, "{explanation}{uri} {headers:?}");
        for cluster in route.clusters() {
            let on_response = cluster
                .settings()
                .iter()
                .filter(|one| one.name() == "response headers");
            for (name, value) in on_response.flat_map(Setting::values) {
                assert_eq!(response.headers()[name], value, "{explanation}");
            }
        }
    }
}

/// A gateway with a limit at one of its ports, and a host that is redirected to HTTPS.
fn edge() -> String {
    const GATEWAY: &str = "apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: gw}
spec:
  selector: {istio: ingress}
  servers:
  - port: {number: 80, name: http, protocol: HTTP}
    hosts: [users.test, lost.test]
  - port: {number: 80, name: plain, protocol: HTTP}
    hosts: [secure.test]
    tls: {httpsRedirect: true}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users}
spec:
  hosts: [users.test]
  gateways: [gw]
  http:
  - name: main
    timeout: 2s
    route: [{destination: {host: users.test}}]
---
";
    let limit = |name: &str, context: &str, tokens: u32| {
        let text = SHOP.split("---\n").last().unwrap();
        text.replace("slow-down", name)
            .replace("waste", "default")
            .replace("  workloadSelector: {labels: {app: shop}}\n", "")
            .replace("SIDECAR_OUTBOUND", context)
            .replace("max_tokens: 20", &format!("max_tokens: {tokens}"))
    };
    let gateway = limit("edge", "GATEWAY, listener: {portNumber: 80}", 7);
    let inbound = limit("in", "SIDECAR_INBOUND, listener: {portNumber: 8080}", 9);
    format!("{GATEWAY}{gateway}---\n{inbound}")
}

#[test]
fn a_gateway_is_explained_from_its_limits_to_its_clusters() {
    let mesh = Mesh::from_yaml(&edge()).unwrap();
    let gateway = mesh.gateway("gw", "default").unwrap();
    let explain = |url: &str| gateway.explain(&request("GET", url));

    let users = explain("http://users.test/1");
    let limit = setting(users.listener(), "local rate limit");
    assert_eq!(limit.value("max_tokens"), Some("7"));
    let route = users.route().unwrap();
    assert_eq!(route.name(), Some("main"));
    assert_eq!(
        setting(route.settings(), "timeout").value("total"),
        Some("2s")
    );
    let replies = users.local_replies().iter();
    let replies: Vec<_> = replies.map(LocalReply::flag).collect();
    assert_eq!(replies[0], "RL", "{users}");
    assert!(replies.contains(&"UT"), "{users}");
    let text = users.to_string();
    assert!(
        text.contains("listener:\n  local rate limit: max_tokens 7"),
        "{text}"
    );

    let secure = explain("http://secure.test/1");
    let redirect = setting(secure.listener(), "httpsRedirect");
    assert_eq!(redirect.value("status"), Some("301"));
    assert_eq!(redirect.value("location"), Some("https://secure.test/1"));

    for (url, reason) in [
        (
            "http://other.test/",
            "no server of the gateway has the host",
        ),
        (
            "http://lost.test/",
            "no virtual service of the gateway has the host",
        ),
    ] {
        let rejection = explain(url);
        let rejection = rejection.rejection().unwrap();
        assert_eq!(
            (rejection.status().as_u16(), rejection.condition()),
            (404, reason)
        );
    }
    let elsewhere = gateway.clone().with_port(443);
    let elsewhere = elsewhere.explain(&request("GET", "http://users.test/1"));
    assert!(
        elsewhere.rejection().is_some() && elsewhere.listener().is_empty(),
        "{elsewhere}"
    );
}

#[test]
fn the_limits_of_requests_to_a_workload_are_explained_for_its_port() {
    let mesh = Mesh::from_yaml(&edge()).unwrap();
    let server = mesh.workload("users", "default").server();
    let request = request("GET", "http://users/1");
    let explanation = server.explain(&request);
    let limit = setting(explanation.listener(), "local rate limit");
    assert_eq!(limit.value("max_tokens"), Some("9"), "{explanation}");
    assert_eq!(explanation.local_replies()[0].flag(), "RL");
    let text = explanation.to_string();
    assert!(
        text.starts_with("GET http://users/1 to users.default\nlistener:\n"),
        "{text}"
    );
    let other = server.with_port(9090).explain(&request);
    assert!(
        other.listener().is_empty() && other.local_replies().is_empty(),
        "{other}"
    );
}

/// Enforced fields of the table of support, each with a document's text that is explained, and the explanation.
const FULL: &str = include_str!("explain/full.yaml");

/// Fields that choose what is explained (a route, a cluster, a place), or that stand in the explanation as what they
/// do to the request: by the beginnings of their paths.
const CHOICES: [&str; 31] = [
    "alwaysConsumeDefaultTokenBucket",
    "configPatches",
    "descriptors",
    "endpoints.labels",
    "endpoints.ports",
    "exportTo",
    "gateways",
    "host",
    "hosts",
    "http",
    "location",
    "ports",
    "priority",
    "rateLimits",
    "resolution",
    "selector",
    "servers.hosts",
    "servers.port",
    "stage",
    "status.code",
    "subsets",
    "trafficPolicy.connectionPool.http.h2UpgradePolicy",
    "trafficPolicy.loadBalancer.consistentHash.httpHeaderName",
    "trafficPolicy.loadBalancer.consistentHash.httpQueryParameterName",
    "trafficPolicy.loadBalancer.consistentHash.useSourceIp",
    "trafficPolicy.loadBalancer.simple",
    "trafficPolicy.outlierDetection.consecutiveErrors",
    "trafficPolicy.portLevelSettings",
    "trafficPolicy.tls.mode",
    "trafficPolicy.loadBalancer.warmupDurationSecs",
    "workloadSelector",
];

/// Values of the fields that are shown as they are written.
const SHOWN: [(&str, &str); 36] = [
    ("endpoints", "endpoints: addresses 10.0.0.1:80 weight 3"),
    ("endpoints.address", "10.0.0.1:80"),
    ("endpoints.weight", "weight 3"),
    ("filterEnabled", "filter_enabled 90 %"),
    ("filterEnforced", "filter_enforced 80 %"),
    (
        "requestHeadersToAddWhenNotEnforced",
        "request_headers_to_add_when_not_enforced x-over: yes",
    ),
    (
        "responseHeadersToAdd",
        "response_headers_to_add x-limited: yes",
    ),
    ("status", "status 503"),
    (
        "tokenBucket",
        "max_tokens 20, tokens_per_fill 10, fill_interval 60s",
    ),
    (
        "enableXRatelimitHeaders",
        "enable_x_ratelimit_headers DRAFT_VERSION_03",
    ),
    (
        "rateLimitedAsResourceExhausted",
        "rate_limited_as_resource_exhausted true",
    ),
    ("maxDynamicDescriptors", "max_dynamic_descriptors 50"),
    ("servers", "httpsRedirect"),
    ("trafficPolicy", "loadBalancer"),
    (
        "trafficPolicy.connectionPool",
        "connectionPool: maxConnections 10",
    ),
    (
        "trafficPolicy.connectionPool.tcp.connectTimeout",
        "connectTimeout 3s",
    ),
    (
        "trafficPolicy.connectionPool.tcp.maxConnectionDuration",
        "maxConnectionDuration 600s",
    ),
    (
        "trafficPolicy.connectionPool.http.http1MaxPendingRequests",
        "http1MaxPendingRequests 5",
    ),
    (
        "trafficPolicy.connectionPool.http.http2MaxRequests",
        "http2MaxRequests 100",
    ),
    (
        "trafficPolicy.connectionPool.http.maxRequestsPerConnection",
        "maxRequestsPerConnection 9",
    ),
    (
        "trafficPolicy.connectionPool.http.maxRetries",
        "maxRetries 4",
    ),
    (
        "trafficPolicy.connectionPool.http.idleTimeout",
        "idleTimeout 90s",
    ),
    (
        "trafficPolicy.connectionPool.http.http2KeepAlive",
        "http2KeepAlive every 7s for 2s",
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash",
        "consistentHash cookie session",
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.httpCookie",
        "httpCookie session=\"\"; Max-Age=60; Path=/shop; SameSite=Strict; HttpOnly",
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.minimumRingSize",
        "minimumRingSize 512",
    ),
    (
        "trafficPolicy.loadBalancer.consistentHash.ringHash",
        "minimumRingSize 512",
    ),
    (
        "trafficPolicy.loadBalancer.warmup",
        "warmup 30s, minimumPercent 25 %, aggression 2",
    ),
    (
        "trafficPolicy.outlierDetection",
        "outlierDetection: consecutive5xxErrors 3",
    ),
    (
        "trafficPolicy.outlierDetection.minHealthPercent",
        "minHealthPercent 40 %",
    ),
    (
        "trafficPolicy.outlierDetection.outlierDetectionHttpErrorCodes",
        "outlierDetectionHttpErrorCodes 429 503",
    ),
    (
        "trafficPolicy.outlierDetection.splitExternalLocalOriginErrors",
        "splitExternalLocalOriginErrors true",
    ),
    (
        "trafficPolicy.outlierDetection.consecutiveLocalOriginFailures",
        "consecutiveLocalOriginFailures 6",
    ),
    (
        "trafficPolicy.retryBudget",
        "retryBudget: percent 30 %, minRetryConcurrency 2, budgetInterval 8s",
    ),
    ("trafficPolicy.tls", "tls: mode SIMPLE, sni users.test"),
    ("trafficPolicy.outlierDetection.interval", "interval 5s"),
];

/// Fields that decide by certificates and tokens, which an explained request does not have.
const OF_CERTIFICATES_AND_TOKENS: [&str; 3] =
    ["endpoints.serviceAccount", "jwtRules", "subjectAltNames"];

/// Fields that decide who may call a workload, which `Workload::explain_access` explains.
const OF_CALLERS: [&str; 5] = ["action", "provider", "rules", "targetRef", "targetRefs"];

#[test]
fn each_enforced_field_that_a_request_can_meet_is_explained() {
    let mesh = Mesh::from_yaml(FULL).unwrap();
    let shop = mesh.workload("shop", "default");
    let mut text = shop
        .explain(&request("GET", "http://users.test/"))
        .to_string();
    text += &shop
        .explain(&request("GET", "http://orders.test/"))
        .to_string();
    let gateway = mesh.gateway("gw", "default").unwrap();
    text += &gateway
        .explain(&request("GET", "http://users.test/"))
        .to_string();
    for (field, shown) in SHOWN {
        assert!(text.contains(shown), "{field}: no `{shown}` in\n{text}");
    }
    let page = include_str!("../../docs/istio-support.md");
    let fields = page.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let field = cells.next()?.strip_prefix('`')?.strip_suffix('`')?;
        (cells.nth(1)? == "enforced").then_some(field)
    });
    let is_below = |field: &str, above: &str| {
        let rest = field.strip_prefix(above);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let unknown = fields.filter(|field| {
        let shown = SHOWN.iter().any(|(above, _)| is_below(field, above));
        let others = CHOICES.iter().chain(&OF_CERTIFICATES_AND_TOKENS);
        let mut others = others.chain(&OF_CALLERS);
        !shown && !others.any(|above| is_below(field, above))
    });
    let unknown: Vec<_> = unknown.collect();
    assert!(unknown.is_empty(), "not explained: {unknown:?}");
}
