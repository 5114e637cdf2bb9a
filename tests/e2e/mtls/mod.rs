//! Mutual TLS between workloads: who is accepted, by whom, and how certificates are replaced.

mod documents;
mod envoy;
mod listeners;
mod matrix;
mod refusals;
mod rotation;

#[path = "../../support/identities.rs"]
mod identities;

use std::net::SocketAddr;
use std::sync::Arc;

use ::axum::Router;
use ::axum::extract::Request;
use ::axum::routing::get;
use meshless::identity::{PeerIdentity, ServerName};
use meshless::mtls::{Certificates, ListenerStats, MtlsListener, MtlsMode, Peer, PeerLayer};
use meshless::testing::RecordingObserver;
use tokio::net::TcpListener;

use crate::support::Server;

/// A server that answers with the identity of its caller.
struct Workload {
    events: Arc<RecordingObserver>,
    server: Server,
    stats: ListenerStats,
}

impl Workload {
    async fn new(mode: MtlsMode, certificates: Certificates) -> Self {
        Self::with(|tcp| MtlsListener::new(tcp, mode, certificates)).await
    }

    async fn with(listen: impl FnOnce(TcpListener) -> MtlsListener) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(tcp, listen)
    }

    fn on(tcp: TcpListener, listen: impl FnOnce(TcpListener) -> MtlsListener) -> Self {
        let events = Arc::new(RecordingObserver::new(100));
        let mut stats = None;
        let server = Server::on(tcp, |tcp, stopped| {
            let listener = listen(tcp).with_observer(Arc::clone(&events) as _);
            stats = Some(listener.stats());
            async move {
                let app = router().into_make_service_with_connect_info::<Peer>();
                ::axum::serve(listener, app)
                    .with_graceful_shutdown(stopped)
                    .await
                    .unwrap();
            }
        });
        Self {
            events,
            server,
            stats: stats.unwrap(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.server.address()
    }
}

/// Answers with the identity of the caller, and below `/sni` with the name of its handshake.
fn router() -> Router {
    let answer = |request: Request| async move {
        let caller = PeerIdentity::of(request.extensions());
        caller.map_or_else(|| "plain text".to_owned(), ToString::to_string)
    };
    let sni = |request: Request| async move {
        let name = ServerName::of(request.extensions());
        name.unwrap_or_default().to_owned()
    };
    Router::new()
        .route("/", get(answer))
        .route("/sni", get(sni))
        .layer(PeerLayer::new())
}
