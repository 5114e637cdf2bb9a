//! Retries of the requests to one cluster.

use super::state::ClusterState;
use crate::istio::config::{Location, RetriesConfig};
use crate::policies::retry::{RetryBudget, RetryPolicy};

impl ClusterState {
    /// Returns the retry policy of a route to it: the route's own, and at most as many retries at a time
    /// as the cluster allows for all routes together.
    pub(in crate::mesh) fn retry(&self, route: &RetryPolicy) -> RetryPolicy {
        let retries = self.config.load().retries;
        let policy = route
            .clone()
            .with_budget(self.budget(&retries, route.budget()))
            .with_envoy_headers(self.location() == Location::Internal);
        match retries.max_parallel {
            Some(max) => policy.with_max_parallel(max),
            None => policy,
        }
    }

    /// Returns the budget of all routes to it that have the default one, and the maximum of parallel retries.
    pub(in crate::mesh) fn retry_budget(&self) -> (RetryBudget, Option<u32>) {
        let retries = self.config.load().retries;
        let of_routes = if self.options.envoy_behaviour {
            RetryBudget::unlimited()
        } else {
            RetryBudget::default()
        };
        (self.budget(&retries, &of_routes), retries.max_parallel)
    }

    fn budget(&self, retries: &RetriesConfig, of_route: &RetryBudget) -> RetryBudget {
        let budget = match retries.budget {
            Some((share, min)) => {
                RetryBudget::concurrent(share, min).with_interval(retries.budget_interval)
            }
            None => of_route.clone(),
        };
        budget.with_state_of(&self.budget)
    }
}
