//! Clusters and mirrors of a client, each made when a route first leads to it.

use std::sync::Arc;

use super::route::virtual_host_stack::HostContext;
use super::router_state::RouterState;
use super::table::known_clusters::{MirrorKey, RouteMirror};
use super::upstream::internal_headers::Withheld;
use super::upstream::to_transport::ToMirror;
use crate::foundation::outcome::Source;
use crate::mesh::service_mesh::cluster::key::ClusterKey;
use crate::mesh::service_mesh::cluster::service::Cluster;
use crate::mesh::service_mesh::cluster::state::ClusterState;
use crate::policies::mirror::{MirrorLayer, MirrorPolicy};
use crate::policies::traffic_split::Destination;

impl<S: Clone + Send + Sync + 'static, B> RouterState<S, B> {
    /// Returns the identity of a cluster.
    pub(in crate::mesh) fn key(
        &self,
        host: HostContext<'_>,
        destination: &Destination,
    ) -> ClusterKey {
        host.cluster_key(destination, self.listener_port.is_some())
    }

    /// Returns the cluster of a destination; `None` if it is unknown.
    pub(in crate::mesh) fn cluster(
        &self,
        host: HostContext<'_>,
        destination: &Destination,
    ) -> Option<Arc<Cluster<S>>> {
        let key = self.key(host, destination);
        let state = self.proxy.cluster(&key).unwrap_or_else(|| {
            // Passthrough without any configuration: there is no state to keep.
            let source = self.proxy.source();
            Arc::new(ClusterState::passthrough(
                key.clone(),
                self.options(),
                &source,
            ))
        });
        let mut known = self.lock();
        let old = known.of(&key).get(&key);
        if let Some(cluster) = old.filter(|cluster| cluster.is_current(&state)) {
            return Some(Arc::clone(cluster));
        }
        let old = old.map(Arc::as_ref);
        let cluster = Cluster::new(&key, state, old, &self.connector, self.proxy.owner())?;
        let cluster = Arc::new(cluster);
        // Dropped after the lock: a detector calls observers for the ejections that it ends.
        let _old = known.of(&key).insert(key, Arc::clone(&cluster));
        drop(known);
        Some(cluster)
    }

    /// Returns the layer of a mirror of the route that `source` names. An existing layer is kept as long as its
    /// cluster service is the same, so that a change of the configuration does not cancel copies in flight.
    pub(in crate::mesh) fn mirror(
        &self,
        host: HostContext<'_>,
        route: usize,
        destination: &Destination,
        policy: &MirrorPolicy,
        source: &Source,
    ) -> Option<RouteMirror<S, B>> {
        let cluster = self.cluster(host, destination)?;
        let key = MirrorKey {
            host: Arc::clone(&host.config.id),
            port: host.port,
            route,
            destination: destination.clone(),
            location: cluster.state().location(),
        };
        if let Some((id, layer)) = self.lock().mirrors.get(&key)
            && *id == cluster.id()
        {
            layer.reconfigure(policy.clone());
            layer.emitter().set_origin(source.origin());
            return Some(layer.clone());
        }
        let options = self.options();
        let rng = options.rng(&format!("mirror {} {route} {destination}", host.config.id));
        let of_cluster = cluster.state().source().clone();
        let source = of_cluster
            .with_route(source.route().map(Arc::from))
            .with_origin(source.origin().cloned());
        let emitter = self.proxy.emitter(source);
        let id = cluster.id();
        let withheld = Withheld::from(key.location, &options.trace, true);
        let service = ToMirror::new(cluster.limited(), key.location, withheld);
        let layer = MirrorLayer::from_parts(policy.clone(), service, emitter, rng);
        self.lock().mirrors.insert(key, (id, layer.clone()));
        Some(layer)
    }
}
