use std::io;
use std::net::SocketAddr;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

use crate::transport::mtls::server::listener::MtlsListener;
use crate::transport::mtls::server::peer::Peer;
use crate::transport::mtls::server::stream::PeerStream;

impl Listener for MtlsListener {
    type Io = PeerStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (PeerStream, SocketAddr) {
        let stream = Self::accept(self).await;
        let address = stream.peer().address();
        (stream, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Self::local_addr(self)
    }
}

/// The extension `ConnectInfo<Peer>` of `into_make_service_with_connect_info::<Peer>()`.
impl Connected<IncomingStream<'_, MtlsListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, MtlsListener>) -> Self {
        stream.io().peer().clone()
    }
}
