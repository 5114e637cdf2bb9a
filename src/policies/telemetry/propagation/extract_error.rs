/// Why the trace headers of a request are of no use.
///
/// A server layer that meets one begins a trace of its own, as W3C Trace Context asks, and says so
/// in an event.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, thiserror::Error)]
pub enum ExtractError {
    /// A header that must stand alone came more than once.
    #[error("{0} came more than once")]
    Duplicated(&'static str),
    /// The trace flags, or B3's sampling state, are not what the format knows.
    #[error("the trace flags are unreadable")]
    Flags,
    /// A header has the wrong length or its fields are not where they belong.
    #[error("{0} does not have the form that it should have")]
    Form(&'static str),
    /// The id of the calling span is not 16 lower-case hexadecimal digits, or is all zero.
    #[error("the span id is not 16 lower-case hex digits, or is all zero")]
    SpanId,
    /// The id of the trace is not 32 (for B3 also 16) lower-case hexadecimal digits, or is all zero.
    #[error("the trace id is not 32 lower-case hex digits, or is all zero")]
    TraceId,
    /// The version of `traceparent` is unreadable, or `ff`, which is forbidden.
    #[error("the version of traceparent is unreadable or ff")]
    Version,
}
