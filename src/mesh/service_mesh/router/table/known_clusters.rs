use std::collections::HashMap;
use std::sync::Arc;

use crate::istio::config::Location;
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::service::{Cluster, LimitedCluster};
use crate::mesh::service_mesh::router::upstream::to_transport::ToMirror;
use crate::policies::mirror::MirrorLayer;
use crate::policies::traffic_split::Destination;

/// Clusters and mirrors of one client, as it reaches them.
pub(in crate::mesh) struct KnownClusters<S, B> {
    pub(in crate::mesh) named: HashMap<ClusterKey, Arc<Cluster<S>>>,
    /// Those of hosts that no route names: not more than a version has.
    pub(in crate::mesh) unnamed: HashMap<ClusterKey, Arc<Cluster<S>>>,
    /// With the id of the cluster that gets the copies.
    pub(in crate::mesh) mirrors: HashMap<MirrorKey, (u64, RouteMirror<S, B>)>,
}

/// A mirror of a route, by the id of its host.
#[derive(Eq, Hash, PartialEq)]
pub(in crate::mesh) struct MirrorKey {
    pub(in crate::mesh) host: Arc<str>,
    pub(in crate::mesh) port: u16,
    pub(in crate::mesh) route: usize,
    pub(in crate::mesh) destination: Destination,
    pub(in crate::mesh) location: Location,
}

pub(in crate::mesh) type RouteMirror<S, B> = MirrorLayer<ToMirror<LimitedCluster<S>, B>>;

impl<S, B> KnownClusters<S, B> {
    pub(in crate::mesh) fn new() -> Self {
        Self {
            named: HashMap::new(),
            unnamed: HashMap::new(),
            mirrors: HashMap::new(),
        }
    }

    pub(in crate::mesh) fn of(
        &mut self,
        key: &ClusterKey,
    ) -> &mut HashMap<ClusterKey, Arc<Cluster<S>>> {
        if key.is_unnamed() {
            &mut self.unnamed
        } else {
            &mut self.named
        }
    }
}
