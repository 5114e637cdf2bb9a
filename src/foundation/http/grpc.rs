use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The status of a gRPC call, in headers or trailers.
pub(crate) static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// A gRPC status code, 0 to 16, as it travels in `grpc-status`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct GrpcStatus(u8);

impl GrpcStatus {
    /// The call succeeded.
    pub const OK: Self = Self(0);
    /// The caller cancelled the call.
    pub const CANCELLED: Self = Self(1);
    /// Nobody said what went wrong.
    pub const UNKNOWN: Self = Self(2);
    /// The request was wrong in itself.
    pub const INVALID_ARGUMENT: Self = Self(3);
    /// The deadline passed before the call ended.
    pub const DEADLINE_EXCEEDED: Self = Self(4);
    /// What was asked for does not exist.
    pub const NOT_FOUND: Self = Self(5);
    /// What was to be created is there already.
    pub const ALREADY_EXISTS: Self = Self(6);
    /// The caller may not do this.
    pub const PERMISSION_DENIED: Self = Self(7);
    /// A quota or another resource is used up.
    pub const RESOURCE_EXHAUSTED: Self = Self(8);
    /// The system is not in a state for this.
    pub const FAILED_PRECONDITION: Self = Self(9);
    /// The operation was broken off, as by a conflict.
    pub const ABORTED: Self = Self(10);
    /// The operation went past the valid range.
    pub const OUT_OF_RANGE: Self = Self(11);
    /// The server does not know this method.
    pub const UNIMPLEMENTED: Self = Self(12);
    /// The server broke an invariant of its own.
    pub const INTERNAL: Self = Self(13);
    /// The service is not there at the moment.
    pub const UNAVAILABLE: Self = Self(14);
    /// Data was lost for good.
    pub const DATA_LOSS: Self = Self(15);
    /// The caller is not authenticated.
    pub const UNAUTHENTICATED: Self = Self(16);

    /// Returns the status with this code; codes that gRPC does not know mean `UNKNOWN`.
    #[must_use]
    pub const fn new(code: u8) -> Self {
        if code <= 16 {
            Self(code)
        } else {
            Self::UNKNOWN
        }
    }

    /// Returns the code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }

    /// Reads `grpc-status` from headers or trailers; one that is no number means `UNKNOWN`.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(&GRPC_STATUS)?;
        let code = value.to_str().ok().and_then(|code| code.parse().ok());
        Some(code.map_or(Self::UNKNOWN, Self::new))
    }

    /// Returns the gRPC status that stands for an HTTP status, as gRPC maps them and Envoy does.
    #[must_use]
    pub const fn from_http(status: StatusCode) -> Self {
        match status.as_u16() {
            200 => Self::OK,
            400 => Self::INTERNAL,
            401 => Self::UNAUTHENTICATED,
            403 => Self::PERMISSION_DENIED,
            404 => Self::UNIMPLEMENTED,
            429 | 502..=504 => Self::UNAVAILABLE,
            _ => Self::UNKNOWN,
        }
    }

    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from(u16::from(self.0))
    }
}

/// Says whether a message with these headers is a gRPC request or response.
///
/// gRPC-Web has a frame format of its own (`application/grpc-web`), so its callers get plain HTTP
/// answers, as from Envoy.
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
