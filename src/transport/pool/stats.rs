/// Connection and request counts of a pool.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct PoolStats {
    /// Total number of ended connections, including failed attempts.
    pub closed: u64,
    /// Current number of connections without a request.
    pub idle: usize,
    /// Current number of connections that count against the limit: open, being opened, or being
    /// closed.
    pub open: usize,
    /// Total number of connection attempts: `closed` plus `open`.
    pub opened: u64,
    /// Current number of requests that wait for a connection.
    pub pending: usize,
}
