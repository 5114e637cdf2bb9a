//! Authorization policies by hand, over any service.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full};
use meshless::authorization::{
    AuthorizationLayer, AuthorizationPolicies, AuthorizationPolicy, Authorize, CheckFuture,
    CheckRequest, CheckResponse, Condition, HttpAuthorizer, OperationMatch, Rule, SourceMatch,
};
use meshless::identity::{LocalAddress, PeerIdentity};
use meshless::outcome::DenyReason;
use meshless::rate_limit::PeerAddress;
use meshless::{Outcome, Rejection};
use tower::{Layer, Service, ServiceExt, service_fn};

type Text = Full<Bytes>;

fn get(path: &str) -> Request<Text> {
    Request::get(path)
        .header("host", "a")
        .body(Text::default())
        .unwrap()
}

/// Answers with the path and a header of the request that it gets.
async fn send(layer: &AuthorizationLayer, request: Request<Text>) -> (Response<()>, String) {
    let app = service_fn(|request: Request<Text>| async move {
        let user = request.headers().get("x-user");
        let user = user.map_or("", |user| user.to_str().unwrap());
        let text = format!("{} {user}", request.uri());
        Ok::<_, Infallible>(Response::new(Text::from(text)))
    });
    let response = layer.layer(app).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let text = body.collect().await.unwrap().to_bytes();
    (
        Response::from_parts(head, ()),
        String::from_utf8(text.to_vec()).unwrap(),
    )
}

async fn status(layer: &AuthorizationLayer, request: Request<Text>) -> u16 {
    send(layer, request).await.0.status().as_u16()
}

#[tokio::test]
async fn without_a_policy_every_request_passes_as_it_is() {
    let layer = AuthorizationLayer::new([]).unwrap();
    let (response, text) = send(&layer, get("/a/../b%00")).await;
    assert_eq!(
        (response.status(), text.as_str()),
        (StatusCode::OK, "/a/../b%00 ")
    );
}

#[tokio::test]
async fn what_is_not_known_denies() {
    let networks = |rule: Rule| rule.from(SourceMatch::new().with_ip_blocks(["10.0.0.0/8"]));
    let ports = |rule: Rule| rule.to(OperationMatch::new().with_ports(["80"]));
    let excluded = |rule: Rule| rule.from(SourceMatch::new().with_not_ip_blocks(["10.0.0.0/8"]));
    for rule in [
        networks(Rule::new()),
        ports(Rule::new()),
        excluded(Rule::new()),
    ] {
        let allow = AuthorizationPolicy::allow("a").with_rule(rule.clone());
        let deny = AuthorizationPolicy::deny("a").with_rule(rule);
        for policy in [allow, deny] {
            let layer = AuthorizationLayer::new([policy]).unwrap();
            assert_eq!(status(&layer, get("/")).await, 403);
        }
    }
    let layer = AuthorizationLayer::new([
        AuthorizationPolicy::allow("a").with_rule(networks(ports(Rule::new())))
    ]);
    let layer = layer.unwrap();
    let mut request = get("/");
    request
        .extensions_mut()
        .insert(PeerAddress([10, 0, 0, 1].into()));
    request
        .extensions_mut()
        .insert(LocalAddress(([10, 0, 0, 2], 80).into()));
    assert_eq!(status(&layer, request.clone()).await, 200);
    assert_eq!(status(&layer.clone().with_port(81), request).await, 403);
}

#[tokio::test]
async fn several_hosts_are_no_host() {
    let rule = Rule::new().to(OperationMatch::new().with_hosts(["a"]));
    let allow = AuthorizationLayer::new([AuthorizationPolicy::allow("a").with_rule(rule.clone())]);
    let deny = AuthorizationLayer::new([AuthorizationPolicy::deny("a").with_rule(rule)]);
    let (allow, deny) = (allow.unwrap(), deny.unwrap());
    let mut request = get("/");
    assert_eq!(status(&allow, request.clone()).await, 200);
    request
        .headers_mut()
        .append("host", HeaderValue::from_static("b"));
    assert_eq!(status(&allow, request.clone()).await, 403);
    assert_eq!(status(&deny, request).await, 403);
}

#[tokio::test]
async fn a_header_with_several_values_is_compared_as_one() {
    let only = |value: &str| {
        let condition = Condition::new("request.headers[X-Tier]").with_values([value]);
        let policy = AuthorizationPolicy::allow("a").with_rule(Rule::new().when(condition));
        AuthorizationLayer::new([policy]).unwrap()
    };
    let mut request = get("/");
    request
        .headers_mut()
        .append("x-tier", HeaderValue::from_static("gold"));
    assert_eq!(status(&only("gold"), request.clone()).await, 200);
    request
        .headers_mut()
        .append("x-tier", HeaderValue::from_static("free"));
    assert_eq!(status(&only("gold"), request.clone()).await, 403);
    assert_eq!(status(&only("gold,free"), request).await, 200);
}

#[test]
fn a_value_that_nothing_could_match_is_an_error() {
    for rule in [
        Rule::new().from(SourceMatch::new().with_ip_blocks(["10.0.0"])),
        Rule::new().to(OperationMatch::new().with_ports(["http"])),
        Rule::new().to(OperationMatch::new().with_paths(["/{**}/{*}"])),
        Rule::new().when(Condition::new("request.header[a]").with_values(["b"])),
        Rule::new().when(Condition::new("request.headers[a b]").with_values(["b"])),
    ] {
        let policy = AuthorizationPolicy::allow("items")
            .with_rule(Rule::new())
            .with_rule(rule);
        let error = AuthorizationLayer::new([policy]).unwrap_err().to_string();
        assert!(error.starts_with("policy items, rule 1: "), "{error}");
    }
}

#[tokio::test]
async fn policies_are_replaced_while_requests_run_and_stay_on_an_error() {
    let deny = || AuthorizationPolicy::deny("a").with_rule(Rule::new());
    let layer = AuthorizationLayer::new([deny()]).unwrap();
    assert_eq!(status(&layer, get("/")).await, 403);
    let wrong = Rule::new().from(SourceMatch::new().with_ip_blocks(["x"]));
    let wrong = AuthorizationPolicy::allow("b").with_rule(wrong);
    assert!(layer.reconfigure([wrong]).is_err());
    assert_eq!(status(&layer, get("/")).await, 403);
    layer.reconfigure([deny().with_dry_run(true)]).unwrap();
    assert_eq!(status(&layer, get("/")).await, 200);
    let stats = layer.stats();
    assert_eq!((stats.denied, stats.policies[0].matched), (2, 1));
    layer.reconfigure([deny().with_dry_run(true)]).unwrap();
    assert_eq!(layer.stats().policies[0].matched, 1, "counts are kept");
}

#[tokio::test]
async fn a_dry_run_counts_what_it_would_allow_and_deny() {
    let rule = Rule::new().to(OperationMatch::new().with_paths(["/a"]));
    let policy = AuthorizationPolicy::allow("a")
        .with_rule(rule)
        .with_dry_run(true);
    let layer = AuthorizationLayer::new([policy]).unwrap();
    for path in ["/a", "/b", "/c"] {
        assert_eq!(status(&layer, get(path)).await, 200);
    }
    let stats = layer.stats();
    let policy = &stats.policies[0];
    assert_eq!((stats.denied, policy.matched, policy.unmatched), (0, 1, 2));
}

#[tokio::test]
async fn an_outer_layer_sees_a_denial_and_no_call() {
    let layer = AuthorizationLayer::new([AuthorizationPolicy::allow("a")]).unwrap();
    let (response, text) = send(&layer, get("/")).await;
    assert_eq!(text, "RBAC: access denied");
    assert_eq!(response.headers()["content-type"], "text/plain");
    assert_eq!(Outcome::of_response(&response), Some(Outcome::Rejected));
    let missing = Rejection::AccessDenied(DenyReason::RuleMissing);
    assert_eq!(Rejection::of(&response), Some(&missing));
}

/// An authorizer that answers after a second, and remembers what it was asked.
#[derive(Clone)]
struct Authorizer {
    answer: fn() -> Result<CheckResponse, &'static str>,
    asked: Arc<Mutex<Vec<CheckRequest>>>,
}

impl Authorizer {
    fn new(answer: fn() -> Result<CheckResponse, &'static str>) -> Self {
        Self {
            answer,
            asked: Arc::default(),
        }
    }

    /// Asks about paths below `/asked`.
    fn layer(&self) -> AuthorizationLayer {
        let rule = Rule::new().to(OperationMatch::new().with_paths(["/asked*"]));
        let custom = AuthorizationPolicy::custom("ask", "oauth").with_rule(rule);
        let deny = Rule::new().to(OperationMatch::new().with_paths(["*/denied"]));
        let deny = AuthorizationPolicy::deny("deny").with_rule(deny);
        let policies = AuthorizationPolicies::new([custom, deny]);
        let policies = policies.with_authorizer("oauth", Arc::new(self.clone()));
        AuthorizationLayer::new(policies).unwrap()
    }
}

impl Authorize for Authorizer {
    fn check(&self, request: CheckRequest) -> CheckFuture {
        self.asked.lock().unwrap().push(request);
        let answer = self.answer;
        Box::pin(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            answer().map_err(Into::into)
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_external_authorizer_allows_and_adds_headers() {
    let authorizer = Authorizer::new(|| {
        let mut request_headers = HeaderMap::new();
        request_headers.insert("x-user", HeaderValue::from_static("mina"));
        let mut response_headers = HeaderMap::new();
        response_headers.insert("x-checked", HeaderValue::from_static("1"));
        let mut allowed = CheckResponse::allowed();
        if let CheckResponse::Allowed {
            request_headers: to,
            response_headers: back,
        } = &mut allowed
        {
            (*to, *back) = (request_headers, response_headers);
        }
        Ok(allowed)
    });
    let layer = authorizer.layer();
    let mut request = get("/asked/x/../y?q");
    request
        .headers_mut()
        .insert("x-user", HeaderValue::from_static("forged"));
    let cart = PeerIdentity::new("spiffe://td/ns/a/sa/cart").unwrap();
    request.extensions_mut().insert(cart.clone());
    let (response, text) = send(&layer, request).await;
    assert_eq!(
        (response.status(), text.as_str()),
        (StatusCode::OK, "/asked/y?q mina")
    );
    assert_eq!(response.headers()["x-checked"], "1");
    {
        let asked = authorizer.asked.lock().unwrap();
        assert_eq!(asked[0].uri, "/asked/y?q");
        assert_eq!(asked[0].peer_identity, Some(cart));
    }
    // Another policy may still deny it, and other paths are not asked about.
    assert_eq!(status(&layer, get("/asked/denied")).await, 403);
    assert_eq!(status(&layer, get("/b")).await, 200);
    assert_eq!(authorizer.asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_external_authorizer_denies_with_a_response_of_its_own() {
    let authorizer = Authorizer::new(|| {
        let mut denied = CheckResponse::denied(StatusCode::FOUND);
        if let CheckResponse::Denied { body, headers, .. } = &mut denied {
            *body = Bytes::from_static(b"log in");
            headers.insert("location", HeaderValue::from_static("/login"));
        }
        Ok(denied)
    });
    let (response, text) = send(&authorizer.layer(), get("/asked")).await;
    assert_eq!(
        (response.status(), text.as_str()),
        (StatusCode::FOUND, "log in")
    );
    assert_eq!(response.headers()["location"], "/login");
    let rejection = Rejection::of(&response).unwrap();
    assert_eq!(
        *rejection,
        Rejection::AccessDenied(DenyReason::ExternallyDenied)
    );
    assert_eq!(rejection.flag(), "UAEX");
    let mut grpc = get("/asked");
    let kind = HeaderValue::from_static("application/grpc");
    grpc.headers_mut().insert("content-type", kind);
    let (response, _) = send(&authorizer.layer(), grpc).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["grpc-status"], "7");
}

#[tokio::test(start_paused = true)]
async fn an_external_authorizer_that_fails_or_is_not_known_denies() {
    let failing = Authorizer::new(|| Err("gone")).layer();
    let (response, _) = send(&failing, get("/asked")).await;
    assert_eq!(response.status(), 403);
    let failed = Rejection::AccessDenied(DenyReason::ExternallyFailed);
    assert_eq!(Rejection::of(&response), Some(&failed));

    let custom = |name: &'static str, provider: &'static str| {
        AuthorizationPolicy::custom(name, provider).with_rule(Rule::new())
    };
    let known = Arc::new(Authorizer::new(|| Ok(CheckResponse::allowed())));
    for policies in [
        AuthorizationPolicies::new([custom("a", "other")]),
        AuthorizationPolicies::new([custom("a", "known"), custom("b", "other")]),
    ] {
        let layer = AuthorizationLayer::new(
            policies.with_authorizer("known", Arc::<Authorizer>::clone(&known)),
        );
        let (response, text) = send(&layer.unwrap(), get("/")).await;
        assert_eq!(text, "RBAC: access denied");
        let unknown = Rejection::AccessDenied(DenyReason::NoAuthorizer);
        assert_eq!(Rejection::of(&response), Some(&unknown));
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_the_authorizer_is_asked_reaches_nothing() {
    let authorizer = Authorizer::new(|| Ok(CheckResponse::allowed()));
    let app = service_fn(|_: Request<Text>| async { Err::<Response<Text>, _>("called") });
    let mut service = authorizer.layer().layer(app);
    drop(service.call(get("/asked")));
    let mut pending = Box::pin(service.call(get("/asked")));
    let waited = tokio::time::timeout(Duration::from_millis(500), &mut pending).await;
    assert!(waited.is_err());
    drop(pending);
    let called = service.oneshot(get("/asked")).await;
    assert_eq!(called.unwrap_err(), "called");
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_is_asked_over_http() {
    type Check = Request<Empty<Bytes>>;
    let service = service_fn(|check: Check| async move {
        let (status, text) = match check.uri().path() {
            "/check/asked/slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                (200, "")
            }
            "/check/asked/down" => (503, "down"),
            _ if check.headers().contains_key("authorization") => (200, ""),
            _ => (401, "who are you?"),
        };
        assert_eq!(check.uri().host(), Some("authz"));
        assert_eq!(check.headers()["host"], "a");
        assert_eq!(check.headers().get("x-secret"), None);
        let response = Response::builder().status(status).header("x-user", "mina");
        let response = response.header("x-other", "1").body(Text::from(text));
        Ok::<_, Infallible>(response.unwrap())
    });
    let authorizer = HttpAuthorizer::new("http://authz:9000".parse().unwrap(), service)
        .with_path_prefix("/check")
        .with_upstream_headers([HeaderName::from_static("x-user")]);
    let rule = Rule::new().to(OperationMatch::new().with_paths(["/asked*"]));
    let policy = AuthorizationPolicy::custom("ask", "oauth").with_rule(rule);
    let policies = AuthorizationPolicies::new([policy]);
    let policies = policies.with_authorizer("oauth", Arc::new(authorizer));
    let layer = AuthorizationLayer::new(policies).unwrap();

    let mut request = get("/asked?q");
    let headers = request.headers_mut();
    headers.insert("x-secret", HeaderValue::from_static("1"));
    let (response, text) = send(&layer, request.clone()).await;
    assert_eq!(
        (response.status(), text.as_str()),
        (StatusCode::UNAUTHORIZED, "who are you?")
    );
    assert_eq!(response.headers()["x-other"], "1");
    let token = HeaderValue::from_static("Bearer a");
    request.headers_mut().insert("authorization", token);
    let (response, text) = send(&layer, request).await;
    assert_eq!(
        (response.status(), text.as_str()),
        (StatusCode::OK, "/asked?q mina")
    );
    assert!(!response.headers().contains_key("x-other"));
    for path in ["/asked/slow", "/asked/down"] {
        let (response, text) = send(&layer, get(path)).await;
        assert_eq!(
            (response.status(), text.as_str()),
            (StatusCode::FORBIDDEN, "")
        );
        let failed = Rejection::AccessDenied(DenyReason::ExternallyFailed);
        assert_eq!(Rejection::of(&response), Some(&failed));
    }
}

#[test]
fn a_decision_is_explained_without_being_counted() {
    let rule = Rule::new().to(OperationMatch::new().with_paths(["/a"]));
    let layer = AuthorizationLayer::new([
        AuthorizationPolicy::allow("a").with_rule(rule.clone()),
        AuthorizationPolicy::deny("b")
            .with_rule(rule.clone())
            .with_dry_run(true),
        AuthorizationPolicy::audit("c").with_rule(rule),
    ]);
    let layer = layer.unwrap();
    for (path, expected) in [
        (
            "/x/../a",
            "allowed by ns[default]-policy[a]-rule[0]; audited by ns[default]-policy[c]-rule[0]; \
             would deny by ns[default]-policy[b]-rule[0]",
        ),
        (
            "/b",
            "denied: no rule allows it by the first policy that allows",
        ),
    ] {
        assert_eq!(layer.explain(&get(path)).to_string(), expected);
    }
    assert_eq!(layer.stats().denied, 0);
    let none = AuthorizationLayer::new([]).unwrap();
    let explained = none.explain(&get("/"));
    assert_eq!(explained.to_string(), "allowed: no policy is for it");
}
