//! Each event, rejection and span of a mesh says whose it is, and which line of a document ordered it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::BodyExt;
use meshless::events::{Direction, EventKind, Source};
use meshless::{Event, Mesh, Observe};
use tower::{Layer, ServiceExt};

use crate::support::{Folder, Text, Upstream, get, send};

/// Event with its source.
type Observed = (EventKind, Arc<Source>);

/// Keeps events with their sources.
#[derive(Clone, Debug, Default)]
struct Events {
    all: Arc<Mutex<Vec<Observed>>>,
    with_requests: bool,
}

impl Events {
    fn with_requests() -> Self {
        Self {
            with_requests: true,
            ..Self::default()
        }
    }

    fn take(&self) -> Vec<Observed> {
        std::mem::take(&mut self.all.lock().unwrap())
    }

    /// Returns the only event of this name since the last time.
    #[track_caller]
    fn only(&self, name: &str) -> Observed {
        let mut found = self.take();
        found.retain(|(kind, _)| kind.name() == name);
        let count = found.len();
        assert_eq!(count, 1, "{name}");
        found.remove(0)
    }
}

impl Observe for Events {
    fn on_event(&self, event: &Event<'_>) {
        let event = (event.kind().clone(), Arc::clone(event.source()));
        self.all.lock().unwrap().push(event);
    }

    fn observes_requests(&self) -> bool {
        self.with_requests
    }
}

/// Ordered by line, so that each block stands in a line that the tests name.
const DOCUMENTS: &str = "\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: users, namespace: waste}
spec:
  hosts: [users.test]
  ports: [{number: 80, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: users, namespace: waste}
spec:
  host: users.test
  trafficPolicy:
    outlierDetection:
      consecutive5xxErrors: 4
    connectionPool:
      http: {http2MaxRequests: 2}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: users, namespace: waste}
spec:
  hosts: [users.test]
  http:
  - name: aborted
    match: [{uri: {prefix: /aborted}}]
    fault:
      abort: {httpStatus: 418, percentage: {value: 100}}
    route: [{destination: {host: users.test}}]
  - name: lost
    match: [{uri: {prefix: /lost}}]
    route: [{destination: {host: users.test, subset: none}}]
  - name: main
    timeout: 3s
    retries:
      attempts: 1
      retryOn: 5xx
    route: [{destination: {host: users.test}}]
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: limit, namespace: waste}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_INBOUND}
    patch:
      operation: INSERT_BEFORE
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/udpa.type.v1.TypedStruct
          type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          value:
            stat_prefix: limit
            token_bucket: {max_tokens: 1, tokens_per_fill: 1, fill_interval: 3600s}
            filter_enabled: {default_value: {numerator: 100}}
            filter_enforced: {default_value: {numerator: 100}}
";

const CLUSTER: &str = "outbound|80||users.test";

struct World {
    events: Events,
    folder: Folder,
    mesh: Mesh,
}

impl World {
    fn new(events: Events) -> Self {
        let folder = Folder::new();
        folder.write("users.yaml", DOCUMENTS);
        let builder = Mesh::builder().with_seed(7);
        let builder = builder.with_observer(Arc::new(events.clone()));
        let mesh = builder.read_path(folder.path()).unwrap();
        Self {
            events,
            folder,
            mesh,
        }
    }

    /// Returns the file and the line as a source writes them.
    fn at(&self, line: u32) -> String {
        let file = self.folder.path().join("users.yaml");
        format!("{}:{line}", file.display())
    }

    #[track_caller]
    fn assert_outbound(&self, source: &Source, route: Option<&str>, line: Option<u32>) {
        assert_eq!(source.workload(), Some("shop"));
        assert_eq!(source.namespace(), Some("waste"));
        assert_eq!(source.direction(), Some(Direction::Outbound));
        assert_eq!(source.host(), Some("users.test"));
        assert_eq!(source.route(), route);
        let origin = source.origin().map(ToString::to_string);
        assert_eq!(origin, line.map(|line| self.at(line)));
    }
}

#[tokio::test(start_paused = true)]
async fn each_policy_of_a_mesh_says_whose_it_is_and_which_line_ordered_it() {
    let world = World::new(Events::default());
    let upstream = Upstream::timed(|uri| match uri {
        uri if uri.ends_with("/slow") => (200, Duration::from_secs(9)),
        _ => (500, Duration::ZERO),
    });
    let client = world.mesh.workload("shop", "waste").outbound(upstream);

    let aborted = client
        .clone()
        .oneshot(get("http://users.test/aborted"))
        .await;
    let source = Arc::clone(Source::of(&aborted.unwrap()).unwrap());
    world.assert_outbound(&source, Some("aborted"), Some(29));
    assert_eq!(
        source.origin().unwrap().object(),
        "VirtualService waste/users"
    );
    assert_eq!(world.events.only("rejected").1, source);

    let lost = client.clone().oneshot(get("http://users.test/lost")).await;
    let source = Arc::clone(Source::of(&lost.unwrap()).unwrap());
    assert_eq!(source.cluster(), Some("outbound|80|none|users.test"));
    assert_eq!(world.events.only("rejected").1, source);

    let slow = client.clone().oneshot(get("http://users.test/slow")).await;
    let source = Arc::clone(Source::of(&slow.unwrap()).unwrap());
    world.assert_outbound(&source, Some("main"), Some(36));
    assert_eq!(source.cluster(), Some(CLUSTER));
    assert_eq!(world.events.only("rejected").1, source);

    send(&client, get("http://users.test/")).await;
    let (kind, source) = world.events.only("retrying");
    assert_eq!(kind.policy(), "retry");
    world.assert_outbound(&source, Some("main"), Some(37));
    assert_eq!(source.cluster(), Some(CLUSTER));

    send(&client, get("http://users.test/")).await;
    let (kind, source) = world.events.only("endpoint_ejected");
    assert_eq!(kind.endpoint().unwrap().to_string(), "10.0.0.1:80");
    world.assert_outbound(&source, None, Some(16));
    assert_eq!(source.cluster(), Some(CLUSTER));
    assert_eq!(
        source.origin().unwrap().object(),
        "DestinationRule waste/users"
    );

    // No document ordered the balancer: its default rejects.
    let empty = client.clone().oneshot(get("http://users.test/")).await;
    let source = Arc::clone(Source::of(&empty.unwrap()).unwrap());
    world.assert_outbound(&source, None, None);
    assert_eq!(source.cluster(), Some(CLUSTER));
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_requests_to_a_workload_is_inbound() {
    let world = World::new(Events::with_requests());
    let routes = tower::service_fn(|_: http::Request<Text>| {
        std::future::ready(Ok::<_, std::convert::Infallible>(http::Response::new(
            Text::default(),
        )))
    });
    let server = world.mesh.workload("shop", "waste").server().layer(routes);
    for expected in [200, 429] {
        assert_eq!(send(&server, get("http://shop/")).await.0, expected);
    }
    let all = world.events.take();
    let names: Vec<_> = all.iter().map(|(kind, _)| kind.name()).collect();
    assert_eq!(
        names,
        ["request_completed", "rejected", "request_completed"]
    );
    for (_, source) in &all {
        assert_eq!(source.direction(), Some(Direction::Inbound));
        assert_eq!(source.workload(), Some("shop"));
    }
    let origin = all[1].1.origin().unwrap();
    assert_eq!(origin.object(), "EnvoyFilter waste/limit");
    assert_eq!(origin.to_string(), world.at(58));
}

#[tokio::test(start_paused = true)]
async fn a_reload_changes_the_line_and_not_the_state() {
    let world = World::new(Events::default());
    let client = world
        .mesh
        .workload("shop", "waste")
        .outbound(Upstream::new(|_| 500));
    send(&client, get("http://users.test/")).await;
    world.events.take();

    let moved = format!("# One more line.\n{DOCUMENTS}");
    world.folder.write("users.yaml", &moved);
    world.mesh.apply_path(world.folder.path()).unwrap();
    // Two of four failures were before the change: the next one ejects.
    send(&client, get("http://users.test/")).await;
    let all = world.events.take();
    for (name, line) in [("retrying", 38), ("endpoint_ejected", 17)] {
        let (_, source) = all.iter().find(|(kind, _)| kind.name() == name).unwrap();
        assert_eq!(
            source.origin().unwrap().to_string(),
            world.at(line),
            "{name}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_ends_once_with_the_source_of_its_destination() {
    let world = World::new(Events::with_requests());
    let client = world
        .mesh
        .workload("shop", "waste")
        .outbound(Upstream::new(|_| 500));
    send(&client, get("http://users.test/")).await;
    let mut all = world.events.take();
    all.retain(|(kind, _)| kind.completion().is_some());
    let names: Vec<_> = all.iter().map(|(kind, _)| kind.name()).collect();
    assert_eq!(
        names,
        [
            "attempt_completed",
            "attempt_completed",
            "request_completed"
        ]
    );
    for ((kind, source), retries) in all.iter().zip([0, 1, 1]) {
        world.assert_outbound(source, Some("main"), Some(35));
        assert_eq!(source.cluster(), Some(CLUSTER));
        assert_eq!(kind.completion().unwrap().retries, retries);
        assert_eq!(kind.endpoint().unwrap().to_string(), "10.0.0.1:80");
    }

    // A rejection before any attempt is a request, too, with the source of its route.
    send(&client, get("http://users.test/aborted")).await;
    let (kind, source) = world.events.only("request_completed");
    assert_eq!(source.route(), Some("aborted"));
    let completion = kind.completion().unwrap();
    assert_eq!(completion.rejection.unwrap().flag(), "FI");
    assert_eq!(completion.endpoint, None);
}

#[tokio::test(start_paused = true)]
async fn a_host_without_documents_is_istios_passthrough() {
    let events = Events::with_requests();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_yaml("").unwrap();
    let client = mesh
        .workload("shop", "waste")
        .outbound(Upstream::new(|_| 200));
    send(&client, get("http://elsewhere.test/")).await;
    let (_, source) = events.only("request_completed");
    assert_eq!(source.cluster(), Some("PassthroughCluster"));
    assert_eq!(source.route(), Some("allow_any"));

    let mesh = Mesh::builder().with_registry_only(true);
    let mesh = mesh.with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_yaml("").unwrap();
    let client = mesh
        .workload("shop", "waste")
        .outbound(Upstream::new(|_| 200));
    let rejected = client.oneshot(get("http://elsewhere.test/")).await.unwrap();
    let source = Source::of(&rejected).unwrap();
    assert_eq!(source.host(), Some("elsewhere.test"));
    assert_eq!(source.cluster(), None);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_reports_each_request_once() {
    let events = Events::with_requests();
    let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
    let mesh = mesh.read_yaml(&format!(
        "{}{}{}",
        crate::support::gateway("gw"),
        crate::support::service_entry(
            "users.test",
            "protocol: HTTP",
            "resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
        ),
        crate::support::virtual_service("users.test", "name: main", "gateways: [gw]"),
    ));
    let gateway = mesh.unwrap().gateway("gw", "default").unwrap();
    let service = gateway.outbound(Upstream::new(|_| 200));
    for (uri, route) in [
        ("http://users.test/", Some("main")),
        ("http://other.test/", None),
    ] {
        let response = service.clone().oneshot(get(uri)).await.unwrap();
        response.into_body().collect().await.unwrap();
        let (kind, source) = events.only("request_completed");
        assert_eq!(source.direction(), Some(Direction::Gateway), "{uri}");
        assert_eq!(source.workload(), Some("gw"), "{uri}");
        assert_eq!(source.route(), route, "{uri}");
        assert_eq!(kind.endpoint().is_some(), route.is_some(), "{uri}");
    }
}

/// Limits of all requests to a host, by its virtual host or by one of its routes.
fn limits(apply_to: &str, route: &str) -> String {
    let limit = "{stat_prefix: l, token_bucket: {max_tokens: 1, fill_interval: 3600s}, \
         filter_enabled: {default_value: {numerator: 100}}, \
         filter_enforced: {default_value: {numerator: 100}}}";
    let vhost = format!("{{name: 'users.test:80', {route}}}");
    let matches = format!("{{context: SIDECAR_OUTBOUND, routeConfiguration: {{vhost: {vhost}}}}}");
    let typed = format!(
        "{{'@type': type.googleapis.com/udpa.type.v1.TypedStruct, \
         type_url: type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit, \
         value: {limit}}}"
    );
    let value =
        format!("{{typed_per_filter_config: {{envoy.filters.http.local_ratelimit: {typed}}}}}");
    let patch = format!("{{operation: MERGE, value: {value}}}");
    let patches =
        format!("{{configPatches: [{{applyTo: {apply_to}, match: {matches}, patch: {patch}}}]}}");
    let document = crate::support::document("EnvoyFilter", "limit", &patches);
    document.replace("networking.istio.io/v1\n", "networking.istio.io/v1alpha3\n")
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_one_route_names_the_route_and_one_of_several_does_not() {
    for (apply_to, of_route, expected) in [
        ("HTTP_ROUTE", "route: {name: main}", Some("main")),
        ("HTTP_ROUTE", "", None),
        ("VIRTUAL_HOST", "", None),
    ] {
        let events = Events::default();
        let mesh = Mesh::builder().with_observer(Arc::new(events.clone()));
        let route = crate::support::virtual_service("users.test", "name: main", "");
        let mesh = mesh
            .read_yaml(&(route + &limits(apply_to, of_route)))
            .unwrap();
        let client = mesh
            .workload("shop", "default")
            .outbound(Upstream::new(|_| 200));
        assert_eq!(send(&client, get("http://users.test/")).await.0, 200);
        let rejected = client.clone().oneshot(get("http://users.test/")).await;
        let rejected = rejected.unwrap();
        assert_eq!(rejected.status(), 429, "{apply_to} {of_route}");
        let (_, source) = events.only("rejected");
        assert_eq!(source.route(), expected, "{apply_to} {of_route}");
        assert_eq!(Source::of(&rejected), Some(&source));
    }
}

#[tokio::test(start_paused = true)]
async fn each_reply_of_a_gateway_says_whose_it_is() {
    const GATEWAY: &str = "{servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['users.test']}, \
         {port: {number: 80, name: plain, protocol: HTTP}, hosts: ['secure.test'], tls: {httpsRedirect: true}}]}";
    const ROUTES: &str = "{hosts: [users.test], gateways: [gw], http: [\
         {name: fixed, match: [{uri: {prefix: /fixed}}], directResponse: {status: 418}}, \
         {name: moved, match: [{uri: {prefix: /moved}}], redirect: {uri: /}}, \
         {name: none, match: [{uri: {prefix: /none}}], route: [{destination: {host: users.test, subset: none}}]}, \
         {name: slow, match: [{uri: {prefix: /slow}}], timeout: 1s, route: [{destination: {host: users.test}}]}, \
         {name: main, route: [{destination: {host: users.test}}]}]}";
    let mesh = Mesh::from_yaml(&format!(
        "{}{}{}",
        crate::support::document("Gateway", "gw", GATEWAY),
        crate::support::service_entry(
            "users.test",
            "protocol: HTTP",
            "resolution: STATIC, endpoints: [{address: 10.0.0.1}]"
        ),
        crate::support::document("VirtualService", "users", ROUTES),
    ));
    let upstream = Upstream::timed(|uri| match uri {
        uri if uri.ends_with("/refused") => (0, Duration::ZERO),
        uri if uri.ends_with("/slow") => (200, Duration::from_secs(9)),
        uri if uri.ends_with("/switched") => (101, Duration::ZERO),
        _ => (200, Duration::ZERO),
    });
    let gateway = mesh.unwrap().gateway("gw", "default").unwrap();
    let service = gateway.outbound(upstream);
    for (uri, header, status, route, has_cluster) in [
        ("http://users.test/fixed", None, 418, Some("fixed"), false),
        ("http://users.test/moved", None, 301, Some("moved"), false),
        ("http://users.test/slow", None, 504, Some("slow"), true),
        ("http://users.test/refused", None, 503, Some("main"), true),
        ("http://users.test/switched", None, 502, None, false),
        (
            "http://users.test/",
            Some(("upgrade", "foo")),
            403,
            None,
            false,
        ),
        ("http://users.test/%00", None, 400, None, false),
        ("http://secure.test/", None, 301, None, false),
        ("http://other.test/", None, 404, None, false),
    ] {
        let mut request = get(uri);
        if let Some((name, value)) = header {
            let headers = request.headers_mut();
            headers.insert(name, value.parse().unwrap());
            headers.insert("connection", name.parse().unwrap());
        }
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{uri}");
        let source = Source::of(&response);
        let source = source.unwrap_or_else(|| unreachable!("{uri} has no source"));
        assert_eq!(source.direction(), Some(Direction::Gateway), "{uri}");
        assert_eq!(source.workload(), Some("gw"), "{uri}");
        assert_eq!(source.route(), route, "{uri}");
        assert_eq!(source.cluster().is_some(), has_cluster, "{uri}");
    }
    let none = service
        .oneshot(get("http://users.test/none"))
        .await
        .unwrap();
    let source = Source::of(&none).unwrap();
    assert!(source.cluster().unwrap().contains("|none|users.test"));
    assert_eq!(source.route(), Some("none"));
}
