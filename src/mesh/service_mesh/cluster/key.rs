use http::uri::Authority;

use crate::policies::traffic_split::Destination;

/// Istio's name of the cluster of all hosts that no document names.
pub(in crate::mesh) const PASSTHROUGH_CLUSTER: &str = "PassthroughCluster";

/// Identity of a cluster.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::mesh) struct ClusterKey {
    destination: Destination,
    /// True if no route names it.
    is_unnamed: bool,
    /// Port of the request, if the destination has none; `None` at a gateway, where strangers would choose the port.
    request_port: Option<u16>,
}

impl ClusterKey {
    pub(in crate::mesh) fn named(destination: &Destination, request_port: Option<u16>) -> Self {
        Self {
            destination: destination.clone(),
            is_unnamed: false,
            request_port: request_port.filter(|_| destination.port().is_none()),
        }
    }

    pub(in crate::mesh) fn unnamed(host: &str, port: u16) -> Self {
        Self {
            destination: Destination::new(host),
            is_unnamed: true,
            request_port: Some(port),
        }
    }

    pub(in crate::mesh) const fn destination(&self) -> &Destination {
        &self.destination
    }

    pub(in crate::mesh) const fn is_unnamed(&self) -> bool {
        self.is_unnamed
    }

    pub(in crate::mesh) const fn request_port(&self) -> Option<u16> {
        self.request_port
    }

    /// Returns the cluster's name as Istio writes it: `outbound|port|subset|host`.
    pub(in crate::mesh) fn cluster_name(&self) -> String {
        let port = self.port().map(|port| port.to_string());
        let (port, subset) = (port.unwrap_or_default(), self.destination.subset());
        let (subset, host) = (subset.unwrap_or_default(), self.destination.host());
        format!("outbound|{port}|{subset}|{host}")
    }

    pub(in crate::mesh) fn port(&self) -> Option<u16> {
        self.destination.port().or(self.request_port)
    }

    /// Returns the address of a cluster of which only the name is known.
    pub(super) fn authority(&self) -> Option<Authority> {
        let host = self.destination.host();
        match self.port() {
            Some(port) => format!("{host}:{port}").parse().ok(),
            None => host.parse().ok(),
        }
    }
}
