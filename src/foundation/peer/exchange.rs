use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{PeerTable, encoding};
use crate::foundation::http::PeerAddress;
use crate::foundation::outcome::WorkloadMetadata;

static ID: HeaderName = HeaderName::from_static("x-envoy-peer-metadata-id");
static METADATA: HeaderName = HeaderName::from_static("x-envoy-peer-metadata");

/// Exchange of the names of workloads with the other end of a request.
#[derive(Debug)]
pub(crate) struct PeerExchange {
    id: HeaderValue,
    metadata: HeaderValue,
    table: Arc<PeerTable>,
}

/// Result of the headers of a received request.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// True if the caller expects the names of this workload.
    pub(crate) is_asked: bool,
    pub(crate) peer: Option<Arc<WorkloadMetadata>>,
}

impl PeerExchange {
    /// Creates the exchange of a workload; none if its names are no header.
    pub(crate) fn new(own: &WorkloadMetadata, table: Arc<PeerTable>) -> Option<Self> {
        // A sidecar keeps what it has decoded by this id, so it says everything that may differ.
        let WorkloadMetadata {
            namespace,
            version,
            workload,
            ..
        } = own;
        let id = format!("sidecar~0.0.0.0~{workload}-{version}.{namespace}~{namespace}.svc");
        Some(Self {
            id: HeaderValue::try_from(id).ok()?,
            metadata: HeaderValue::try_from(encoding::encode(own)).ok()?,
            table,
        })
    }

    /// Takes the caller's names off a request. They are believed if the address of the caller is one of a private
    /// network, as Envoy's addresses of the inside are.
    pub(crate) fn receive<B>(&self, request: &mut Request<B>) -> Received {
        let Some(metadata) = request.headers_mut().remove(&METADATA) else {
            return Received::default();
        };
        request.headers_mut().remove(&ID);
        if !PeerAddress::of(request.extensions()).is_some_and(is_inside) {
            return Received::default();
        }
        Received {
            is_asked: true,
            peer: self.table.find(&metadata),
        }
    }

    /// Writes the own names into the headers of a request or a response.
    pub(crate) fn send(&self, headers: &mut HeaderMap) {
        headers.insert(ID.clone(), self.id.clone());
        headers.insert(METADATA.clone(), self.metadata.clone());
    }

    /// Takes the names of the workload that answered off a response.
    pub(crate) fn take_answer(&self, headers: &mut HeaderMap) -> Option<Arc<WorkloadMetadata>> {
        let metadata = headers.remove(&METADATA)?;
        headers.remove(&ID);
        self.table.find(&metadata)
    }
}

/// Returns true for the addresses that Envoy counts as internal: loopback, RFC 1918, RFC 4193.
fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(name: &str) -> PeerExchange {
        let own = WorkloadMetadata::new(name, "waste", |_| None);
        PeerExchange::new(&own, Arc::default()).expect("names are headers")
    }

    fn request_from(address: Option<[u8; 4]>) -> Request<()> {
        let mut request = Request::new(());
        exchange("caller").send(request.headers_mut());
        if let Some(address) = address {
            request.extensions_mut().insert(PeerAddress(address.into()));
        }
        request
    }

    #[test]
    fn a_caller_inside_is_believed_and_its_names_go_no_further() {
        let mut request = request_from(Some([10, 0, 0, 7]));
        let received = exchange("server").receive(&mut request);
        assert!(received.is_asked);
        assert_eq!(&*received.peer.expect("named").workload, "caller");
        assert!(request.headers().is_empty());
    }

    #[test]
    fn a_caller_outside_or_of_an_unknown_address_is_not_believed() {
        for address in [Some([203, 0, 113, 7]), None] {
            let mut request = request_from(address);
            let received = exchange("server").receive(&mut request);
            assert!(received.peer.is_none() && !received.is_asked);
            assert!(request.headers().is_empty());
        }
    }

    #[test]
    fn an_answer_names_its_workload_once() {
        let mut headers = HeaderMap::new();
        exchange("server").send(&mut headers);
        let answer = exchange("caller").take_answer(&mut headers);
        assert_eq!(&*answer.expect("named").workload, "server");
        assert!(headers.is_empty());
    }
}
