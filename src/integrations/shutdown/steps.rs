use std::any::Any;
use std::fmt::{self, Debug, Formatter};
use std::pin::Pin;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::readiness::{Readiness, ReadinessEnd};
use super::report::{CutOff, Report};
use crate::foundation::time::clock;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;
type Flush = Box<dyn FnOnce() -> Work + Send>;

/// Parts of a service, and the order in which they end.
///
/// See the [module docs](super) for an example. Without [`run`](Self::run) nothing is awaited: dropping it aborts the
/// servers.
pub struct Shutdown {
    drain: Duration,
    draining: watch::Sender<bool>,
    flush: Duration,
    flushes: Vec<(Box<str>, Flush)>,
    notice: Duration,
    owners: Vec<(Box<str>, Box<dyn Any + Send>)>,
    readiness: ReadinessEnd,
    servers: Vec<(Box<str>, Server)>,
}

/// Task of a server, which is aborted when this is dropped.
struct Server(JoinHandle<()>);

impl Shutdown {
    /// Sets the time from the signal to the end of the listeners, in which the service still takes requests. The
    /// default is 5 s; 0 is none, for a service that no probe asks.
    #[must_use]
    pub const fn with_notice(mut self, notice: Duration) -> Self {
        self.notice = notice;
        self
    }

    /// Sets the time for the requests that run when the listeners end. The default is 20 s; 0 cuts them off.
    #[must_use]
    pub const fn with_drain(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Sets the time for each flush. The default is 2 s; 0 gives them none, so that each is cut off unless it is over
    /// at once.
    #[must_use]
    pub const fn with_flush(mut self, flush: Duration) -> Self {
        self.flush = flush;
        self
    }

    /// Returns the readiness, for the service's probe.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        self.readiness.readiness()
    }

    /// Returns a future that completes when servers are to take no new connections, for axum's
    /// `with_graceful_shutdown` and the like.
    pub fn draining(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut draining = self.draining.subscribe();
        async move {
            // An error is a drop of the sender: nothing will end the servers in order any more.
            let _ = draining.wait_for(|is_draining| *is_draining).await;
        }
    }

    /// Runs a server, as a task, until it ends after [`draining`](Self::draining).
    ///
    /// Its output is dropped: handle its errors in the future.
    ///
    /// # Panics
    ///
    /// Outside a runtime of tokio.
    pub fn server<F>(&mut self, name: impl Into<Box<str>>, server: F)
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let task = tokio::spawn(async move { drop(server.await) });
        self.servers.push((name.into(), Server(task)));
    }

    /// Adds work for when the last request is over, such as the export of traces and logs.
    ///
    /// It is called on a task of its own; work that blocks belongs into `tokio::task::spawn_blocking`.
    pub fn flush<W, F>(&mut self, name: impl Into<Box<str>>, work: W)
    where
        W: FnOnce() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let work: Flush = Box::new(move || Box::pin(work()));
        self.flushes.push((name.into(), work));
    }

    /// Adds an owner of tasks, such as a `Watch` of policies, which is dropped at the end.
    pub fn owner(&mut self, name: impl Into<Box<str>>, owner: impl Send + 'static) {
        self.owners.push((name.into(), Box::new(owner)));
    }

    /// Waits for `signal`, and ends the service in order.
    pub async fn run(mut self, signal: impl Future<Output = ()>) -> Report {
        signal.await;
        let began = clock::now();
        self.readiness.end();
        tracing::info!("shutdown: not ready any more");
        if !self.notice.is_zero() {
            tokio::time::sleep(self.notice).await;
        }
        tracing::info!("shutdown: draining");
        self.draining.send_replace(true);
        let mut cut_off = self.drained().await;
        tracing::info!("shutdown: flushing");
        cut_off.extend(self.flushed().await);
        for (name, owner) in self.owners.drain(..).rev() {
            tracing::debug!(%name, "shutdown: owner dropped");
            drop(owner);
        }
        let took = clock::now().saturating_duration_since(began);
        let report = Report { cut_off, took };
        tracing::info!("shutdown: {report}");
        report
    }

    /// Waits for the servers, and aborts those that take too long.
    async fn drained(&mut self) -> Vec<CutOff> {
        let until = clock::after(clock::now(), self.drain);
        let mut cut_off = Vec::new();
        for (name, mut server) in self.servers.drain(..) {
            match within(until, &mut server.0).await {
                Some(Ok(())) => {}
                Some(Err(_)) => cut_off.push(CutOff::ServerPanicked(name)),
                None => cut_off.push(CutOff::Server(name)),
            }
        }
        cut_off
    }

    async fn flushed(&mut self) -> Vec<CutOff> {
        let mut cut_off = Vec::new();
        for (name, work) in self.flushes.drain(..) {
            let until = clock::after(clock::now(), self.flush);
            // A task, so that a panic ends this flush alone.
            let mut task = Server(tokio::spawn(async move { work().await }));
            if !matches!(within(until, &mut task.0).await, Some(Ok(()))) {
                cut_off.push(CutOff::Flush(name));
            }
        }
        cut_off
    }
}

/// Waits until `until` at most; a future that is complete by then is never cut off.
async fn within<F: Future + Unpin>(until: Instant, future: F) -> Option<F::Output> {
    let until = tokio::time::Instant::from_std(until);
    tokio::time::timeout_at(until, future).await.ok()
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain: Duration::from_secs(20),
            draining: watch::Sender::new(false),
            flush: Duration::from_secs(2),
            flushes: Vec::new(),
            notice: Duration::from_secs(5),
            owners: Vec::new(),
            readiness: ReadinessEnd::default(),
            servers: Vec::new(),
        }
    }
}

impl Debug for Shutdown {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shutdown")
            .field("notice", &self.notice)
            .field("drain", &self.drain)
            .field("flush", &self.flush)
            .field("servers", &self.servers.len())
            .field("flushes", &self.flushes.len())
            .field("owners", &self.owners.len())
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}
