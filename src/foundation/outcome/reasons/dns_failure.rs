use std::fmt::{self, Display, Formatter};

/// Why a name stands for no endpoints, or for those that it stood for before.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum DnsFailure {
    /// A name server answered, and there is no such name, or it has no address. Nobody is left.
    NotFound,
    /// The name servers failed, refused or could not be reached. Who was there stays.
    ServerFailure,
    /// No name server answered in time. Who was there stays.
    TimedOut,
}

impl DnsFailure {
    /// Returns a short name for metrics.
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
            Self::NotFound => "no such name, or no address",
            Self::ServerFailure => "name servers failed",
            Self::TimedOut => "no name server answered in time",
        })
    }
}
