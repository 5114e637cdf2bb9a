use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

use super::grpc;

/// Facts from the names of a request's headers. One pass over all names costs less than a failing
/// lookup of each, and most requests have none of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HeaderScan {
    pub(crate) grpc: bool,
    /// True if a header may carry a timeout.
    pub(crate) timeouts: bool,
}

impl HeaderScan {
    #[inline]
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut scan = Self::default();
        for (name, value) in headers {
            scan.note(name.as_str(), value);
        }
        scan
    }

    /// Notes one header, for a pass that looks for others as well.
    #[inline]
    pub(crate) fn note(&mut self, name: &str, value: &HeaderValue) {
        // Compared by length first: few names are as long as the relevant ones.
        match name.len() {
            12 if name == CONTENT_TYPE.as_str() => self.grpc |= grpc::names_grpc(value),
            12 => self.timeouts |= name == "grpc-timeout",
            30.. => {
                self.timeouts |= name.starts_with("x-envoy-") && name.ends_with("-timeout-ms");
            }
            _ => {}
        }
    }
}
