use std::fmt::{self, Debug, Formatter};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep};

use super::accept::Acceptor;
use super::policy::ListenerPolicy;
use super::stats::ListenerStats;
use super::stream::PeerStream;
use crate::foundation::events::{Emitter, Observe, named};
use crate::foundation::tls::MtlsMode;
use crate::transport::mtls::certificates::handle::Certificates;

/// Pause after an error of the operating system, such as too many open files, as axum and hyper make it.
const PAUSE: Duration = Duration::from_secs(1);

/// Listener whose connections have the identity of their peer, for `axum::serve`, tonic and hyper.
///
/// By its [mode](MtlsMode) it accepts mutual TLS, plain text, or both. Handshakes run beside each other in tasks, within
/// the limits of a [`ListenerPolicy`]; those that are not done when the listener is dropped are closed, while accepted
/// connections go on, so that a graceful shutdown of the server is one of its connections.
///
/// It is a [`Stream`] of connections, which tonic's `serve_with_incoming` takes. See the [module docs](super::super) for
/// examples.
pub struct MtlsListener {
    acceptor: Arc<Acceptor>,
    handshakes: JoinSet<Option<PeerStream>>,
    pause: Option<Pin<Box<Sleep>>>,
    tcp: TcpListener,
}

impl MtlsListener {
    /// Creates a listener with one mode.
    #[must_use]
    pub fn new(tcp: TcpListener, mode: MtlsMode, certificates: Certificates) -> Self {
        Self::with_mode_of(tcp, move || mode, certificates)
    }

    /// Creates a listener that asks for its mode for each connection.
    #[must_use]
    pub fn with_mode_of(
        tcp: TcpListener,
        mode: impl Fn() -> MtlsMode + Send + Sync + 'static,
        certificates: Certificates,
    ) -> Self {
        Self::with_emitter(tcp, Arc::new(mode), certificates, Emitter::default())
    }

    pub(crate) fn with_emitter(
        tcp: TcpListener,
        mode: Arc<dyn Fn() -> MtlsMode + Send + Sync>,
        certificates: Certificates,
        emitter: Emitter,
    ) -> Self {
        Self {
            acceptor: Arc::new(Acceptor {
                certificates,
                emitter,
                mode,
                policy: ListenerPolicy::default(),
                stats: ListenerStats::default(),
            }),
            handshakes: JoinSet::new(),
            pause: None,
            tcp,
        }
    }

    /// Sets its limits, for later connections.
    #[must_use]
    pub fn with_policy(mut self, policy: ListenerPolicy) -> Self {
        Arc::make_mut(&mut self.acceptor).policy = policy;
        self
    }

    /// Sets the observer of plain text and of handshakes that fail. The default is
    /// [`TracingObserver`](crate::telemetry::TracingObserver).
    #[must_use]
    pub fn with_observer(self, observe: Arc<dyn Observe>) -> Self {
        self.acceptor.emitter.set_observer(observe);
        self
    }

    named!(self => self.acceptor.emitter.clone());

    /// Returns its counts, which can be kept when a server has taken the listener.
    #[must_use]
    pub fn stats(&self) -> ListenerStats {
        self.acceptor.stats.clone()
    }

    /// Returns the address at which it listens.
    ///
    /// # Errors
    ///
    /// As [`TcpListener::local_addr`].
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Returns the next connection that is ready for requests. Errors of the operating system are waited out.
    ///
    /// A call that is dropped loses no connection.
    pub async fn accept(&mut self) -> PeerStream {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    /// Polls for the next connection that is ready for requests.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<PeerStream> {
        loop {
            match self.handshakes.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Some(stream)))) => return Poll::Ready(stream),
                // Closed, or its task is gone with the runtime.
                Poll::Ready(Some(_)) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            if self.handshakes.len() >= self.acceptor.policy.max_handshakes {
                // The end of a handshake wakes this task.
                return Poll::Pending;
            }
            if let Some(pause) = &mut self.pause {
                ready!(pause.as_mut().poll(cx));
                self.pause = None;
            }
            match ready!(self.tcp.poll_accept(cx)) {
                Ok((tcp, address)) => {
                    // Nagle's algorithm would delay small responses; Envoy disables it as well.
                    let _ = tcp.set_nodelay(true);
                    let acceptor = Arc::clone(&self.acceptor);
                    self.handshakes.spawn(acceptor.accept(tcp, address));
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => {
                    tracing::warn!("no connection accepted, next attempt in {PAUSE:?}: {error}");
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }
}

/// Returns true for an error of the connection that was to be accepted, not of the listener.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}

/// Never ends, and has no errors.
impl Stream for MtlsListener {
    type Item = io::Result<PeerStream>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_accept(cx).map(|stream| Some(Ok(stream)))
    }
}

impl Debug for MtlsListener {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MtlsListener")
            .field("certificates", &self.acceptor.certificates)
            .field("mode", &(self.acceptor.mode)())
            .field("policy", &self.acceptor.policy)
            .field("tcp", &self.tcp)
            .finish_non_exhaustive()
    }
}
