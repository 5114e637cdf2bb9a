/// What a pool has now, and what it has had.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolStats {
    /// Connections that have ended, those counted that were never made.
    pub closed: u64,
    /// Connections that carry no request, now.
    pub idle: usize,
    /// Connections that count against the limit, now: made, being made, or being closed.
    pub open: usize,
    /// Connections that were begun: `closed` and `open` together.
    pub opened: u64,
    /// Requests that wait for a connection, now.
    pub pending: usize,
}
