use tonic::transport::server::Connected;

use crate::transport::mtls::server::peer::Peer;
use crate::transport::mtls::server::stream::PeerStream;

/// The extension `Peer` of requests.
impl Connected for PeerStream {
    type ConnectInfo = Peer;

    fn connect_info(&self) -> Peer {
        self.peer().clone()
    }
}
