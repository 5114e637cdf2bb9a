//! Keys of tokens, fetched by a mesh over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::axum::Router;
use ::axum::routing::get;
use http::header;
use jsonwebtoken::{EncodingKey, Header, encode};
use meshless::Mesh;
use meshless::identity::RequestClaims;
use serde_json::json;

use crate::support::{Server, unpooled};

const KEYS: &str = r#"{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}"#;

fn policy(keys: &str) -> String {
    format!(
        "apiVersion: security.istio.io/v1\nkind: RequestAuthentication\nmetadata: {{name: a}}\n\
         spec: {{jwtRules: [{{{keys}}}]}}\n"
    )
}

fn token(issuer: &str) -> String {
    let claims = json!({"iss": issuer, "sub": "ann"});
    let header = Header {
        kid: Some("a".to_owned()),
        ..Header::default()
    };
    let key = EncodingKey::from_secret(b"secret").unwrap();
    format!("Bearer {}", encode(&header, &claims, &key).unwrap())
}

/// Returns the server of a workload, which answers with the caller's name.
async fn orders(mesh: &Mesh) -> Server {
    let hello = get(async |request: ::axum::extract::Request| {
        let claims = RequestClaims::of(request.extensions());
        claims
            .and_then(RequestClaims::subject)
            .unwrap_or("stranger")
            .to_owned()
    });
    let layer = mesh.workload("orders", "default").server();
    Server::axum(Router::new().route("/", hello).layer(layer)).await
}

async fn ask(server: &Server, token: &str) -> (u16, String) {
    let request = unpooled()
        .get(server.url("/"))
        .header(header::AUTHORIZATION, token);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

#[tokio::test]
async fn a_mesh_fetches_the_keys_of_its_documents_once() {
    let fetched = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&fetched);
    let keys = get(async move || {
        count.fetch_add(1, Ordering::Relaxed);
        KEYS
    });
    let issuer = Server::axum(Router::new().route("/keys", keys)).await;
    let keys = format!("issuer: i, jwksUri: '{}'", issuer.url("/keys"));
    let mesh = Mesh::from_yaml(&policy(&keys)).unwrap();
    let server = orders(&mesh).await;
    for _ in 0..3 {
        assert_eq!(ask(&server, &token("i")).await, (200, "ann".to_owned()));
    }
    assert_eq!(fetched.load(Ordering::Relaxed), 1);
    // A reload that keeps the place of the keys keeps the keys.
    issuer.stop().await;
    mesh.apply(&policy(&format!("{keys}, forwardOriginalToken: true")))
        .unwrap();
    assert_eq!(ask(&server, &token("i")).await.0, 200);
    server.stop().await;
}

/// Serves the description of an issuer, which has its keys at `jwks_uri`.
async fn describing(jwks_uri: impl Fn(SocketAddr) -> String) -> Server {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = jwks_uri(listener.local_addr().unwrap());
    let router = Router::new()
        .route(
            "/.well-known/openid-configuration",
            get(async move || json!({ "jwks_uri": uri }).to_string()),
        )
        .route("/keys", get(async || KEYS));
    Server::on(listener, |listener, stopped| async move {
        let served = ::axum::serve(listener, router).with_graceful_shutdown(stopped);
        served.await.unwrap();
    })
}

#[tokio::test]
async fn an_issuer_is_discovered_and_leads_to_no_other_private_host() {
    let elsewhere = Server::axum(Router::new().route("/keys", get(async || KEYS))).await;
    let port = elsewhere.address().port();
    for (jwks_uri, status) in [
        (None, 200),
        (Some(format!("http://localhost:{port}/keys")), 401),
        (Some("http://169.254.169.254/keys".to_owned()), 401),
    ] {
        let issuer = describing(|own| {
            let own = format!("http://{own}/keys");
            jwks_uri.clone().unwrap_or(own)
        })
        .await;
        let mesh = Mesh::from_yaml(&policy(&format!("issuer: '{}'", issuer.url("")))).unwrap();
        let server = orders(&mesh).await;
        let (answered, text) = ask(&server, &token(&issuer.url(""))).await;
        assert_eq!(answered, status, "{jwks_uri:?}: {text}");
        server.stop().await;
        issuer.stop().await;
    }
    assert_eq!(elsewhere.connections(), 0);
    elsewhere.stop().await;
}
