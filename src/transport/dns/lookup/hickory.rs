//! Lookups through `hickory-resolver`; no other module uses that crate.

use std::fmt::{self, Debug, Formatter};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup as Found;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

use super::race::race;
use super::{Family, Lookup, LookupFuture, LookupResult, Service, Working};
use crate::foundation::outcome::DnsFailure;
use crate::transport::dns::DnsError as Error;

/// A [`Lookup`] through hickory, with the system's name servers or given ones.
pub(in crate::transport::dns) struct HickoryLookup {
    ndots: usize,
    resolver: TokioResolver,
    search: Vec<Name>,
    timeout: Duration,
}

impl HickoryLookup {
    /// Creates a lookup with the system's configuration, which is read once.
    pub(in crate::transport::dns) fn system(timeout: Duration) -> Result<Self, Error> {
        let (config, options) =
            hickory_resolver::system_conf::read_system_conf().map_err(Error::of)?;
        Self::new(config, options, timeout)
    }

    /// Creates a lookup with the given name servers, over UDP, and over TCP for truncated answers.
    pub(in crate::transport::dns) fn of(
        servers: impl IntoIterator<Item = SocketAddr>,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let servers = servers.into_iter().map(|address| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            let on_port = |mut connection: ConnectionConfig| {
                connection.port = address.port();
                connection
            };
            let connections = connections.map(on_port).into();
            NameServerConfig::new(address.ip(), true, connections)
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        Self::new(config, options, timeout)
    }

    fn new(
        config: ResolverConfig,
        mut options: ResolverOpts,
        timeout: Duration,
    ) -> Result<Self, Error> {
        // A refresh at the end of a time to live must not get the cached answer.
        options.cache_size = 0;
        // A question that is lost is asked again every third of a second, and each is listened to until the
        // end: a name server that is slow is heard, too.
        options.timeout = timeout;
        let search = match config.search() {
            [] => config.domain().into_iter().cloned().collect(),
            search => search.to_vec(),
        };
        let ndots = options.ndots;
        let provider = TokioRuntimeProvider::default();
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = options;
        Ok(Self {
            ndots,
            resolver: builder.build().map_err(Error::of)?,
            search,
            timeout,
        })
    }

    /// Queries the candidate names in turn until one has records.
    async fn query<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&Record) -> Option<T>,
    ) -> LookupResult<T> {
        let asking = async {
            for name in self.candidate_names(name) {
                match answer(self.resolver.lookup(name, kind).await, &read) {
                    LookupResult::Nothing => {}
                    // A later candidate may be a different host, so a failure does not continue the
                    // search.
                    answer => return answer,
                }
            }
            LookupResult::Nothing
        };
        let answer = tokio::time::timeout(self.timeout, asking).await;
        answer.unwrap_or(LookupResult::Failed(DnsFailure::TimedOut))
    }

    /// Returns the full names to query for a name (`search` and `ndots`), as the system's resolver
    /// does.
    fn candidate_names(&self, name: &str) -> Vec<Name> {
        let Ok(name) = Name::from_ascii(name) else {
            return Vec::new();
        };
        if name.is_fqdn() {
            return vec![name];
        }
        let mut whole = name.clone();
        whole.set_fqdn(true);
        let search = self.search.iter();
        let mut all: Vec<_> = search
            .filter_map(|domain| name.clone().append_domain(domain).ok())
            .collect();
        let first = usize::from(name.num_labels()) > self.ndots || name.is_localhost();
        all.insert(if first { 0 } else { all.len() }, whole);
        all
    }
}

impl Lookup for HickoryLookup {
    fn addresses<'a>(&'a self, name: &'a str, family: Family) -> LookupFuture<'a, IpAddr> {
        let kind = match family {
            Family::V4 => RecordType::A,
            Family::V6 => RecordType::AAAA,
        };
        Box::pin(self.query(name, kind, |record| record.data.ip_addr()))
    }

    fn services<'a>(&'a self, name: &'a str) -> LookupFuture<'a, Service> {
        Box::pin(
            self.query(name, RecordType::SRV, |record| match &record.data {
                RData::SRV(service) => Some(Service {
                    host: service.target.to_ascii(),
                    port: service.port,
                    priority: service.priority,
                    weight: service.weight,
                }),
                _ => None,
            }),
        )
    }

    fn working(&self, families: [Vec<SocketAddr>; 2]) -> Working {
        Box::pin(race(families))
    }
}

impl Debug for HickoryLookup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("HickoryLookup").finish_non_exhaustive()
    }
}

fn answer<T>(
    found: Result<Found, NetError>,
    read: impl Fn(&Record) -> Option<T>,
) -> LookupResult<T> {
    let found = match found {
        Ok(found) => found,
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => return LookupResult::Nothing,
        Err(NetError::Timeout) => return LookupResult::Failed(DnsFailure::TimedOut),
        Err(_) => return LookupResult::Failed(DnsFailure::ServerFailure),
    };
    let records: Vec<_> = found.answers().iter().filter_map(read).collect();
    if records.is_empty() {
        return LookupResult::Nothing;
    }
    // An answer is valid for the shortest time to live of its records, CNAME records included.
    let ttl = found.answers().iter().map(|record| record.ttl).min();
    let ttl = Duration::from_secs(ttl.unwrap_or(0).into());
    LookupResult::Found { records, ttl }
}
