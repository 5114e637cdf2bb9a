//! Serves an ingress to strangers: `cargo run --example gateway --all-features -- policies ingress 8080`.
//!
//! `axum::serve` waits for the head of a request without end and takes any number of connections; this
//! does neither. It speaks HTTP/1.1 with upgrades and HTTP/2, and stops when what is under way has ended.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use meshless::Mesh;
use meshless::mesh::{EndpointTransport, GatewayService};
use meshless::rate_limit::PeerAddress;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

/// What strangers may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    /// For the requests under way, once it is to stop.
    pub(crate) drain: Duration,
    /// For each head of a request, the first and those after it.
    pub(crate) head: Duration,
}

/// Serves until `stopped` is ready.
pub(crate) async fn serve(
    listener: TcpListener,
    gateway: GatewayService<EndpointTransport, Incoming>,
    limits: Limits,
    stopped: impl Future<Output = ()>,
) {
    let mut server = Builder::new(TokioExecutor::new());
    let mut http1 = server.http1();
    http1
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head);
    let mut http2 = server.http2();
    http2
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head);
    http2
        .max_concurrent_streams(100)
        .max_header_list_size(60 << 10);
    let (graceful, places) = (
        GracefulShutdown::new(),
        Arc::new(Semaphore::new(limits.connections)),
    );
    let mut stopped = pin!(stopped);
    loop {
        let next = async {
            // Those who come when all places are taken wait in the system's queue.
            let place = Arc::clone(&places)
                .acquire_owned()
                .await
                .expect("never closed");
            (listener.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            next = next => next,
            () = &mut stopped => break,
        };
        let Ok((stream, peer)) = accepted else {
            // No file descriptor is left, say.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (began, begins) = (
            Arc::new(Notify::new()),
            TowerToHyperService::new(gateway.clone()),
        );
        let notify = Arc::clone(&began);
        let service = hyper::service::service_fn(move |mut request: hyper::Request<Incoming>| {
            notify.notify_one();
            request.extensions_mut().insert(PeerAddress::from(peer));
            hyper::service::Service::call(&begins, request)
        });
        let connection = server.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = graceful.watch(connection.into_owned());
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // The server's own timeout begins only when the first bytes have shown the version.
            tokio::select! {
                _ = &mut connection => return,
                () = began.notified() => {}
                () = sleep(limits.head) => return,
            }
            // A caller who goes away is no error of ours.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = timeout(limits.drain, graceful.shutdown()).await;
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(policies), Some(name)) = (args.next(), args.next()) else {
        return Err("usage: gateway <file or folder> <name of a Gateway> [port]".into());
    };
    let port: u16 = args.next().map_or(Ok(8080), |port| port.parse())?;
    let mesh = Mesh::from_path(policies)?;
    let gateway = mesh.gateway(&name, "default")?.with_port(port).service();
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    let limits = Limits {
        connections: 10_000,
        drain: Duration::from_secs(20),
        head: Duration::from_secs(10),
    };
    let stopped = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    serve(listener, gateway, limits, stopped).await;
    Ok(())
}
