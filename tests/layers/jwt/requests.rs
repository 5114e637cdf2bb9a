use std::sync::Arc;

use http::{HeaderName, Method, Request};
use meshless::Rejection;
use meshless::events::EventKind;
use meshless::identity::{ClaimValue, RequestClaims};
use meshless::jwt::{JwtLayer, JwtPolicy, JwtStatus};
use meshless::testing::RecordingObserver;
use serde_json::json;

use super::support::{bearer, keys, request, rule, send, signed, token};

const X_SUB: HeaderName = HeaderName::from_static("x-sub");

fn layer() -> JwtLayer {
    JwtLayer::new(JwtPolicy::new([rule("i")]))
}

#[tokio::test]
async fn the_service_gets_the_claims_and_not_the_token() {
    let answer = send(
        &layer(),
        bearer(&token(
            &json!({"scope": "read write", "nested": {"a": [1]}}),
        )),
    )
    .await;
    let seen = answer.seen();
    assert!(seen.headers.get("authorization").is_none());
    let claims = seen.claims.as_ref().unwrap();
    assert_eq!(claims.principal().as_deref(), Some("i/s"));
    let words = ClaimValue::List(vec!["read".into(), "write".into()]);
    assert_eq!(claims.get("scope"), Some(&words));
    let nested = claims.at(["nested", "a"].into_iter());
    assert_eq!(
        nested,
        Some(&ClaimValue::List(vec![ClaimValue::Number(1.0)]))
    );
}

#[tokio::test]
async fn a_request_without_a_token_has_no_claims() {
    let answer = send(&layer(), Request::new(())).await;
    assert!(answer.seen().claims.is_none());
}

#[tokio::test]
async fn a_refusal_is_an_event_and_names_its_layer() {
    let observer = Arc::new(RecordingObserver::default());
    let layer = JwtLayer::with_observer(
        JwtPolicy::new([rule("i")]),
        Arc::<RecordingObserver>::clone(&observer),
    )
    .named("orders");
    let answer = send(&layer, bearer("zz")).await;
    assert_eq!(answer.status, 401);
    let rejection = Rejection::Unauthenticated(JwtStatus::BadFormat);
    observer.assert_any(|event| {
        *event.kind() == EventKind::Rejected(rejection) && event.source().name() == Some("orders")
    });
    assert_eq!(layer.stats().refused, 1);
}

#[tokio::test]
async fn headers_of_claims_cannot_be_brought_by_a_caller() {
    let rule = rule("i").with_claim_header("sub", X_SUB);
    let layer = JwtLayer::new(JwtPolicy::new([rule]));
    let spoofed = send(&layer, request("/", &[("x-sub", "root")])).await;
    assert!(spoofed.seen().headers.get("x-sub").is_none());
    let mut preflight = request(
        "/",
        &[
            ("x-sub", "root"),
            ("origin", "http://o"),
            ("access-control-request-method", "GET"),
        ],
    );
    *preflight.method_mut() = Method::OPTIONS;
    let preflight = send(&layer, preflight).await;
    assert!(preflight.seen().headers.get("x-sub").is_none());
    let mut own = bearer(&token(&json!({})));
    own.headers_mut().insert(X_SUB, "root".parse().unwrap());
    let own = send(&layer, own).await;
    let all: Vec<_> = own.seen().headers.get_all("x-sub").iter().collect();
    assert_eq!(all, ["s"]);
}

#[tokio::test]
async fn a_caller_cannot_bring_the_header_of_a_rule_that_is_not_asked() {
    let first = rule("i").with_header("x-a".parse().unwrap(), "");
    let second = rule("j")
        .with_header("x-b".parse().unwrap(), "")
        .with_claim_header("sub", X_SUB);
    let layer = JwtLayer::new(JwtPolicy::new([first, second]));
    let answer = send(
        &layer,
        request("/", &[("x-a", &token(&json!({}))), ("x-sub", "root")]),
    )
    .await;
    assert!(answer.seen().headers.get("x-sub").is_none());
}

#[tokio::test]
async fn a_claim_with_a_line_break_makes_no_header() {
    let rule = rule("i").with_claim_header("sub", X_SUB);
    let layer = JwtLayer::new(JwtPolicy::new([rule]));
    let answer = send(&layer, bearer(&token(&json!({"sub": "a\r\nx-root: 1"})))).await;
    assert!(answer.seen().headers.get("x-sub").is_none());
    assert!(answer.seen().headers.get("x-root").is_none());
}

#[tokio::test]
async fn a_token_in_a_cookie_is_removed_with_its_cookie() {
    let layer = JwtLayer::new(JwtPolicy::new([rule("i").with_cookie("t")]));
    let cookies = format!("a=1; t={}; b=2", token(&json!({})));
    let answer = send(&layer, request("/", &[("cookie", &cookies)])).await;
    assert_eq!(answer.seen().headers["cookie"], "a=1; b=2");
    assert!(answer.seen().claims.is_some());
}

#[tokio::test]
async fn the_other_parameters_stay_as_they_are() {
    let target = format!(
        "http://h/a%20b?z=%41&access_token={}&b&a=2",
        token(&json!({}))
    );
    let answer = send(&layer(), request(&target, &[])).await;
    assert_eq!(answer.seen().target, "http://h/a%20b?z=%41&b&a=2");
}

#[tokio::test]
async fn remembered_tokens_are_forgotten_with_their_policy() {
    let layer = layer();
    let token = token(&json!({}));
    assert_eq!(send(&layer, bearer(&token)).await.status, 200);
    layer.reconfigure(JwtPolicy::new([meshless::jwt::JwtRule::new(
        "i",
        keys("b"),
    )]));
    assert_eq!(layer.stats().cached, 0);
    let answer = send(&layer, bearer(&token)).await;
    assert_eq!(
        answer.body,
        "Jwks doesn't have key to match kid or alg from Jwt"
    );
    layer.reconfigure(JwtPolicy::off());
    let answer = send(&layer, bearer("zz")).await;
    assert_eq!(answer.seen().headers["authorization"], "Bearer zz");
}

#[tokio::test]
async fn a_forged_token_is_not_remembered() {
    let layer = layer();
    let good = token(&json!({}));
    assert_eq!(send(&layer, bearer(&good)).await.status, 200);
    // The same signature behind other claims.
    let other = signed("a", &json!({"iss": "i", "sub": "root"}));
    let (claims, _) = other.rsplit_once('.').unwrap();
    let (_, signature) = good.rsplit_once('.').unwrap();
    let forged = send(&layer, bearer(&format!("{claims}.{signature}"))).await;
    assert_eq!(forged.body, "Jwt verification fails");
    assert_eq!(layer.stats().cached, 1);
}

#[tokio::test]
async fn claims_of_an_outer_layer_stay_for_a_request_without_a_token() {
    let mut request = Request::new(());
    request
        .extensions_mut()
        .insert(RequestClaims::new([("iss", "outer")]));
    let answer = send(&layer(), request).await;
    assert_eq!(
        answer.seen().claims.as_ref().unwrap().issuer(),
        Some("outer")
    );
}
