pub(in crate::transport::dns) mod asking;
pub(in crate::transport::dns) mod hickory;
pub(in crate::transport::dns) mod name;
pub(in crate::transport::dns) mod race;
pub(in crate::transport::dns) mod targets;

use std::fmt::Debug;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::time::Duration;

use crate::foundation::outcome::DnsFailure;

/// A source of DNS records; tests use their own implementation.
pub(super) trait Lookup: Debug + Send + Sync + 'static {
    /// Queries the addresses of a host in one address family.
    fn addresses<'a>(&'a self, name: &'a str, family: Family) -> LookupFuture<'a, IpAddr>;

    /// Queries the SRV records of a service.
    fn services<'a>(&'a self, name: &'a str) -> LookupFuture<'a, Service>;

    /// Says to which of these addresses, of IPv4 and of IPv6, connections can be made. None is left out
    /// unless the other works.
    fn working(&self, families: [Vec<SocketAddr>; 2]) -> Working;
}

/// An attempt to connect under way.
pub(super) type Working = Pin<Box<dyn Future<Output = [bool; 2]> + Send>>;

/// A question under way.
pub(super) type LookupFuture<'a, T> = Pin<Box<dyn Future<Output = LookupResult<T>> + Send + 'a>>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Family {
    V4,
    V6,
}

/// Result of a DNS query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum LookupResult<T> {
    /// The query failed.
    Failed(DnsFailure),
    Found {
        records: Vec<T>,
        ttl: Duration,
    },
    /// An answer without records, or "no such name".
    Nothing,
}

/// An SRV record.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Service {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) priority: u16,
    pub(super) weight: u16,
}
