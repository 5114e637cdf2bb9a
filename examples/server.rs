//! Serves routes with a limit for each caller, deadlines and traces, and ends in order:
//! `cargo run --example server --features full`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use meshless::client::Client;
use meshless::rate_limit::{ClientAddress, Key, RateLimitLayer, RateLimitPolicy};
use meshless::shutdown::{Readiness, Shutdown};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

fn app(readiness: Readiness) -> Router {
    // Two requests a minute from each address of the connection's other end.
    let caller = Key::client_address(ClientAddress::peer());
    let limit = RateLimitPolicy::per_minute(2).with_key(caller);
    let ready = async move || {
        if readiness.is_ready() {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Router::new()
        .route("/names", get(|| async { "Ann, Ben" }))
        .route_layer(RateLimitLayer::new(limit))
        // Outside of the limit and without it: a probe is always answered.
        .route("/ready", get(ready))
        .layer(meshless::inbound())
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    // A service that load balancers probe leaves the notice at its default of 5 s.
    let mut shutdown = Shutdown::default().with_notice(Duration::from_millis(100));
    // The address of the caller is the key: without it all callers share one limit.
    let app = app(shutdown.readiness()).into_make_service_with_connect_info::<SocketAddr>();
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown.draining());
    shutdown.server("http", async { server.await });
    shutdown.flush("traces", async || println!("the last traces are exported"));
    // In a service the signal is `tokio::signal::ctrl_c()` or SIGTERM.
    let (stop, stopped) = oneshot::channel::<()>();
    let running = tokio::spawn(shutdown.run(async { drop(stopped.await) }));

    // No layer is around this client, so that a rejection is the response of the server.
    let client = Client::build(reqwest::Client::builder().no_proxy())?;
    let mut statuses = Vec::new();
    for path in ["/names", "/names", "/names", "/ready"] {
        let response = client.get(format!("{url}{path}")).send().await?;
        let again = response.headers().get("retry-after").cloned();
        println!("{path}: {}, retry after {again:?}", response.status());
        statuses.push(response.status().as_u16());
        response.text().await?;
    }
    assert_eq!(statuses, [200, 200, 429, 200]);

    drop(stop);
    let report = running.await?;
    println!("{report}");
    assert!(report.is_complete());
    let gone = client.get(url).send().await;
    assert!(gone.is_err_and(|error| error.is_connect()));
    Ok(())
}
