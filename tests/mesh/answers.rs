//! What callers and upstreams see of the documents' policies.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use meshless::Mesh;
use meshless::mesh::RequestBody;
use tower::{Service, ServiceExt, service_fn};

use crate::support::Text;

const BACKEND: &str = "
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: backend}
spec:
  hosts: [backend.test]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 80, targetPort: 21001, name: http, protocol: HTTP}]
  endpoints: [{address: 127.0.0.1}, {address: 127.0.0.2}, {address: 127.0.0.3}, {address: 127.0.0.4}]
";

const LIMIT: &str = "
---
apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: {name: patch}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: {context: SIDECAR_OUTBOUND}
    patch:
      operation: INSERT_FIRST
      value:
        name: envoy.filters.http.local_ratelimit
        typed_config:
          '@type': type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
          stat_prefix: http_local_rate_limiter
";

/// The heads of requests as they arrive.
type Seen = Arc<Mutex<Vec<(String, HeaderMap)>>>;

fn client(
    mesh: &Mesh,
    seen: &Seen,
) -> impl Service<
    Request<Text>,
    Response = Response<impl http_body::Body<Data = Bytes, Error: std::fmt::Debug> + use<>>,
    Error = Infallible,
> + Clone
+ use<> {
    let seen = Arc::clone(seen);
    let transport = service_fn(move |request: Request<RequestBody<Text>>| {
        let (head, _) = request.into_parts();
        let address = head.uri.authority().unwrap().to_string();
        seen.lock().unwrap().push((address, head.headers));
        std::future::ready(Ok::<_, Infallible>(Response::new(Text::default())))
    });
    mesh.workload("w", "default").outbound(transport)
}

async fn head<S, R>(service: &S, uri: &str, client: Option<&'static str>) -> (u16, HeaderMap)
where
    S: Service<Request<Text>, Response = Response<R>, Error = Infallible> + Clone,
    R: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let mut request = Request::get(uri).body(Full::default()).unwrap();
    if let Some(client) = client {
        let value = HeaderValue::from_static(client);
        request.headers_mut().insert("x-client", value);
    }
    let response = service.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    body.collect().await.unwrap();
    (head.status.as_u16(), head.headers)
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_trial_turns_nothing_away_and_tells_the_upstream() {
    let on = "
          token_bucket: {max_tokens: 1, fill_interval: 60s}
          filter_enabled: {default_value: {numerator: 100, denominator: HUNDRED}}
          request_headers_to_add_when_not_enforced:
          - {header: {key: x-would-limit, value: 'yes'}}
";
    let mesh = Mesh::from_yaml(&format!("{BACKEND}{LIMIT}{}", &on[1..])).unwrap();
    let seen = Seen::default();
    let service = client(&mesh, &seen);
    for _ in 0..3 {
        assert_eq!(head(&service, "http://backend.test/", None).await.0, 200);
    }
    let marks: Vec<_> = seen
        .lock()
        .unwrap()
        .iter()
        .map(|(_, headers)| headers.get("x-would-limit").cloned())
        .collect();
    let yes = Some(HeaderValue::from_static("yes"));
    assert_eq!(marks, [None, yes.clone(), yes]);
}

#[tokio::test(start_paused = true)]
async fn a_matching_descriptors_bucket_is_the_one_that_callers_are_told_of() {
    let on = "
          token_bucket: {max_tokens: 4, fill_interval: 60s}
          filter_enabled: {default_value: {numerator: 100}}
          filter_enforced: {default_value: {numerator: 100}}
          enable_x_ratelimit_headers: DRAFT_VERSION_03
          descriptors:
          - entries: [{key: client, value: gold}]
            token_bucket: {max_tokens: 2, tokens_per_fill: 2, fill_interval: 60s}
  - applyTo: HTTP_ROUTE
    match: {context: SIDECAR_OUTBOUND, routeConfiguration: {vhost: {name: 'backend.test:80'}}}
    patch:
      operation: MERGE
      value:
        route:
          rate_limits:
          - actions: [{request_headers: {header_name: x-client, descriptor_key: client}}]
";
    let mesh = Mesh::from_yaml(&format!("{BACKEND}{ROUTE}{LIMIT}{}", &on[1..])).unwrap();
    let service = client(&mesh, &Seen::default());
    let mut told = Vec::new();
    for client in ["gold", "gold", "gold", "other", "other"] {
        let (status, headers) = head(&service, "http://backend.test/", Some(client)).await;
        let number = |name| headers[name].to_str().unwrap().parse::<u64>().unwrap();
        told.push((
            status,
            number("x-ratelimit-limit"),
            number("x-ratelimit-remaining"),
        ));
    }
    assert_eq!(
        told,
        [
            (200, 2, 1),
            (200, 2, 0),
            (429, 2, 0),
            (200, 4, 1),
            (200, 4, 0)
        ]
    );

    // Without a bucket for all there is nothing to tell those who match no descriptor.
    let (_, descriptors) = on[1..].split_once('\n').unwrap();
    let mesh = Mesh::from_yaml(&format!("{BACKEND}{ROUTE}{LIMIT}{descriptors}")).unwrap();
    let service = client(&mesh, &Seen::default());
    for (client, is_told) in [("gold", true), ("other", false)] {
        let (_, headers) = head(&service, "http://backend.test/", Some(client)).await;
        assert_eq!(
            headers.contains_key("x-ratelimit-limit"),
            is_told,
            "{client}"
        );
    }
}

const ROUTE: &str = "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: backend}
spec:
  hosts: [backend.test]
  http: [{route: [{destination: {host: backend.test}}]}]
";

#[tokio::test(start_paused = true)]
async fn a_workload_that_hashes_by_source_stays_with_one_endpoint() {
    let rule = "
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: backend}
spec:
  host: backend.test
  trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true}}}
";
    let mesh = Mesh::from_yaml(&format!("{BACKEND}{rule}")).unwrap();
    let seen = Seen::default();
    let service = client(&mesh, &seen);
    for _ in 0..16 {
        assert_eq!(head(&service, "http://backend.test/", None).await.0, 200);
    }
    // Another client of the process comes from the same address.
    let other = client(
        &Mesh::from_yaml(&format!("{BACKEND}{rule}")).unwrap(),
        &seen,
    );
    assert_eq!(head(&other, "http://backend.test/", None).await.0, 200);
    let seen = seen.lock().unwrap();
    let first = &seen[0].0;
    assert!(seen.iter().all(|(address, _)| address == first), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn a_host_is_found_by_each_way_to_write_it() {
    let route = |host: &str| {
        format!(
            "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: '{}'}}
spec:
  hosts: ['{host}']
  http: [{{directResponse: {{status: 204}}}}]
",
            host.replace(':', "-")
        )
    };
    let mesh = Mesh::from_yaml(&(route("2001:db8::1") + &route("p.test"))).unwrap();
    let service = client(&mesh, &Seen::default());
    for uri in [
        "http://[2001:db8::1]/",
        "http://[2001:DB8::1]:8080/",
        "http://u@[2001:db8::1]/",
        "http://p.test/",
        "http://p.test:80/",
        "http://p.test:/",
        "http://user:pw@p.test/",
        "http://user:pw@p.test:81/",
    ] {
        assert_eq!(head(&service, uri, None).await.0, 204, "{uri}");
    }
}
