//! State of a mesh as it is scraped, from its snapshot.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::description::{self, Description};
use super::exposition::state::{State, StateSample};
use crate::mesh::WeakMesh;
use crate::mesh::snapshot::{
    ClusterSnapshot, HostSnapshot, LimitSnapshot, MeshSnapshot, ProxySnapshot,
};

/// State of a mesh, which may be gone.
#[derive(Debug)]
pub(super) struct MeshState(pub(super) WeakMesh);

type Labels = Vec<(&'static str, Arc<str>)>;

impl State for MeshState {
    fn samples(&self) -> Vec<StateSample> {
        let Some(mesh) = self.0.upgrade() else {
            return Vec::new();
        };
        let snapshot = mesh.snapshot();
        let mut samples = Samples::default();
        samples.config(&snapshot);
        for proxy in &snapshot.proxies {
            samples.proxy(proxy);
        }
        samples.0
    }
}

#[derive(Default)]
struct Samples(Vec<StateSample>);

impl Samples {
    fn add(&mut self, description: &'static Description, labels: &Labels, value: impl Into<f64>) {
        self.0.push(StateSample {
            description,
            labels: labels.clone(),
            value: value.into(),
        });
    }

    /// Adds a number of things, of which a computer has fewer than 2^53.
    #[expect(clippy::cast_precision_loss, reason = "counts are exact up to 2^53")]
    fn count(&mut self, description: &'static Description, labels: &Labels, count: u64) {
        self.add(description, labels, count as f64);
    }

    fn config(&mut self, mesh: &MeshSnapshot) {
        let none = Labels::new();
        let result = |result: &str| vec![("result", Arc::from(result))];
        self.count(&description::CONFIG_VERSION, &none, mesh.version);
        // The first version is no change.
        let changes = mesh.version.saturating_sub(1);
        self.count(&description::CONFIG_CHANGES, &result("success"), changes);
        self.count(
            &description::CONFIG_CHANGES,
            &result("refused"),
            mesh.refused,
        );
        let is_refused = mesh.refusals.last().is_some_and(|last| last.is_current);
        self.add(&description::CONFIG_REFUSED, &none, u8::from(is_refused));
        let findings = mesh.diagnostic_count as u64;
        self.count(&description::CONFIG_FINDINGS, &none, findings);
        if let Some(last) = mesh.history.last()
            && let Ok(at) = last.at.duration_since(UNIX_EPOCH)
        {
            self.add(&description::CONFIG_CHANGED, &none, at.as_secs_f64());
        }
    }

    fn proxy(&mut self, proxy: &ProxySnapshot) {
        let labels = vec![
            ("workload", Arc::from(&*proxy.name)),
            ("namespace", Arc::from(&*proxy.namespace)),
        ];
        for host in &proxy.hosts {
            self.weights(&labels, host);
        }
        for cluster in &proxy.clusters {
            let name = ("envoy_cluster_name", Arc::from(&*cluster.name));
            let labels = labels.iter().cloned().chain([name]).collect();
            self.cluster(&labels, cluster);
        }
        for limit in &proxy.rate_limits {
            self.limit(&labels, limit);
        }
    }

    fn weights(&mut self, labels: &Labels, host: &HostSnapshot) {
        for (number, route) in host.routes.iter().enumerate() {
            if route.destinations.len() < 2 {
                continue;
            }
            for destination in &route.destinations {
                let name = route
                    .name
                    .as_deref()
                    .map_or_else(|| number.to_string(), str::to_owned);
                let subset = destination.subset.as_deref().unwrap_or_default();
                let own = [
                    ("host", Arc::from(&*host.host)),
                    ("route", name.into()),
                    ("destination", Arc::from(&*destination.host)),
                    ("subset", subset.into()),
                ];
                let labels = labels.iter().cloned().chain(own).collect();
                self.add(&description::WEIGHT, &labels, destination.weight);
            }
        }
    }

    fn cluster(&mut self, labels: &Labels, cluster: &ClusterSnapshot) {
        let endpoints = &cluster.endpoints;
        let healthy = endpoints
            .iter()
            .filter(|endpoint| endpoint.ejection.is_none());
        self.count(
            &description::CLUSTER_MEMBERS,
            labels,
            endpoints.len() as u64,
        );
        self.count(
            &description::CLUSTER_HEALTHY,
            labels,
            healthy.count() as u64,
        );
        // The limit counts nothing without a maximum, and an endpoint nothing without an observer.
        let limit = &cluster.concurrency_limit;
        let at_endpoints = endpoints
            .iter()
            .map(|endpoint| u64::from(endpoint.in_flight))
            .sum();
        let active = u64::from(limit.in_flight).max(at_endpoints);
        self.count(&description::CLUSTER_ACTIVE, labels, active);
        let mut pending = u64::from(limit.pending);
        if let Some(pool) = &cluster.pool {
            pending += pool.pending as u64;
            self.count(&description::CLUSTER_CX_ACTIVE, labels, pool.open as u64);
            self.count(&description::CLUSTER_CX_TOTAL, labels, pool.opened);
            self.count(&description::POOL_IDLE, labels, pool.idle as u64);
        }
        self.count(&description::CLUSTER_PENDING, labels, pending);
        let budget = &cluster.retry_budget;
        self.add(
            &description::RETRIES_ACTIVE,
            labels,
            budget.retries_in_flight,
        );
        if let Some(balance) = budget.balance {
            self.add(&description::RETRY_BUDGET, labels, balance);
        }
    }

    fn limit(&mut self, labels: &Labels, limit: &LimitSnapshot) {
        let own = [
            ("limit", Arc::from(&*limit.id)),
            ("host", Arc::from(&*limit.host)),
        ];
        let labels = labels.iter().cloned().chain(own).collect();
        self.count(&description::LIMIT_KEYS, &labels, limit.state.keys as u64);
        self.count(
            &description::LIMIT_LIMITED,
            &labels,
            limit.state.rate_limited,
        );
        self.count(&description::LIMIT_ENFORCED, &labels, limit.state.enforced);
    }
}
