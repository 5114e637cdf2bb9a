//! Servers that stop when their test does, certificates, documents.

mod certified;
mod documents;
mod plain;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ::axum::Router;
use ::axum::serve::ListenerExt;
use meshless::client::{Client, Transport};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) use certified::Certified;
pub(crate) use documents::{destination_rule, gateway, service_entry, virtual_service};
pub(crate) use plain::Plain;

/// A transport that asks no proxy which the machine may have.
pub(crate) fn transport() -> Transport {
    Transport::build(reqwest::Client::builder().no_proxy()).unwrap()
}

/// A client that opens a connection for each request.
pub(crate) fn unpooled() -> Client {
    let builder = reqwest::Client::builder().no_proxy();
    Client::build(builder.pool_max_idle_per_host(0)).unwrap()
}

/// A server on a port that the system chose.
pub(crate) struct Server {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router` with `axum::serve`.
    pub(crate) async fn axum(router: Router) -> Self {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let server = Self::run(|listener, stopped| async move {
            let listener = listener.tap_io(move |_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            ::axum::serve(listener, service)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        })
        .await;
        Self {
            connections,
            ..server
        }
    }

    /// Runs `serve` on a new listener, until the future that it is given is ready.
    pub(crate) async fn run<F, Fut>(serve: F) -> Self
    where
        F: FnOnce(TcpListener, Stopped) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), serve)
    }

    /// Runs `serve` on a listener, until the future that it is given is ready.
    pub(crate) fn on<F, Fut>(listener: TcpListener, serve: F) -> Self
    where
        F: FnOnce(TcpListener, Stopped) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped: Stopped = Box::pin(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(serve(listener, stopped));
        Self {
            address,
            connections: Arc::default(),
            stop,
            task,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections an axum server has accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns the URL of `path`, which begins with a slash.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Stops it, and waits until all that it did is over.
    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}

/// Waits until something holds, which other tasks bring about.
pub(crate) async fn until(holds: impl Fn() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let limit = Duration::from_secs(20);
    let in_time = tokio::time::timeout(limit, waiting).await;
    in_time.expect("it comes about long before");
}

pub(crate) type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
