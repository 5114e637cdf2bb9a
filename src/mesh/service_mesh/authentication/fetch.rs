use std::fmt::{self, Debug, Formatter};
use std::sync::Weak;

use bytes::Bytes;
use http::Uri;
use http_body_util::Empty;

use crate::mesh::service_mesh::cluster::connect::client_connector::own_connector;
use crate::mesh::service_mesh::proxy::state::Proxy;
use crate::mesh::service_mesh::workload::outbound;
use crate::policies::jwt::source::fetch::{Fetch, Fetching, fetch_by};
use crate::transport::client::TcpConnector;

/// Fetches keys by the outbound stack of the proxy itself, so that its routes, its clusters and their TLS hold.
pub(super) struct MeshFetch {
    proxy: Weak<Proxy>,
}

impl MeshFetch {
    pub(super) const fn new(proxy: Weak<Proxy>) -> Self {
        Self { proxy }
    }
}

impl Fetch for MeshFetch {
    fn fetch(&self, uri: Uri, is_named: bool) -> Fetching {
        let proxy = self.proxy.upgrade();
        Box::pin(async move {
            let proxy = proxy.ok_or("the workload is gone")?;
            // Made for each fetch: the addresses that it may reach depend on it, and fetches are rare.
            let connector = own_connector(TcpConnector::default().guarded(is_named));
            fetch_by(outbound::<_, Empty<Bytes>>(proxy, connector), uri).await
        })
    }
}

impl Debug for MeshFetch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshFetch").finish_non_exhaustive()
    }
}
