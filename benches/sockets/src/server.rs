//! The server that all clients call, on a thread of its own.

use std::net::SocketAddr;
use std::sync::mpsc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

/// Starts the server, and returns its address.
pub(crate) fn start() -> SocketAddr {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        crate::runtime().block_on(async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address");
            sender.send(address).expect("a receiver");
            let app = Router::new().route("/", get(async || "hello"));
            axum::serve(listener, app).await.expect("served");
        });
    });
    receiver.recv().expect("an address")
}
