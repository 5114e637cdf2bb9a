use std::sync::Arc;

use http::Request;

use super::Destination;
use super::machine::Choice;

/// Routing result of a request, stored in the request's extensions.
#[derive(Clone, Debug)]
pub struct RouteInfo {
    destination: Destination,
    route: usize,
    route_name: Option<Arc<str>>,
}

impl RouteInfo {
    /// Returns the routing result of `request`, if it passed a traffic split.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Returns the destination.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Returns the index of the route in
    /// [`TrafficSplitPolicy::routes`](super::TrafficSplitPolicy::routes).
    #[must_use]
    pub const fn route(&self) -> usize {
        self.route
    }

    /// Returns the name of the route, if it has one.
    #[must_use]
    pub fn route_name(&self) -> Option<&str> {
        self.route_name.as_deref()
    }

    pub(super) fn from_choice(choice: Choice<'_>) -> Self {
        Self {
            destination: choice.destination().clone(),
            route: choice.matched().index(),
            route_name: choice.matched().route().shared_name().cloned(),
        }
    }
}
