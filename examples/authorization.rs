//! Lets one service read items, and an admin with a token do all: `cargo run --example authorization`.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::Request;
use meshless::authorization::{
    AuthorizationLayer, AuthorizationPolicy, Condition, OperationMatch, Rule, SourceMatch,
};
use meshless::events::Source;
use meshless::identity::{PeerIdentity, RequestClaims};
use tower::ServiceExt;

fn policies() -> [AuthorizationPolicy; 2] {
    let cart = SourceMatch::new().with_principals(["cluster.local/ns/shop/sa/cart"]);
    let reads = OperationMatch::new().with_methods(["GET"]);
    let admin = Condition::new("request.auth.claims[roles]").with_values(["admin"]);
    let secret = OperationMatch::new().with_paths(["/items/secret"]);
    [
        AuthorizationPolicy::allow("items")
            .with_rule(Rule::new().from(cart).to(reads.with_paths(["/items/*"])))
            .with_rule(Rule::new().when(admin)),
        AuthorizationPolicy::deny("secret").with_rule(Rule::new().to(secret)),
    ]
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let layer = AuthorizationLayer::new(policies())?;
    let item = get(|| async { "an item" }).put(|| async { "kept" });
    let app = Router::new()
        .route("/items/{id}", item)
        .layer(layer.clone());

    // A listener with mTLS inserts the identity, and a layer that checks tokens the claims.
    let cart = PeerIdentity::new("spiffe://cluster.local/ns/shop/sa/cart")?;
    let admin = RequestClaims::new([("iss", "https://issuer"), ("roles", "admin")]);
    let request = |method: &str, path: &str| Request::builder().method(method).uri(path);
    let mut statuses = Vec::new();
    for request in [
        request("GET", "/items/7").extension(cart.clone()),
        request("PUT", "/items/7").extension(cart),
        request("PUT", "/items/7").extension(admin.clone()),
        request("GET", "/items/7"),
        // The path is compared in its normal form.
        request("GET", "/items/x/../%73ecret").extension(admin),
    ] {
        let response = app.clone().oneshot(request.body(Body::empty())?).await?;
        let rule = Source::of(&response).and_then(|source| source.rule().map(str::to_owned));
        println!("{}, denied by {rule:?}", response.status());
        statuses.push(response.status().as_u16());
    }
    assert_eq!(statuses, [200, 403, 200, 403, 403]);
    assert_eq!(layer.stats().denied, 3);
    Ok(())
}
