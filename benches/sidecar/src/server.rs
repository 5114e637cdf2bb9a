//! The server: one thread, two ports.

use std::time::Duration;

use axum::Router;
use axum::routing::get;
use axum::serve::ListenerExt;
use meshless::concurrency_limit::ConcurrencyLimitPolicy;
use meshless::timeout::TimeoutPolicy;
use tokio::net::TcpListener;

use crate::client::rate_limit;

/// Serves until it is stopped.
pub(crate) async fn serve(port: u16, meshed_port: u16) {
    let bare = Router::new().route("/", get(|| async { "hello" }));
    let inbound = meshless::inbound()
        .with_concurrency_limit(ConcurrencyLimitPolicy::new(1_000))
        .with_rate_limit(rate_limit())
        .with_timeout(TimeoutPolicy::total(Duration::from_secs(30)));
    let meshed = bare.clone().layer(inbound);
    tokio::join!(listen(port, bare), listen(meshed_port, meshed));
}

async fn listen(port: u16, app: Router) {
    let listener = TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.expect("a free port").tap_io(|stream| {
        stream.set_nodelay(true).expect("a socket");
    });
    axum::serve(listener, app).await.expect("a server");
}
