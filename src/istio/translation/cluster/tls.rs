//! TLS origination of a cluster.

use crate::istio::api::destination_rule::{ClientTls, TlsMode as Written};
use crate::istio::config::{TlsConfig, TlsMode};

/// Returns the written TLS origination; none for the mode `DISABLE`.
#[cfg(not(feature = "mtls"))]
pub(super) fn written(written: &ClientTls) -> Option<TlsConfig> {
    let mode = written.mode?.value;
    (mode == Written::Simple).then(|| TlsConfig {
        mode: TlsMode::Simple,
        sni: sni(written),
    })
}

fn sni(written: &ClientTls) -> Option<Box<str>> {
    let sni = written.sni.as_ref().filter(|sni| !sni.value.is_empty());
    sni.map(|sni| sni.value.as_str().into())
}

#[cfg(feature = "mtls")]
pub(super) use mutual::{Server, automatic, written};

#[cfg(feature = "mtls")]
mod mutual {
    use std::collections::BTreeMap;

    use super::{ClientTls, TlsConfig, TlsMode, Written, sni};
    use crate::foundation::tls::MtlsMode;
    use crate::istio::api::fields::read::{Text, Texts};
    use crate::istio::config::{ClusterDiscovery, TlsVerification};
    use crate::istio::translation::index::resource_index::ResourceIndex;
    use crate::istio::translation::index::service_entry_index::HostEntries;

    /// Label by which Istio marks an endpoint that accepts mutual TLS.
    const TLS_MODE: &str = "security.istio.io/tlsMode";

    /// The cluster, as far as its handshakes depend on it.
    #[derive(Clone, Copy)]
    pub(in crate::istio::translation::cluster) struct Server<'a> {
        pub(in crate::istio::translation::cluster) host: &'a str,
        pub(in crate::istio::translation::cluster) known: Option<&'a HostEntries<'a>>,
        pub(in crate::istio::translation::cluster) port: Option<u16>,
        pub(in crate::istio::translation::cluster) subset: Option<&'a str>,
    }

    /// Returns the written TLS origination; none for the mode `DISABLE`.
    pub(in crate::istio::translation::cluster) fn written(
        written: &ClientTls,
        server: Server<'_>,
    ) -> Option<TlsConfig> {
        // Without a mode the first applies, as in protobuf.
        let mode = match written.mode?.value {
            Written::Disable => return None,
            Written::IstioMutual => TlsMode::IstioMutual,
            Written::Mutual => TlsMode::Mutual,
            Written::Simple => TlsMode::Simple,
        };
        let names = texts(&written.subject_alt_names);
        if mode == TlsMode::IstioMutual {
            return Some(of_mesh(mode, sni(written), names, server));
        }
        let accepted = if names.is_empty() {
            server.names()
        } else {
            names
        };
        let file = |text: &Text| -> Option<Box<str>> {
            let name = text.as_ref().map(|text| text.value.as_str());
            name.filter(|name| !name.is_empty()).map(Into::into)
        };
        let client = file(&written.client_certificate).zip(file(&written.private_key));
        Some(TlsConfig {
            mode,
            sni: sni(written),
            verification: TlsVerification {
                accepted,
                accounts: Box::default(),
                // `system` are the roots that hold without the field.
                ca_certificates: file(&written.ca_certificates).filter(|name| **name != *"system"),
                client: client.filter(|_| mode == TlsMode::Mutual),
                insecure_skip_verify: written.insecure_skip_verify.is_some_and(|skip| skip.value),
            },
        })
    }

    /// Returns the automatic mutual TLS of a cluster without a written mode: to the endpoints of a service of the mesh
    /// that are labelled for it, and whose `PeerAuthentication` does not disable it. Removes the label of the others.
    pub(in crate::istio::translation::cluster) fn automatic(
        index: &ResourceIndex,
        server: Server<'_>,
        endpoints: &mut ClusterDiscovery,
    ) -> Option<TlsConfig> {
        let namespace = server.known?.namespace;
        let mut is_any = false;
        let mut look = |labels: &mut BTreeMap<Box<str>, Box<str>>, port: Option<u16>| {
            if labels.get(TLS_MODE).is_none_or(|mode| **mode != *"istio") {
                return;
            }
            let own = labels.iter();
            let own = own.map(|(name, value)| (name.to_string(), value.to_string()));
            let config = index.peers.config(namespace, &own.collect());
            let mode = port.map_or(config.mode, |port| config.mode(port));
            if mode == MtlsMode::Disable {
                labels.remove(TLS_MODE);
            } else {
                is_any = true;
            }
        };
        match endpoints {
            ClusterDiscovery::Dns(names) => {
                for name in names {
                    look(&mut name.labels, Some(name.port));
                }
            }
            ClusterDiscovery::Fixed(endpoints) => {
                for endpoint in endpoints {
                    let port = endpoint.address.rsplit_once(':');
                    let port = port.and_then(|(_, port)| port.parse().ok());
                    look(&mut endpoint.labels, port);
                }
            }
            ClusterDiscovery::ByName | ClusterDiscovery::Unknown => {}
        }
        is_any.then(|| of_mesh(TlsMode::Auto, None, Box::default(), server))
    }

    /// Returns mutual TLS with the certificates of the mesh.
    fn of_mesh(
        mode: TlsMode,
        sni: Option<Box<str>>,
        names: Box<[Box<str>]>,
        server: Server<'_>,
    ) -> TlsConfig {
        let (accepted, accounts) = if names.is_empty() {
            (server.names(), server.accounts())
        } else {
            (names, Box::default())
        };
        TlsConfig {
            mode,
            sni: sni.or_else(|| server.sni()),
            verification: TlsVerification {
                accepted,
                accounts,
                ..TlsVerification::default()
            },
        }
    }

    impl Server<'_> {
        /// Returns Istio's name of the cluster for handshakes; none for a host with a wildcard, which is no name.
        fn sni(&self) -> Option<Box<str>> {
            if self.host.contains('*') {
                return None;
            }
            let port = self.port.map(|port| port.to_string()).unwrap_or_default();
            let subset = self.subset.unwrap_or_default();
            Some(format!("outbound_.{port}_.{subset}_.{}", self.host).into())
        }

        /// Returns the names that its service entries say that its certificates have.
        fn names(&self) -> Box<[Box<str>]> {
            let entries = self.known.into_iter().flat_map(|known| &known.entries);
            let names = entries.flat_map(|entry| texts(&entry.subject_alt_names));
            names.collect()
        }

        /// Returns the namespaces and service accounts of its endpoints.
        fn accounts(&self) -> Box<[(Box<str>, Box<str>)]> {
            let Some(known) = self.known else {
                return Box::default();
            };
            let entries = known.entries.iter();
            let accounts = entries.flat_map(|entry| {
                let endpoints = entry.endpoints.0.iter().flatten();
                endpoints.filter_map(|endpoint| {
                    let account = endpoint.service_account.as_ref()?;
                    let account = Some(&*account.value).filter(|account| !account.is_empty())?;
                    Some((known.namespace.into(), account.into()))
                })
            });
            let mut accounts: Vec<_> = accounts.collect();
            accounts.sort_unstable();
            accounts.dedup();
            accounts.into()
        }
    }

    fn texts(texts: &Texts) -> Box<[Box<str>]> {
        let texts = texts.iter().map(|text| text.value.as_str().into());
        texts.collect()
    }
}
