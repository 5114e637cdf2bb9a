use super::SpanTicket;
use super::context::current::Scope;
use crate::foundation::http::HeaderScan;

/// Started span of a request.
pub(crate) struct StartedSpan {
    /// Scan of the request's headers, if one was made.
    pub(crate) scan: Option<HeaderScan>,
    pub(crate) scope: Scope,
    pub(crate) writes_request_id: bool,
    pub(crate) ticket: SpanTicket,
}

impl StartedSpan {
    #[inline]
    pub(super) fn unobserved(scope: Scope, scan: Option<HeaderScan>) -> Self {
        Self {
            scan,
            scope,
            writes_request_id: false,
            ticket: SpanTicket::default(),
        }
    }
}
