use http::{HeaderValue, Uri};

use super::TcpConnector;
use crate::transport::pool::{Dial, Dialling, Way};

/// Connector to an address that has another name for TLS, or that is reached past the proxies.
#[derive(Debug)]
struct Named {
    connector: TcpConnector,
    is_direct: bool,
    name: Option<Box<str>>,
}

impl TcpConnector {
    /// Returns a connector for a pool: with or without proxies, and with a server name for TLS where that
    /// is not the address.
    pub(crate) fn way(&self, is_direct: bool, name: Option<&str>) -> Way {
        Way::new(Named {
            connector: self.clone(),
            is_direct,
            name: name.map(Into::into),
        })
    }
}

impl Dial for Named {
    fn dial(&self, uri: Uri) -> Dialling {
        self.connector
            .connect(uri, self.name.as_deref(), self.is_direct)
    }

    fn proxy_authorization(&self, uri: &Uri) -> Option<HeaderValue> {
        self.connector.proxy_authorization(uri)
    }
}
