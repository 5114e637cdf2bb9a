use std::fmt::{self, Display, Formatter};

/// The reason why resolving a name failed, leaving its endpoints empty or stale.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DnsFailure {
    /// A name server replied that the name does not exist or has no address. The endpoints are
    /// removed.
    NotFound,
    /// The name servers failed, refused the query or were unreachable. The last endpoints are kept.
    ServerFailure,
    /// No name server replied in time. The last endpoints are kept.
    TimedOut,
}

impl DnsFailure {
    /// Returns the reason as a metric label.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::ServerFailure => "server_failure",
            Self::TimedOut => "timed_out",
        }
    }
}

impl Display for DnsFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "name does not exist or has no address",
            Self::ServerFailure => "name servers failed",
            Self::TimedOut => "no reply from a name server in time",
        })
    }
}
