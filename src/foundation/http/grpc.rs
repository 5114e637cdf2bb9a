use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// Name of the gRPC status in headers and trailers.
pub(crate) static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Names of the statuses, by code.
#[cfg(any(feature = "istio", feature = "serde"))]
const NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// A gRPC status code, 0 to 16, as sent in `grpc-status`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GrpcStatus(u8);

impl GrpcStatus {
    /// The call succeeded.
    pub const OK: Self = Self(0);
    /// The caller cancelled the call.
    pub const CANCELLED: Self = Self(1);
    /// The cause of the error is unknown.
    pub const UNKNOWN: Self = Self(2);
    /// The request is invalid, whatever the state of the system.
    pub const INVALID_ARGUMENT: Self = Self(3);
    /// The deadline passed before the call ended.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// The requested entity does not exist.
    pub const NOT_FOUND: Self = Self(5);
    /// The entity to create exists already.
    pub const ALREADY_EXISTS: Self = Self(6);
    /// The caller lacks the permission for this operation.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// A quota or another resource is exhausted.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// The system is not in the state that the operation requires.
    pub const FAILED_PRECONDITION: Self = Self(9);
    /// The operation was aborted, for example by a conflict.
    pub const ABORTED: Self = Self(10);
    /// The operation exceeded the valid range.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// The server does not implement this method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// An invariant of the server is broken.
    pub const INTERNAL: Self = Self(13);
    /// The service is unavailable at the moment.
    pub const UNAVAILABLE: Self = Self(14);
    /// Data was lost or corrupted for good.
    pub const DATA_LOSS: Self = Self(15);
    /// The caller is not authenticated.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// Returns the status with this code; codes that gRPC does not define are `UNKNOWN`.
    #[must_use]
    pub const fn new(code: u8) -> Self {
        if code <= 16 {
            Self(code)
        } else {
            Self::UNKNOWN
        }
    }

    /// Returns every status, by code.
    #[cfg(any(feature = "istio", feature = "serde"))]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        (0..=16).map(Self)
    }

    /// Returns the status with this name in gRPC's own spelling, such as `UNAVAILABLE`.
    #[cfg(feature = "istio")]
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::all().find(|known| known.name() == name)
    }

    /// Returns the name in gRPC's own spelling.
    #[cfg(any(feature = "istio", feature = "serde"))]
    pub(crate) const fn name(self) -> &'static str {
        NAMES[self.0 as usize]
    }

    /// Returns the code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Parses `grpc-status` from headers or trailers; an invalid number is `UNKNOWN`.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(&GRPC_STATUS)?;
        let code = value.to_str().ok().and_then(|code| code.parse().ok());
        Some(code.map_or(Self::UNKNOWN, Self::new))
    }

    /// Returns the gRPC status for an HTTP status, by gRPC's own mapping, which Envoy uses.
    #[must_use]
    pub const fn from_http(status: StatusCode) -> Self {
        match status.as_u16() {
            200 => Self::OK,
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            // The mapping of gRPC's "HTTP to gRPC status code mapping" document; every other status
            // is unknown.
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        // `HeaderValue` converts from `u16`, not from `u8`.
        HeaderValue::from(u16::from(self.0))
    }
}

/// True if a message with these headers is a gRPC request or response.
///
/// gRPC-Web has its own frame format (`application/grpc-web`), so its callers get plain HTTP
/// replies, as from Envoy.
#[inline]
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(&header::CONTENT_TYPE).is_some_and(names_grpc)
}

/// Says whether a content type is gRPC's: `application/grpc`, alone or with `+` and a format, as for Envoy.
/// One with parameters is plain HTTP.
pub(crate) fn names_grpc(value: &HeaderValue) -> bool {
    let Some(rest) = value.as_bytes().strip_prefix(b"application/grpc") else {
        return false;
    };
    matches!(rest.first(), None | Some(b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grpc_is_told_by_its_content_type() {
        let cases = [
            ("application/grpc", true),
            ("application/grpc+proto", true),
            ("application/grpc; charset=utf-8", false),
            ("application/grpc;a=b", false),
            ("application/grpc-web", false),
            ("application/json", false),
        ];
        for (value, expected) in cases {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            assert_eq!(is_grpc(&headers), expected, "{value}");
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn an_unreadable_status_is_unknown() {
        for (value, expected) in [("14", 14), ("99", 2), ("x", 2), ("", 2)] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static(value));
            let status = GrpcStatus::from_headers(&headers);
            assert_eq!(status, Some(GrpcStatus::new(expected)), "{value:?}");
        }
    }
}
