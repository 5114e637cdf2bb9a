/// Error in the trace headers of a request.
///
/// A server layer then starts a new trace, as W3C Trace Context asks, and reports the error in an
/// event.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum ExtractError {
    /// A header that must be unique was received more than once.
    #[error("{0} was received more than once")]
    Duplicated(&'static str),
    /// The trace flags, or B3's sampling state, are not valid.
    #[error("the trace flags are invalid")]
    Flags,
    /// A header has the wrong length or a wrong structure.
    #[error("{0} is malformed")]
    Form(&'static str),
    /// The id of the calling span is not 16 lower-case hexadecimal digits, or is all zero.
    #[error("the span id is not 16 lower-case hex digits, or is all zero")]
    SpanId,
    /// The id of the trace is not 32 (for B3 also 16) lower-case hexadecimal digits, or is all zero.
    #[error("the trace id is not 32 lower-case hex digits, or is all zero")]
    TraceId,
    /// The version of `traceparent` is invalid, or `ff`, which is forbidden.
    #[error("the version of traceparent is invalid or ff")]
    Version,
}
