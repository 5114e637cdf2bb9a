//! Serves routes with a limit for each caller, deadlines and traces: `cargo run --example server --features full`.

use std::net::SocketAddr;

use axum::Router;
use axum::routing::get;
use meshless::client::Client;
use meshless::rate_limit::{ClientAddress, Key, RateLimitLayer, RateLimitPolicy};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn app() -> Router {
    // Two requests a minute from each address of the connection's other end.
    let caller = Key::client_address(ClientAddress::peer());
    let limit = RateLimitPolicy::per_minute(2).with_key(caller);
    Router::new()
        .route("/names", get(|| async { "Ann, Ben" }))
        .route_layer(RateLimitLayer::new(limit))
        // Outside of the limit and without it: a probe is always answered.
        .route("/healthz", get(|| async { "ok" }))
        .layer(meshless::inbound())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    // The address of the caller is the key: without it all callers share one limit.
    let app = app().into_make_service_with_connect_info::<SocketAddr>();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    // No layer is around this client, so that a rejection is the response of the server.
    let client = Client::build(reqwest::Client::builder().no_proxy())?;
    let mut statuses = Vec::new();
    for path in ["/names", "/names", "/names", "/healthz"] {
        let response = client.get(format!("{url}{path}")).send().await?;
        let again = response.headers().get("retry-after").cloned();
        println!("{path}: {}, retry after {again:?}", response.status());
        statuses.push(response.status().as_u16());
        response.text().await?;
    }
    assert_eq!(statuses, [200, 200, 429, 200]);

    drop(stop);
    server.await??;
    let gone = client.get(url).send().await;
    assert!(gone.is_err_and(|error| error.is_connect()));
    Ok(())
}
