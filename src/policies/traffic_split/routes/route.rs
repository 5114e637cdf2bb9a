#[cfg(feature = "serde")]
mod config;

use std::sync::Arc;

use super::weights::Weights;
use crate::policies::traffic_split::{
    Destination, DirectResponse, HashPolicy, HeaderOperations, Match, Redirect, Rewrite,
    WeightedDestination, WeightsError,
};

/// Matches, and the action for the requests that they select.
///
/// This is one entry of `http` in Istio's `VirtualService`.
#[derive(Clone, Debug)]
pub struct Route {
    pub(in crate::policies::traffic_split) action: RouteTarget,
    matches: Vec<Match>,
    name: Option<Arc<str>>,
    pub(in crate::policies::traffic_split) request_headers: HeaderOperations,
    pub(in crate::policies::traffic_split) response_headers: HeaderOperations,
    pub(in crate::policies::traffic_split) rewrite: Rewrite,
    pub(in crate::policies::traffic_split) hash_policy: Option<HashPolicy>,
}

#[derive(Clone, Debug)]
pub(in crate::policies::traffic_split) enum RouteTarget {
    DirectResponse(DirectResponse),
    Forward(Split),
    Redirect(Redirect),
}

/// Weighted destinations of a route.
#[derive(Clone, Debug)]
pub(in crate::policies::traffic_split) struct Split {
    pub(in crate::policies::traffic_split) destinations: Vec<WeightedDestination>,
    pub(in crate::policies::traffic_split) weights: Weights,
}

impl Route {
    /// Creates a route that answers without an upstream.
    #[must_use]
    pub const fn direct_response(response: DirectResponse) -> Self {
        Self::of(RouteTarget::DirectResponse(response))
    }

    /// Creates a route that redirects callers to another location.
    #[must_use]
    pub const fn redirect(redirect: Redirect) -> Self {
        Self::of(RouteTarget::Redirect(redirect))
    }

    /// Creates a route to several destinations, by weight.
    ///
    /// Weights need not add up to 100. A destination with weight 0 gets no request; a single
    /// destination gets every request, whatever its weight.
    ///
    /// # Errors
    ///
    /// If all weights are 0, or there is no destination. (Istio rejects that too.)
    pub fn split<D>(destinations: impl IntoIterator<Item = D>) -> Result<Self, WeightsError>
    where
        D: Into<WeightedDestination>,
    {
        let destinations: Vec<_> = destinations.into_iter().map(Into::into).collect();
        let weights = Weights::of(&destinations)?;
        Ok(Self::of(RouteTarget::Forward(Split {
            destinations,
            weights,
        })))
    }

    /// Creates a route to one destination.
    #[must_use]
    pub fn to(destination: Destination) -> Self {
        Self::of(RouteTarget::Forward(Split {
            destinations: vec![WeightedDestination::new(destination, 1)],
            weights: Weights::single(),
        }))
    }

    /// Adds a match. A request has to match one of them; without any, every request does.
    #[must_use]
    pub fn with_match(mut self, matching: Match) -> Self {
        self.matches.push(matching);
        self
    }

    /// Sets the name, which is recorded in requests and used to set weights. The default is none.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the changes to request headers. The default is none. The destination's changes are
    /// applied first.
    #[must_use]
    pub fn with_request_headers(mut self, operations: HeaderOperations) -> Self {
        self.request_headers = operations;
        self
    }

    /// Sets the changes to response headers. The default is none. The destination's changes are
    /// applied first, so a `set` here overwrites an `add` there.
    #[must_use]
    pub fn with_response_headers(mut self, operations: HeaderOperations) -> Self {
        self.response_headers = operations;
        self
    }

    /// Sets the rewrite of the request's authority and path. The default is none.
    #[must_use]
    pub fn with_rewrite(mut self, rewrite: Rewrite) -> Self {
        self.rewrite = rewrite;
        self
    }

    /// Sets the hash key that keeps users on one destination. The default is a choice for each
    /// request, as in Istio.
    #[must_use]
    pub fn with_hash_policy(mut self, hash_policy: HashPolicy) -> Self {
        self.hash_policy = Some(hash_policy);
        self
    }

    /// Returns the weighted destinations; empty for a route that answers or redirects.
    #[must_use]
    pub fn destinations(&self) -> &[WeightedDestination] {
        match &self.action {
            RouteTarget::Forward(split) => &split.destinations,
            RouteTarget::DirectResponse(_) | RouteTarget::Redirect(_) => &[],
        }
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(in crate::policies::traffic_split) const fn shared_name(&self) -> Option<&Arc<str>> {
        self.name.as_ref()
    }

    pub(crate) fn matches(&self) -> &[Match] {
        &self.matches
    }

    /// Says that it, or one of its destinations, does something to the headers of responses.
    #[cfg(feature = "istio")]
    pub(in crate::policies::traffic_split) fn changes_responses(&self) -> bool {
        let destinations = match &self.action {
            RouteTarget::Forward(split) => &split.destinations[..],
            RouteTarget::DirectResponse(_) | RouteTarget::Redirect(_) => &[],
        };
        let mut of_destinations = destinations.iter().map(|one| &one.response_headers);
        !self.response_headers.is_empty() || of_destinations.any(|one| !one.is_empty())
    }

    /// Replaces the weights, one for each destination.
    pub(crate) fn set_weights(&mut self, weights: &[u32]) -> Result<(), WeightsError> {
        let RouteTarget::Forward(split) = &self.action else {
            return Err(WeightsError::NoSuchRoute);
        };
        let mut destinations = split.destinations.clone();
        if weights.len() != destinations.len() {
            return Err(WeightsError::Count {
                expected: destinations.len(),
                given: weights.len(),
            });
        }
        for (destination, weight) in destinations.iter_mut().zip(weights) {
            destination.weight = *weight;
        }
        // Validated before anything is replaced: after an error the route is unchanged.
        let weights = Weights::of(&destinations)?;
        self.action = RouteTarget::Forward(Split {
            destinations,
            weights,
        });
        Ok(())
    }

    const fn of(action: RouteTarget) -> Self {
        Self {
            action,
            matches: Vec::new(),
            name: None,
            request_headers: HeaderOperations::none(),
            response_headers: HeaderOperations::none(),
            rewrite: Rewrite::none(),
            hash_policy: None,
        }
    }
}
