#[cfg(feature = "serde")]
mod config;

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};

use crate::foundation::http::GrpcStatus;
use crate::foundation::outcome::LocalReplyBody;

/// Response that a route gives without an upstream.
///
/// A gRPC caller gets HTTP 200, the body as its message, and the gRPC status to which Envoy maps
/// the HTTP status: 2, `UNKNOWN`, also for 200.
#[derive(Clone, Debug)]
pub struct DirectResponse {
    body: Bytes,
    status: StatusCode,
}

impl DirectResponse {
    /// Creates a response without a body.
    #[must_use]
    pub const fn new(status: StatusCode) -> Self {
        Self {
            body: Bytes::new(),
            status,
        }
    }

    /// Sets the body. The default is none. It is sent as `text/plain`, unless the route's response
    /// headers set another type.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns the status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }

    pub(in crate::policies::traffic_split) fn response(
        &self,
        grpc: bool,
    ) -> Response<LocalReplyBody> {
        // A gRPC client expects HTTP 200 and a gRPC status, as in Envoy's local replies.
        if grpc {
            return self.grpc();
        }
        LocalReplyBody::to_http(self.status, self.body.clone())
    }

    fn grpc(&self) -> Response<LocalReplyBody> {
        let message = Some(&self.body).filter(|body| !body.is_empty());
        let message = message.and_then(|body| HeaderValue::try_from(percent_encoded(body)).ok());
        LocalReplyBody::to_grpc(grpc_status(self.status), message)
    }
}

/// Maps an HTTP status to a gRPC status, by gRPC's own table.
fn grpc_status(status: StatusCode) -> GrpcStatus {
    match status.as_u16() {
        400 => GrpcStatus::INTERNAL,
        401 => GrpcStatus::UNAUTHENTICATED,
        403 => GrpcStatus::PERMISSION_DENIED,
        404 => GrpcStatus::UNIMPLEMENTED,
        429 | 502 | 503 | 504 => GrpcStatus::UNAVAILABLE,
        _ => GrpcStatus::UNKNOWN,
    }
}

/// Percent-encodes a gRPC message: every byte but printable ASCII, and `%` itself.
fn percent_encoded(message: &[u8]) -> String {
    let mut encoded = String::with_capacity(message.len());
    for byte in message {
        match byte {
            b' '..=b'$' | b'&'..=b'~' => encoded.push(char::from(*byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes every text"),
        }
    }
    encoded
}
