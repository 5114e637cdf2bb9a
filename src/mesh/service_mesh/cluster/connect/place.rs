use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use http::uri::Scheme;

use super::connector::TransportKey;
use super::dialer::Dialer;
use crate::foundation::http::RequestHead;
use crate::foundation::http::authority::{authority, split_port};
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::transport::pool::{Pool, Way};

/// Maximum number of connection variants per endpoint, beside the first.
const MAX_WAYS: usize = 64;

/// Configuration that the connections to all endpoints of a cluster share.
#[derive(Debug)]
pub(in crate::mesh) struct Places {
    dialer: Arc<Dialer>,
    /// Server name for TLS, in place of the request's host.
    name: Option<Box<str>>,
    pool: Pool,
}

/// Connections to one endpoint of a cluster. They are closed when it is dropped.
#[derive(Debug)]
pub(in crate::mesh) struct Place {
    /// Variant that nearly all requests use.
    first: Way,
    others: Mutex<Vec<Other>>,
    places: Arc<Places>,
}

#[derive(Debug)]
struct Other {
    is_direct: bool,
    name: Option<Box<str>>,
    way: Way,
}

impl Places {
    pub(in crate::mesh) fn new(
        transport_key: &TransportKey,
        state: &ClusterState,
        dialer: &Arc<Dialer>,
    ) -> Self {
        let sni = transport_key
            .tls
            .as_ref()
            .and_then(|tls| tls.sni.as_deref());
        // Callers may use another name for the endpoint: the certificate proves the service's own.
        let own = transport_key.tls.as_ref().map(|_| &*transport_key.host);
        let own = own.filter(|host| !transport_key.is_by_name && !host.starts_with('*'));
        #[cfg(feature = "mtls")]
        let dialer = &state
            .cluster_tls(transport_key)
            .map_or_else(|| Arc::clone(dialer), |tls| dialer.with_tls(&Arc::new(tls)));
        Self {
            dialer: Arc::clone(dialer),
            name: sni.or(own).map(Into::into),
            pool: state.pool(),
        }
    }

    pub(in crate::mesh) fn place(self: &Arc<Self>) -> Place {
        Place {
            first: self.dialer.way(false, self.name.as_deref()),
            others: Mutex::default(),
            places: Arc::clone(self),
        }
    }
}

impl Place {
    pub(in crate::mesh) fn pool(&self) -> &Pool {
        &self.places.pool
    }

    /// Returns the connection variant for a request.
    pub(in crate::mesh) fn way<B>(&self, request: &Request<B>) -> Way {
        let Places { dialer, name, .. } = &*self.places;
        let (uri, is_tls) = (
            request.uri(),
            request.uri().scheme() == Some(&Scheme::HTTPS),
        );
        if !dialer.proxies().any() && (name.is_some() || !is_tls) {
            return self.first.clone();
        }
        let called = authority(&RequestHead::of(request));
        let is_direct = dialer.proxies().pass_by(uri.scheme(), called);
        let name = match name {
            None if is_tls => {
                let (called, _) = split_port(called);
                let is_address = called.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
                let is_there = uri.host().is_some_and(|host| host == called);
                (!is_address && !is_there).then_some(called)
            }
            name => name.as_deref(),
        };
        if !is_direct && name == self.places.name.as_deref() {
            return self.first.clone();
        }
        self.other(is_direct, name)
    }

    fn other(&self, is_direct: bool, name: Option<&str>) -> Way {
        let mut others = self.lock();
        let known = others
            .iter()
            .find(|other| other.is_direct == is_direct && other.name.as_deref() == name);
        if let Some(known) = known {
            return known.way.clone();
        }
        let gone = if others.len() < MAX_WAYS {
            Vec::new()
        } else {
            std::mem::take(&mut *others)
        };
        let cluster = self.places.dialer.way(is_direct, name);
        others.push(Other {
            is_direct,
            name: name.map(Into::into),
            way: cluster.clone(),
        });
        drop(others);
        for other in gone {
            self.pool().forget(&other.way);
        }
        cluster
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Other>> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let others = std::mem::take(&mut *self.lock());
        self.pool().forget(&self.first);
        for other in others {
            self.pool().forget(&other.way);
        }
    }
}
