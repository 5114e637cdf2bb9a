use std::pin::Pin;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::foundation::http::{PeerAddress, RequestHead};
use crate::foundation::identity::PeerIdentity;
use crate::foundation::outcome::BoxError;

/// External authorizer, which policies with the action `CUSTOM` ask: Istio's `ext_authz` provider.
///
/// A request waits for its decision. An error, and a future that panics, denies the request; a bound on the time is the
/// authorizer's own.
pub trait Authorize: Send + Sync + 'static {
    /// Asks about a request.
    fn check(&self, request: CheckRequest) -> CheckFuture;
}

/// Future of an external authorizer's decision.
pub type CheckFuture = Pin<Box<dyn Future<Output = Result<CheckResponse, BoxError>> + Send>>;

/// Head of a request about which an external authorizer decides.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub struct CheckRequest {
    /// Headers of the request.
    pub headers: HeaderMap,
    /// Method of the request.
    pub method: Method,
    /// Address of the peer of the connection, if it is known.
    pub peer: Option<std::net::IpAddr>,
    /// Identity of the peer; none without mTLS.
    pub peer_identity: Option<PeerIdentity>,
    /// Target of the request, with its path in the normal form.
    pub uri: Uri,
}

/// Decision of an external authorizer.
#[non_exhaustive]
#[derive(Clone, Debug)]
pub enum CheckResponse {
    /// Allows the request, unless another policy denies it.
    Allowed {
        /// Headers that replace those of the request, such as the user's name.
        request_headers: HeaderMap,
        /// Headers that are added to the response.
        response_headers: HeaderMap,
    },
    /// Denies the request with a response of its own.
    Denied {
        /// Body of the response.
        body: Bytes,
        /// Headers of the response.
        headers: HeaderMap,
        /// Status of the response; Envoy's default is 403.
        status: StatusCode,
    },
}

impl CheckResponse {
    /// Creates a permission without changes of headers.
    #[must_use]
    pub fn allowed() -> Self {
        Self::Allowed {
            request_headers: HeaderMap::new(),
            response_headers: HeaderMap::new(),
        }
    }

    /// Creates a denial with a status, and an empty body.
    #[must_use]
    pub fn denied(status: StatusCode) -> Self {
        Self::Denied {
            body: Bytes::new(),
            headers: HeaderMap::new(),
            status,
        }
    }
}

impl CheckRequest {
    pub(super) fn of(head: RequestHead<'_>) -> Self {
        Self {
            headers: head.headers().clone(),
            method: head.method().clone(),
            peer: PeerAddress::of(head.extensions()),
            peer_identity: PeerIdentity::of(head.extensions()).cloned(),
            uri: head.uri().clone(),
        }
    }
}
