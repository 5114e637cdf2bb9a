use std::cmp::Ordering;
use std::fmt::{self, Debug, Display, Formatter};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use http::Request;
use http::uri::Authority;

use super::RouteInfo;

/// Destination of a request: a host, optionally one subset of it, and a port.
///
/// It holds the fields of a `destination` in Istio's `VirtualService`. A clone costs an atomic
/// increment.
#[derive(Clone)]
pub struct Destination(Arc<Parts>);

#[derive(Clone)]
struct Parts {
    /// Host and port, parsed once and not for every request.
    authority: Option<Authority>,
    name: Name,
}

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
struct Name {
    host: Box<str>,
    subset: Option<Box<str>>,
    port: Option<u16>,
}

impl Destination {
    /// Creates a destination: a host, on the port of the request and in all its subsets.
    #[must_use]
    pub fn new(host: impl Into<Box<str>>) -> Self {
        let host = host.into();
        Self(Arc::new(Parts {
            authority: host.parse().ok(),
            name: Name {
                host,
                subset: None,
                port: None,
            },
        }))
    }

    /// Sets the subset, one of the host's named versions. The default is none: all of them.
    #[must_use]
    pub fn with_subset(mut self, subset: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).name.subset = Some(subset.into());
        self
    }

    /// Sets the port. By default it is that of the request.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        let parts = Arc::make_mut(&mut self.0);
        parts.name.port = Some(port);
        parts.authority = format!("{}:{port}", parts.name.host).parse().ok();
        self
    }

    /// Returns the destination that a traffic split chose for `request`.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&Self> {
        RouteInfo::of(request).map(RouteInfo::destination)
    }

    /// Returns the host.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.0.name.host
    }

    /// Returns the subset, if one is set.
    #[must_use]
    pub fn subset(&self) -> Option<&str> {
        self.0.name.subset.as_deref()
    }

    /// Returns the port, if one is set; else the port of the request applies.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.0.name.port
    }

    /// Returns the authority of the destination, if its host can be part of a URI; `port` is that
    /// of the request.
    pub(super) fn authority(&self, port: Option<u16>) -> Option<Authority> {
        match port.filter(|_| self.port().is_none()) {
            Some(port) => format!("{}:{port}", self.host()).parse().ok(),
            None => self.0.authority.clone(),
        }
    }
}

impl Debug for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "Destination({self})")
    }
}

/// Written as `host|subset|port`; parts that are not set are empty.
impl Display for Destination {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}|{}|", self.host(), self.subset().unwrap_or_default())?;
        match self.port() {
            Some(port) => write!(f, "{port}"),
            None => Ok(()),
        }
    }
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        // The authority is derived from the name.
        self.0.name == other.0.name
    }
}

impl Eq for Destination {}

impl Hash for Destination {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl PartialOrd for Destination {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Destination {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.name.cmp(&other.0.name)
    }
}
