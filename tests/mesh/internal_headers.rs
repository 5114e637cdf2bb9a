//! Headers for the services of the mesh go to these, and to no stranger unless it is asked for.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, Request, Response};
use http_body_util::Full;
use meshless::Mesh;
use meshless::mesh::{MeshBuilder, RequestBody};
use meshless::telemetry::{TraceContext, TracePolicy};
use tower::{Service, ServiceExt, service_fn};

use crate::support::{Text, document, gateway, get};

/// Hosts by name, and the place that the documents give each.
const HOSTS: [(&str, bool); 5] = [
    ("inside.example", true),
    ("outside.example", false),
    ("placed-nowhere.example", false),
    ("ruled.example", false),
    ("users.default.svc.cluster.local", true),
];

fn documents() -> String {
    let entry = |name: &str, location: &str| {
        let port = "{number: 80, name: http, protocol: HTTP}";
        let spec = format!(
            "{{hosts: [{name}.example], ports: [{port}], {location} resolution: STATIC, \
             endpoints: [{{address: 10.0.0.1}}]}}"
        );
        document("ServiceEntry", name, &spec)
    };
    let routes = HOSTS.map(|(host, _)| {
        let route = format!(
            "{{match: [{{uri: {{prefix: /api/}}}}], rewrite: {{uri: /, authority: other}}, \
             route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}], \
             retries: {{attempts: 2}}, timeout: 5s}}"
        );
        let plain = format!(
            "{{route: [{{destination: {{host: {host}, port: {{number: 80}}}}}}], \
             retries: {{attempts: 0}}, mirror: {{host: {host}, port: {{number: 80}}}}}}"
        );
        let spec = format!("{{hosts: [{host}], gateways: [mesh, gw], http: [{route}, {plain}]}}");
        document("VirtualService", host.split('.').next().unwrap(), &spec)
    });
    [
        gateway("gw"),
        entry("inside", "location: MESH_INTERNAL,"),
        entry("outside", "location: MESH_EXTERNAL,"),
        entry("placed-nowhere", ""),
        document("DestinationRule", "ruled", "{host: ruled.example}"),
        routes.concat(),
    ]
    .concat()
}

type Asked = Arc<Mutex<Vec<HeaderMap>>>;
type Sent = Request<RequestBody<Text>>;

fn upstream(
    asked: &Asked,
) -> impl Service<
    Sent,
    Response = Response<Text>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Text>, Infallible>> + Send,
> + Clone
+ Send
+ Sync
+ 'static {
    let asked = Arc::clone(asked);
    service_fn(move |request: Sent| {
        asked.lock().unwrap().push(request.headers().clone());
        std::future::ready(Ok(Response::new(Full::from("hello"))))
    })
}

fn mesh(change: impl FnOnce(MeshBuilder) -> MeshBuilder) -> Mesh {
    change(Mesh::builder().with_seed(7))
        .read_yaml(&documents())
        .unwrap()
}

/// Returns the names of the headers that are for services of the mesh alone.
fn internal(headers: &HeaderMap) -> Vec<String> {
    let names = headers.keys().map(http::HeaderName::as_str);
    let internal = names.filter(|name| {
        name.starts_with("x-envoy-") || name.contains("b3") || *name == "x-request-id"
    });
    let mut names: Vec<_> = internal.map(str::to_owned).collect();
    names.sort();
    names
}

const FORWARDED_BY_A_SERVICE: [&str; 6] = [
    "b3",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-original-host",
    "x-envoy-original-path",
    "x-request-id",
];

/// Calls a host within the trace of a caller that speaks B3; returns the headers of the requests that were sent, of
/// copies too.
async fn called(mesh: &Mesh, request: Request<Text>, count: usize) -> Vec<HeaderMap> {
    let asked = Asked::default();
    let client = mesh.workload("w", "default").outbound(upstream(&asked));
    let mut caller = HeaderMap::new();
    let b3 = "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1";
    caller.insert("b3", b3.parse().unwrap());
    caller.insert("x-request-id", "of-the-caller".parse().unwrap());
    let trace = TraceContext::from_headers(&caller).unwrap().unwrap();
    // Kept: the copies of a client that is gone are cancelled.
    let one = client.clone().oneshot(request);
    let response = trace.scoped(one).await.unwrap();
    assert_eq!(response.status(), 200);
    while asked.lock().unwrap().len() < count {
        tokio::task::yield_now().await;
    }
    std::mem::take(&mut *asked.lock().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_workload_tells_a_host_outside_its_trace_alone() {
    let mesh = mesh(|mesh| mesh);
    for (host, is_inside) in HOSTS {
        let sent = called(&mesh, get(&format!("http://{host}/api/a")), 1).await;
        assert!(sent[0].contains_key("traceparent"), "{host}");
        if is_inside {
            assert_eq!(internal(&sent[0]), FORWARDED_BY_A_SERVICE, "{host}");
        } else {
            assert!(internal(&sent[0]).is_empty(), "{host}: {sent:?}");
        }
    }
    // A host that no document names, and one that only resembles a service.
    for host in ["api.openai.com", "users"] {
        let sent = called(&mesh, get(&format!("http://{host}/api/a")), 1).await;
        let is_service = host == "users";
        assert_eq!(!internal(&sent[0]).is_empty(), is_service, "{host}");
    }
}

#[tokio::test(start_paused = true)]
async fn copies_and_single_tries_keep_to_it_too() {
    let mesh = mesh(|mesh| mesh);
    for (host, is_inside) in HOSTS {
        for headers in called(&mesh, get(&format!("http://{host}/")), 2).await {
            let count = headers.get("x-envoy-attempt-count");
            assert_eq!(count.is_some(), is_inside, "{host}");
            assert_eq!(
                internal(&headers).is_empty(),
                !is_inside,
                "{host}: {headers:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_the_application_sets_goes_wherever_it_is_sent() {
    let mesh = mesh(|mesh| mesh);
    let mut request = get("http://outside.example/api/a");
    let own = "mine".parse().unwrap();
    request.headers_mut().insert("x-request-id", own);
    let sent = called(&mesh, request, 1).await;
    assert_eq!(internal(&sent[0]), ["x-request-id"]);
    assert_eq!(sent[0]["x-request-id"], "mine");
}

#[tokio::test(start_paused = true)]
async fn strangers_are_told_what_is_asked_for() {
    let everywhere = mesh(|mesh| mesh.with_internal_headers_everywhere(true));
    let as_envoy = mesh(MeshBuilder::with_envoy_behaviour);
    for mesh in [everywhere, as_envoy] {
        for (host, _) in HOSTS {
            let sent = called(&mesh, get(&format!("http://{host}/api/a")), 1).await;
            assert_eq!(internal(&sent[0]), FORWARDED_BY_A_SERVICE, "{host}");
        }
    }
    let trace = TracePolicy::default().with_request_id_in_request(true);
    let ids = mesh(|mesh| mesh.with_trace(trace));
    let sent = called(&ids, get("http://outside.example/api/a"), 1).await;
    assert_eq!(internal(&sent[0]), ["x-request-id"]);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_keeps_back_what_its_callers_sent_too() {
    let mesh = mesh(|mesh| mesh);
    for (host, is_inside) in HOSTS {
        let asked = Asked::default();
        let gateway = mesh.gateway("gw", "default").unwrap();
        let gateway = gateway.outbound(upstream(&asked));
        let mut request = get(&format!("http://{host}/api/a"));
        for (name, value) in [
            ("b3", "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"),
            ("x-b3-sampled", "1"),
            ("x-request-id", "of-a-stranger"),
        ] {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(gateway.oneshot(request).await.unwrap().status(), 200);
        let asked = asked.lock().unwrap();
        assert!(asked[0].contains_key("traceparent"), "{host}");
        assert_eq!(
            internal(&asked[0]).is_empty(),
            !is_inside,
            "{host}: {asked:?}"
        );
    }
}
