//! The place of an external authorizer: before the check of tokens.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jsonwebtoken::{EncodingKey, Header, encode};
use meshless::authorization::{Authorize, CheckFuture, CheckRequest, CheckResponse};
use meshless::identity::RequestClaims;
use meshless::{Mesh, Rejection};
use serde_json::json;
use tower::{Layer, ServiceExt, service_fn};

use super::caller::Text;
use crate::support::{Upstream, gateway, service_entry, virtual_service};

/// Tokens of the key `secret`, and an authorizer for all paths but `/open`.
const DOCUMENTS: &str = r#"---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: tokens, namespace: default}
spec: {jwtRules: [{issuer: i, jwks: '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}'}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: default}
spec: {action: CUSTOM, provider: {name: asked}, rules: [{to: [{operation: {notPaths: [/open]}}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: known, namespace: default}
spec: {rules: [{from: [{source: {requestPrincipals: [i/s]}}]}, {to: [{operation: {paths: [/open]}}]}]}
"#;

fn token() -> String {
    let key = EncodingKey::from_secret(b"secret").unwrap();
    let claims = json!({"iss": "i", "sub": "s"});
    encode(&Header::default(), &claims, &key).unwrap()
}

/// Redirects a caller without a session, and gives one with a session its token, as a proxy of a login does.
#[derive(Debug, Default)]
struct Login {
    asked: Mutex<Vec<CheckRequest>>,
}

impl Authorize for Login {
    fn check(&self, request: CheckRequest) -> CheckFuture {
        let has_session = request.headers.contains_key("cookie");
        self.asked.lock().unwrap().push(request);
        Box::pin(async move {
            if !has_session {
                return Ok(CheckResponse::denied(StatusCode::FOUND));
            }
            let mut request_headers = HeaderMap::new();
            let bearer = HeaderValue::try_from(format!("Bearer {}", token()))?;
            request_headers.insert("authorization", bearer);
            let mut response_headers = HeaderMap::new();
            response_headers.insert("x-session", HeaderValue::from_static("longer"));
            let mut allowed = CheckResponse::allowed();
            if let CheckResponse::Allowed {
                request_headers: to,
                response_headers: back,
            } = &mut allowed
            {
                (*to, *back) = (request_headers, response_headers);
            }
            Ok(allowed)
        })
    }
}

fn get(path: &str, headers: &[(&str, &str)]) -> Request<Text> {
    let mut request = Request::get(path).header("host", "shop.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Text::default()).unwrap()
}

#[tokio::test]
async fn an_external_authorizer_decides_before_tokens_are_checked() {
    let login = Arc::new(Login::default());
    let mesh = Mesh::builder().with_authorizer("asked", Arc::<Login>::clone(&login));
    let mesh = mesh.read_yaml(DOCUMENTS).unwrap();
    let workload = mesh.workload("orders", "default");
    let app = service_fn(|request: Request<Text>| async move {
        let claims = RequestClaims::of(request.extensions());
        let principal = claims.and_then(RequestClaims::principal);
        let token = request.headers().get("authorization");
        let seen = format!("{principal:?} {}", token.is_some());
        Ok::<_, Infallible>(Response::new(Text::from(seen)))
    });
    let ask = async |request| {
        let response = workload.server().layer(app).oneshot(request).await.unwrap();
        let rejection = Rejection::of(&response).map(|rejection| rejection.policy().to_owned());
        let (head, body) = response.into_parts();
        let text = body.collect().await.unwrap().to_bytes();
        let session = head.headers.contains_key("x-session");
        let text = String::from_utf8(text.to_vec()).unwrap();
        (head.status.as_u16(), text, session, rejection)
    };
    let bad = ("authorization", "Bearer zz");
    let session = ("cookie", "session=1");

    // Its token is wrong, and it is sent to the login all the same.
    let (status, _, _, rejection) = ask(get("/", &[bad])).await;
    assert_eq!((status, rejection.as_deref()), (302, Some("authorization")));
    assert_eq!(
        login.asked.lock().unwrap()[0].headers["authorization"],
        "Bearer zz"
    );

    // The token that the authorizer brings is checked, and the application does not get it.
    let (status, text, has_session, _) = ask(get("/", &[bad, session])).await;
    assert_eq!((status, &*text), (200, "Some(\"i/s\") false"));
    assert!(has_session, "the authorizer's headers are on the response");

    // Not asked: the token is checked as it came.
    let (status, _, _, rejection) = ask(get("/open", &[bad, session])).await;
    assert_eq!((status, rejection.as_deref()), (401, Some("jwt")));
    assert_eq!(
        login.asked.lock().unwrap().len(),
        2,
        "each was asked about once"
    );
}

#[tokio::test]
async fn a_gateway_asks_about_sound_requests_alone() {
    let documents = [
        gateway("edge"),
        virtual_service("shop.example", "", "gateways: [edge]"),
        service_entry(
            "shop.example",
            "protocol: HTTP",
            "resolution: STATIC, endpoints: [{address: 10.0.0.1}]",
        ),
        DOCUMENTS.to_owned(),
    ];
    let login = Arc::new(Login::default());
    let mesh = Mesh::builder().with_authorizer("asked", Arc::<Login>::clone(&login));
    let mesh = mesh.read_yaml(&documents.concat()).unwrap();
    let edge = mesh.gateway("edge", "default").unwrap();
    let upstream = Upstream::new(|_| 200);
    let service = edge.outbound::<_, Text>(upstream.clone());
    let bad = ("authorization", "Bearer zz");
    for (path, headers, status, asked) in [
        ("/", &[bad][..], 302, 1),
        ("/a%00", &[bad], 400, 1),
        ("/", &[bad, ("cookie", "session=1")], 200, 2),
        ("/open", &[bad], 401, 2),
    ] {
        let response = service.clone().oneshot(get(path, headers)).await.unwrap();
        assert_eq!(response.status(), status, "{path} {headers:?}");
        assert_eq!(
            login.asked.lock().unwrap().len(),
            asked,
            "{path} {headers:?}"
        );
    }
    assert_eq!(upstream.count(), 1);
}
