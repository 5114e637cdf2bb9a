//! Lets callers in by their tokens: `cargo run --example jwt --features jwt`.

use std::convert::Infallible;

use http::{Request, Response, header};
use jsonwebtoken::{EncodingKey, Header, encode};
use meshless::Rejection;
use meshless::identity::RequestClaims;
use meshless::jwt::{Jwks, JwtLayer, JwtPolicy, JwtRule};
use serde_json::json;
use tower::{ServiceBuilder, ServiceExt};

async fn handler(request: Request<String>) -> Result<Response<String>, Infallible> {
    let claims = RequestClaims::of(request.extensions());
    let user = claims
        .and_then(RequestClaims::subject)
        .unwrap_or("stranger");
    Ok(Response::new(format!("hello {user}")))
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A secret keeps this short. Issuers publish keys: `JwksSource::discover("https://issuer.example", ..)`.
    let keys = Jwks::from_json(r#"{"keys": [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}]}"#)?;
    let rule = JwtRule::new("https://issuer.example", keys).with_audiences(["orders"]);
    let service = ServiceBuilder::new()
        .layer(JwtLayer::new(JwtPolicy::new([rule])))
        .service_fn(handler);

    let token = |audience: &str| {
        let claims = json!({"iss": "https://issuer.example", "sub": "ann", "aud": audience});
        encode(
            &Header::default(),
            &claims,
            &EncodingKey::from_secret(b"secret")?,
        )
    };
    let mut statuses = Vec::new();
    for (name, token) in [
        ("good", Some(token("orders")?)),
        ("none", None),
        ("of others", Some(token("invoices")?)),
        ("forged", Some(token("orders")?.replace('.', "A."))),
    ] {
        let mut request = Request::get("/");
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let response = service
            .clone()
            .oneshot(request.body(String::new())?)
            .await?;
        println!(
            "{name}: {}, {:?}",
            response.status(),
            Rejection::of(&response)
        );
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 200, 403, 401]);
    Ok(())
}
