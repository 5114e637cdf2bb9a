use std::collections::HashMap;
use std::sync::Arc;

use crate::policies::traffic_split::machine::Choice;
use crate::policies::traffic_split::{Destination, TrafficSplitPolicy, WeightedDestination};

/// Policy together with the services of its destinations.
#[derive(Debug)]
pub(in crate::policies::traffic_split) struct ServiceTable<S> {
    fallback: Option<Arc<S>>,
    policy: Arc<TrafficSplitPolicy>,
    services: Arc<Services<S>>,
    /// Index of the service for each destination of each route.
    slots: Box<[Box<[Option<usize>]>]>,
}

#[derive(Debug)]
struct Services<S> {
    places: HashMap<Destination, usize>,
    services: Vec<S>,
}

impl<S> ServiceTable<S> {
    pub(in crate::policies::traffic_split) fn new(
        policy: TrafficSplitPolicy,
        services: impl IntoIterator<Item = (Destination, S)>,
    ) -> Self {
        let (mut places, mut list) = (HashMap::new(), Vec::new());
        for (destination, service) in services {
            places.insert(destination, list.len());
            list.push(service);
        }
        let services = Services {
            places,
            services: list,
        };
        Self::of(Arc::new(policy), Arc::new(services), None)
    }

    pub(in crate::policies::traffic_split) fn with_policy(
        &self,
        policy: Arc<TrafficSplitPolicy>,
    ) -> Self {
        // The services are shared with the old table: their connections survive the policy.
        Self::of(policy, Arc::clone(&self.services), self.fallback.clone())
    }

    pub(in crate::policies::traffic_split) fn with_fallback(&self, fallback: S) -> Self {
        Self {
            fallback: Some(Arc::new(fallback)),
            ..self.with_policy(Arc::clone(&self.policy))
        }
    }

    pub(in crate::policies::traffic_split) fn with_fallback_of(&self, other: &Self) -> Self {
        Self {
            fallback: other.fallback.clone(),
            ..self.with_policy(Arc::clone(&self.policy))
        }
    }

    pub(in crate::policies::traffic_split) fn policy(&self) -> &TrafficSplitPolicy {
        &self.policy
    }

    pub(in crate::policies::traffic_split) fn fallback(&self) -> Option<&S> {
        self.fallback.as_deref()
    }

    pub(in crate::policies::traffic_split) fn service(&self, choice: Choice<'_>) -> Option<&S> {
        let route = self.slots.get(choice.matched().index())?;
        let place = *route.get(choice.destination_index())?;
        self.services.services.get(place?)
    }

    fn of(
        policy: Arc<TrafficSplitPolicy>,
        services: Arc<Services<S>>,
        fallback: Option<Arc<S>>,
    ) -> Self {
        // Looked up here once for each policy, so that a request needs two indices and no hash.
        let place =
            |weighted: &WeightedDestination| services.places.get(weighted.destination()).copied();
        let slots = policy.routes();
        let slots = slots.map(|route| route.destinations().iter().map(place).collect());
        Self {
            slots: slots.collect(),
            fallback,
            policy,
            services,
        }
    }
}
