use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::peer::Peer;
use super::policy::ListenerPolicy;
use super::stats::ListenerStats;
use super::stream::PeerStream;
use crate::foundation::events::{Emitter, EventKind};
use crate::foundation::tls::{HandshakeFailure, MtlsMode};
use crate::transport::mtls::certificates::handle::Certificates;
use crate::transport::mtls::svid::leaf::Leaf;
use crate::transport::mtls::svid::refusal::reason;

/// First byte of a TLS connection: the type of a handshake record (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// Settings of a listener that its handshakes share.
#[derive(Clone)]
pub(super) struct Acceptor {
    pub(super) certificates: Certificates,
    pub(super) emitter: Emitter,
    pub(super) mode: Arc<dyn Fn() -> MtlsMode + Send + Sync>,
    pub(super) policy: ListenerPolicy,
    pub(super) stats: ListenerStats,
}

impl Acceptor {
    /// Secures a connection as the mode demands; none if it is closed.
    pub(super) async fn accept(
        self: Arc<Self>,
        tcp: TcpStream,
        address: SocketAddr,
    ) -> Option<PeerStream> {
        let peer = Peer {
            address,
            identity: None,
            local_address: tcp.local_addr().ok(),
            server_name: None,
        };
        // A server that speaks first is waited for by its caller.
        if (self.mode)() == MtlsMode::Disable {
            return Some(PeerStream::plain(tcp, peer));
        }
        let first = match limited(self.policy.first_byte_timeout, first_byte(&tcp)).await {
            Ok(Some(first)) => first,
            // A caller that only looks whether the port is open, as probes do.
            Ok(None) => return None,
            Err(limit) => {
                self.fail(address, HandshakeFailure::TimedOut(limit));
                return None;
            }
        };
        // The mode of now: it may have changed while the first byte was awaited.
        let mode = (self.mode)();
        if mode == MtlsMode::Disable {
            return Some(PeerStream::plain(tcp, peer));
        }
        if first != HANDSHAKE {
            return self.plain(tcp, peer, mode);
        }
        match limited(self.policy.handshake_timeout, self.shake_hands(tcp)).await {
            Ok(Ok((tls, leaf))) => {
                self.stats.add_mutual_tls();
                let name = tls.get_ref().1.server_name().map(Into::into);
                let peer = Peer {
                    identity: Some(leaf.identity),
                    server_name: name,
                    ..peer
                };
                Some(PeerStream::tls(tls, peer))
            }
            Ok(Err(failure)) => {
                self.fail(address, failure);
                None
            }
            Err(limit) => {
                self.fail(address, HandshakeFailure::TimedOut(limit));
                None
            }
        }
    }

    async fn shake_hands(
        &self,
        tcp: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Leaf), HandshakeFailure> {
        let acceptor = TlsAcceptor::from(self.certificates.server_config());
        let tls = acceptor.accept(tcp).await.map_err(|error| reason(&error))?;
        let chain = tls.get_ref().1.peer_certificates();
        let leaf = chain.and_then(|chain| chain.first());
        // The verifier has read it too, but has no place to put it.
        let leaf = Leaf::read(leaf.ok_or(HandshakeFailure::NoCertificate)?)?;
        Ok((tls, leaf))
    }

    fn plain(&self, tcp: TcpStream, peer: Peer, mode: MtlsMode) -> Option<PeerStream> {
        let address = peer.address.ip().to_canonical();
        if mode == MtlsMode::Strict {
            let count = self
                .stats
                .add(address, |caller| &mut caller.plaintext_refused);
            self.emit_some(count, || EventKind::PlaintextRefused {
                connections: count,
                peer: address,
            });
            return None;
        }
        let count = self
            .stats
            .add(address, |caller| &mut caller.plaintext_accepted);
        self.emit_some(count, || EventKind::PlaintextAccepted {
            connections: count,
            peer: address,
        });
        Some(PeerStream::plain(tcp, peer))
    }

    fn fail(&self, peer: SocketAddr, reason: HandshakeFailure) {
        let count = self
            .stats
            .add(peer.ip(), |caller| &mut caller.failed_handshakes);
        self.emit_some(count, || EventKind::HandshakeFailed {
            failures: count,
            peer,
            reason,
        });
    }

    /// Reports the 1st, 2nd, 4th, 8th… connection of its kind, so that a caller cannot fill the log.
    fn emit_some(&self, count: u64, event: impl FnOnce() -> EventKind) {
        if count.is_power_of_two() {
            self.emitter.emit(&event());
        }
    }
}

/// Returns the first byte without taking it; none if the connection ends before it.
async fn first_byte(tcp: &TcpStream) -> Option<u8> {
    let mut first = [0];
    match tcp.peek(&mut first).await {
        Ok(1) => Some(first[0]),
        _ => None,
    }
}

/// Waits for a future at most so long; 0 means forever.
async fn limited<F: Future>(limit: Duration, future: F) -> Result<F::Output, Duration> {
    if limit.is_zero() {
        Ok(future.await)
    } else {
        timeout(limit, future).await.map_err(|_| limit)
    }
}
