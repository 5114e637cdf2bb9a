use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri, Version};

use super::grpc;

/// The head of a request: everything but its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    extensions: &'a Extensions,
    headers: &'a HeaderMap,
    method: &'a Method,
    uri: &'a Uri,
    version: Version,
}

impl<'a> RequestHead<'a> {
    /// Returns the head of `request`, without copying it.
    #[must_use]
    pub fn of<B>(request: &'a Request<B>) -> Self {
        Self {
            extensions: request.extensions(),
            headers: request.headers(),
            method: request.method(),
            uri: request.uri(),
            version: request.version(),
        }
    }

    /// Returns the request's extensions, such as the address of its peer.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// Returns the request's headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the request's method.
    #[must_use]
    pub const fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the request's URI.
    #[must_use]
    pub const fn uri(&self) -> &'a Uri {
        self.uri
    }

    /// The version of HTTP in which the request came.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Returns true for a gRPC request, by its content type.
    #[must_use]
    pub fn is_grpc(&self) -> bool {
        grpc::is_grpc(self.headers)
    }
}

/// The head of a response: everything but its body.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    extensions: &'a Extensions,
    headers: &'a HeaderMap,
    status: StatusCode,
}

impl<'a> ResponseHead<'a> {
    /// Returns the head of `response`, without copying it.
    #[must_use]
    pub fn of<R>(response: &'a Response<R>) -> Self {
        Self {
            extensions: response.extensions(),
            headers: response.headers(),
            status: response.status(),
        }
    }

    /// Returns the response's extensions.
    #[must_use]
    pub const fn extensions(&self) -> &'a Extensions {
        self.extensions
    }

    /// Returns the response's headers.
    #[must_use]
    pub const fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    /// Returns the response's status.
    #[must_use]
    pub const fn status(&self) -> StatusCode {
        self.status
    }
}
