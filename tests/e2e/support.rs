//! Servers that stop when their test does.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use meshless::client::Transport;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A transport that asks no proxy which the machine may have.
pub(crate) fn transport() -> Transport {
    Transport::build(reqwest::Client::builder().no_proxy()).unwrap()
}

/// A server on a port that the system chose.
pub(crate) struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves `router` with `axum::serve`.
    pub(crate) async fn axum(router: Router) -> Self {
        Self::run(|listener, stopped| async move {
            axum::serve(listener, router)
                .with_graceful_shutdown(stopped)
                .await
                .unwrap();
        })
        .await
    }

    /// Runs `serve` on a new listener, until the future that it is given is ready.
    pub(crate) async fn run<F, Fut>(serve: F) -> Self
    where
        F: FnOnce(TcpListener, Stopped) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped: Stopped = Box::pin(async {
            let _ = stopped.await;
        });
        let task = tokio::spawn(serve(listener, stopped));
        Self {
            address,
            stop,
            task,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
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

pub(crate) type Stopped = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;
