use std::convert::Infallible;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use meshless::identity::RequestClaims;
use meshless::jwt::{Jwks, JwtLayer, JwtRule};
use serde_json::{Value, json};
use tower::{Layer, ServiceExt, service_fn};

/// Secret of the keys in tests that are not about signatures.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// Returns keys with one secret of this id.
pub(super) fn keys(kid: &str) -> Jwks {
    Jwks::from_json(&jwks(kid)).unwrap()
}

/// Returns the text of [`keys`].
pub(super) fn jwks(kid: &str) -> String {
    let k = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    json!({"keys": [{"kty": "oct", "kid": kid, "alg": "HS256", "k": k}]}).to_string()
}

pub(super) fn rule(issuer: &str) -> JwtRule {
    JwtRule::new(issuer, keys("a"))
}

pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_secs()
}

/// Signs claims by the secret, under a key's id.
pub(super) fn signed(kid: &str, claims: &Value) -> String {
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(kid.to_owned());
    let key = EncodingKey::from_secret(SECRET).unwrap();
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// Returns a token of issuer `i`.
pub(super) fn token(more: &Value) -> String {
    let mut claims = json!({"iss": "i", "sub": "s", "exp": now() + 600});
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    signed("a", &claims)
}

/// Answer of a layer, and what the service inside has seen.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) body: String,
    pub(super) headers: HeaderMap,
    pub(super) status: u16,
    pub(super) upstream: Option<Seen>,
}

/// The request that came to the service inside.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) claims: Option<RequestClaims>,
    pub(super) headers: HeaderMap,
    pub(super) target: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn seen(&self) -> &Seen {
        self.upstream.as_ref().expect("the request was let in")
    }
}

/// Sends a request through a layer.
pub(super) async fn send(layer: &JwtLayer, request: Request<()>) -> Answer {
    let inner = service_fn(|request: Request<()>| async move {
        let mut response = Response::new(Full::new(Bytes::new()));
        response.extensions_mut().insert(Seen {
            claims: RequestClaims::of(request.extensions()).cloned(),
            headers: request.headers().clone(),
            target: request.uri().to_string(),
        });
        Ok::<_, Infallible>(response)
    });
    let response = layer.layer(inner).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer {
        body: String::from_utf8(body.to_vec()).unwrap(),
        headers: head.headers,
        status: head.status.as_u16(),
        upstream: head.extensions.get().cloned(),
    }
}

/// Returns a request with these headers.
pub(super) fn request(target: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get(target).body(()).unwrap();
    for (name, value) in headers {
        let name = http::HeaderName::try_from(*name).unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request.headers_mut().append(name, value);
    }
    request
}

/// Returns a request with a token in the usual place.
pub(super) fn bearer(token: &str) -> Request<()> {
    request(
        "/",
        &[
            ("host", "HOST"),
            ("authorization", &format!("Bearer {token}")),
        ],
    )
}
