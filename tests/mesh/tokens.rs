//! `RequestAuthentication` at servers and gateways.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty, Full};
use jsonwebtoken::{EncodingKey, Header, encode};
use meshless::identity::RequestClaims;
use meshless::mesh::Workload;
use meshless::{Mesh, Rejection};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Upstream, gateway, service_entry, virtual_service};

/// The key `secret`, as a document has it.
const JWKS: &str = r#"'{"keys": [{"kty": "oct", "kid": "ID", "k": "c2VjcmV0"}]}'"#;

fn policy(name: &str, namespace: &str, selector: &str, rules: &str) -> String {
    let jwks = JWKS.replace("ID", "a");
    let rules = rules.replace("KEYS", &format!("jwks: {jwks}"));
    format!(
        "---\napiVersion: security.istio.io/v1\nkind: RequestAuthentication\n\
         metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{{selector} jwtRules: [{rules}]}}\n"
    )
}

fn token(claims: &Value) -> String {
    let key = EncodingKey::from_secret(b"secret").unwrap();
    let header = Header {
        kid: Some("a".to_owned()),
        ..Header::default()
    };
    encode(&header, claims, &key).unwrap()
}

fn of(issuer: &str) -> String {
    token(&json!({"iss": issuer, "sub": "s"}))
}

/// Answer of a workload's server: status, text, and the subject that the application saw.
async fn ask(workload: &Workload, token: Option<&str>) -> (u16, String, Option<String>) {
    let app = service_fn(|request: Request<Empty<Bytes>>| async move {
        let claims = RequestClaims::of(request.extensions());
        let subject = claims
            .and_then(RequestClaims::principal)
            .unwrap_or_default();
        let token = request.headers().get("authorization");
        let token = token.map_or("", |value| value.to_str().unwrap());
        Ok::<_, Infallible>(Response::new(Full::from(format!("{subject}{token}"))))
    });
    let mut request = Request::get("/").header("host", "HOST");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request.body(Empty::new()).unwrap();
    let response = workload.server().layer(app).oneshot(request).await.unwrap();
    let rejection = Rejection::of(&response).map(|rejection| rejection.policy().to_owned());
    let status = response.status().as_u16();
    let body = response
        .into_body()
        .collect()
        .await
        .map_err(|_| ())
        .unwrap()
        .to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap(), rejection)
}

async fn status(workload: &Workload, token: &str) -> u16 {
    ask(workload, Some(token)).await.0
}

#[tokio::test]
async fn a_server_checks_tokens_as_the_document_says() {
    let mesh = Mesh::from_yaml(&policy("a", "default", "", "{issuer: i, KEYS}")).unwrap();
    let workload = mesh.workload("orders", "default");
    assert_eq!(ask(&workload, None).await, (200, String::new(), None));
    assert_eq!(
        ask(&workload, Some(&of("i"))).await,
        (200, "i/s".to_owned(), None)
    );
    let (status, text, rejection) = ask(&workload, Some("zz")).await;
    let malformed =
        "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
    assert_eq!(
        (status, &*text, rejection.as_deref()),
        (401, malformed, Some("jwt"))
    );
    let (status, text, _) = ask(&workload, Some(&of("j"))).await;
    assert_eq!((status, &*text), (401, "Jwt issuer is not configured"));
}

#[tokio::test]
async fn each_field_has_its_effect() {
    let rules = "{issuer: i, KEYS, audiences: [x], forwardOriginalToken: true, presence: REQUIRED}";
    let mesh = Mesh::from_yaml(&policy("a", "default", "", rules)).unwrap();
    let workload = mesh.workload("orders", "default");
    assert_eq!(ask(&workload, None).await.1, "Jwt is missing");
    assert_eq!(status(&workload, &of("i")).await, 403);
    let good = token(&json!({"iss": "i", "sub": "s", "aud": "x"}));
    assert_eq!(
        ask(&workload, Some(&good)).await.1,
        format!("i/sBearer {good}")
    );
}

#[tokio::test]
async fn policies_of_the_root_namespace_and_of_the_own_hold_together() {
    let documents = [
        policy("all", "istio-system", "", "{issuer: root, KEYS}"),
        policy("all", "shop", "", "{issuer: shop, KEYS}"),
        policy(
            "some",
            "shop",
            "selector: {matchLabels: {app: orders}},",
            "{issuer: orders, KEYS}",
        ),
        policy("others", "bank", "", "{issuer: bank, KEYS}"),
    ];
    let mesh = Mesh::from_yaml(&documents.concat()).unwrap();
    for (workload, namespace, issuers) in [
        ("orders", "shop", &["root", "shop", "orders"][..]),
        ("users", "shop", &["root", "shop"]),
        ("orders", "bank", &["root", "bank"]),
        ("orders", "other", &["root"]),
    ] {
        let workload = mesh.workload(workload, namespace);
        for issuer in ["root", "shop", "orders", "bank"] {
            let expected = if issuers.contains(&issuer) { 200 } else { 401 };
            assert_eq!(
                status(&workload, &of(issuer)).await,
                expected,
                "{workload:?} {issuer}"
            );
        }
    }
}

#[tokio::test]
async fn a_policy_for_a_target_selects_no_workload_and_says_so() {
    let target = "targetRef: {group: gateway.networking.k8s.io, kind: Gateway, name: a},";
    let mesh = Mesh::from_yaml(&policy("a", "default", target, "{issuer: i, KEYS}")).unwrap();
    assert_eq!(status(&mesh.workload("orders", "default"), "zz").await, 200);
}

#[tokio::test]
async fn a_reload_replaces_the_rules_and_an_error_keeps_them() {
    let mesh = Mesh::from_yaml(&policy("a", "default", "", "{issuer: i, KEYS}")).unwrap();
    let workload = mesh.workload("orders", "default");
    assert_eq!(status(&workload, &of("i")).await, 200);
    let broken = policy("a", "default", "", r#"{issuer: i, jwks: '{"keys": []}'}"#);
    let error = mesh.apply(&broken).unwrap_err();
    assert!(
        error.to_string().contains("the keys verify no token"),
        "{error}"
    );
    assert_eq!(status(&workload, &of("i")).await, 200);
    assert_eq!(status(&workload, &of("j")).await, 401);
    mesh.apply(&policy("a", "default", "", "{issuer: j, KEYS}"))
        .unwrap();
    assert_eq!(status(&workload, &of("i")).await, 401);
    assert_eq!(status(&workload, &of("j")).await, 200);
    mesh.apply("# none").unwrap();
    assert_eq!(ask(&workload, Some("zz")).await.1, "Bearer zz");
}

#[tokio::test]
async fn a_gateway_checks_tokens_before_its_routes() {
    let documents = [
        gateway("edge"),
        virtual_service("shop.example", "", "gateways: [edge]"),
        service_entry(
            "shop.example",
            "protocol: HTTP",
            "resolution: STATIC, endpoints: [{address: 10.0.0.1}]",
        ),
        policy("a", "default", "", "{issuer: i, KEYS}"),
    ];
    let mesh = Mesh::from_yaml(&documents.concat()).unwrap();
    let upstream = Upstream::new(|_| 200);
    let service = mesh
        .gateway("edge", "default")
        .unwrap()
        .outbound(upstream.clone());
    let ask = async |token: &str| {
        let request = Request::get("/")
            .header("host", "shop.example")
            .header("authorization", format!("Bearer {token}"))
            .body(Full::<Bytes>::default());
        let response = service.clone().oneshot(request.unwrap()).await.unwrap();
        let challenge = response.headers().get("www-authenticate").cloned();
        (response.status().as_u16(), challenge)
    };
    assert_eq!(ask(&of("i")).await, (200, None));
    assert_eq!(upstream.count(), 1);
    let (status, challenge) = ask("zz").await;
    assert_eq!(status, 401);
    assert_eq!(
        challenge.unwrap(),
        r#"Bearer realm="http://shop.example/", error="invalid_token""#
    );
    assert_eq!(upstream.count(), 1);
}
