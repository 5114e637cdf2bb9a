use http::{Request, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt};

use super::super::{RequestBody, TrustedProxies};
use super::support::{Script, Text, Upstream, change, get, limit, mesh, send, to};
use crate::foundation::matching::HostPattern;
use crate::istio::config::{GatewayConfig, InboundConfig, OutboundConfig, ServerConfig};
use crate::policies::rate_limit::RateLimitPolicy;

fn gateway(routes: Script, https_redirect: Option<StatusCode>) -> Script {
    let config = GatewayConfig {
        servers: vec![ServerConfig {
            hosts: vec![HostPattern::parse("*.example.com").unwrap()],
            https_redirect,
            port: 80,
            tls: false,
        }],
        outbound: OutboundConfig {
            hosts: routes.hosts.clone(),
            unknown_rejected: false,
            limits: Vec::new(),
        },
        inbound: InboundConfig {
            authorization: Vec::new(),
            limits: vec![limit("in", RateLimitPolicy::per_minute(3))],
            ..InboundConfig::default()
        },
    };
    Script {
        gateway: Some(config),
        ..routes
    }
}

fn to_host(host: &str, path: &str) -> Request<Text> {
    Request::get(path)
        .header("host", host)
        .body(Full::default())
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_gateway_sends_on_what_its_servers_and_routes_are_for() {
    let script = Script::default()
        .host("api.example.com", [to("users")])
        .host("other.org", [to("other")]);
    let mesh = mesh(gateway(script, None));
    let upstream = Upstream::new(|_| 200);
    let service = mesh.gateway("g", "n").unwrap().outbound(upstream.clone());
    let request = Request::get("/a?b")
        .header("host", "api.example.com")
        .header("connection", "keep-alive, x-hop")
        .header("x-hop", "1")
        .body(Full::default())
        .unwrap();
    assert_eq!(send(&service, request).await.0, 200);
    let asked = &upstream.asked()[0];
    assert_eq!(
        (asked.uri.to_string().as_str(), asked.host()),
        ("http://users/a?b", "api.example.com")
    );
    assert!(!asked.headers.contains_key("connection") && !asked.headers.contains_key("x-hop"));
    assert_eq!(
        send(&service, to_host("no.example.com", "/")).await.0,
        404,
        "no route"
    );
    assert_eq!(
        send(&service, to_host("other.org", "/")).await.0,
        404,
        "no server"
    );
    assert_eq!(
        send(&service, to_host("api.example.com", "/")).await.0,
        429,
        "three came in"
    );
    assert_eq!(upstream.count(), 1);
    let elsewhere = mesh
        .gateway("g", "n")
        .unwrap()
        .with_port(443)
        .outbound(upstream.clone());
    assert_eq!(send(&elsewhere, get("http://other.org/")).await.0, 429);
}

#[tokio::test(start_paused = true)]
async fn plain_http_is_sent_to_https_where_the_server_says_so() {
    let script = Script::default().host("api.example.com", [to("users")]);
    let mesh = mesh(gateway(script, Some(StatusCode::MOVED_PERMANENTLY)));
    let service = mesh
        .gateway("g", "n")
        .unwrap()
        .outbound(Upstream::new(|_| 200));
    let response = service
        .clone()
        .oneshot(to_host("api.example.com:80", "/a?b"))
        .await
        .unwrap();
    assert_eq!(response.status(), 301);
    assert_eq!(
        response.headers()["location"],
        "https://api.example.com/a?b"
    );
    let secure = || {
        let mut request = to_host("api.example.com", "/");
        let proto = "https".parse().unwrap();
        request.headers_mut().insert("x-forwarded-proto", proto);
        request
    };
    // Anybody can write that; a proxy that is trusted is believed.
    assert_eq!(send(&service, secure()).await.0, 301);
    let service = mesh
        .gateway("g", "n")
        .unwrap()
        .with_trusted_proxies(TrustedProxies::hops(1))
        .outbound(Upstream::new(|_| 200));
    assert_eq!(send(&service, secure()).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_fails_is_answered_for() {
    let script = Script::default().host("api.example.com", [to("users")]);
    let mesh = mesh(gateway(script, None));
    let broken = tower::service_fn(|_: Request<RequestBody<Text>>| async {
        Err::<http::Response<Text>, _>(std::io::Error::from(std::io::ErrorKind::ConnectionRefused))
    });
    let service = mesh.gateway("g", "n").unwrap().outbound(broken);
    assert_eq!(send(&service, to_host("api.example.com", "/")).await.0, 503);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_no_document_describes_is_an_error_and_one_that_goes_is_404() {
    let mesh = mesh(gateway(
        Script::default().host("api.example.com", [to("users")]),
        None,
    ));
    let service = mesh
        .gateway("g", "n")
        .unwrap()
        .outbound(Upstream::new(|_| 200));
    assert_eq!(send(&service, to_host("api.example.com", "/")).await.0, 200);
    change(&mesh, Script::default());
    assert_eq!(send(&service, to_host("api.example.com", "/")).await.0, 404);
    let error = mesh.gateway("g", "n").unwrap_err();
    assert_eq!(error.to_string(), "no Gateway n/g");
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_server_follow_changes_and_hold_for_all_its_connections() {
    let inbound = |per_minute| Script {
        inbound: vec![limit("in", RateLimitPolicy::per_minute(per_minute))],
        ..Script::default()
    };
    let mesh = mesh(inbound(1));
    let server = mesh.workload("w", "n").server();
    let app = tower::service_fn(|_: Request<Text>| async {
        Ok::<_, std::convert::Infallible>(http::Response::new(Text::default()))
    });
    let (one, two) = (server.layer(app), server.clone().layer(app));
    assert_eq!(send(&one, get("/")).await.0, 200);
    assert_eq!(send(&two, get("/")).await.0, 429);
    change(&mesh, inbound(2));
    assert_eq!(send(&one, get("/")).await.0, 200);
    assert_eq!(send(&two, get("/")).await.0, 429);
}
