use std::sync::Arc;

use http::Request;

use super::Destination;
use super::machine::Choice;

/// What a traffic split decided about a request; the request carries it in its extensions.
#[derive(Clone, Debug)]
pub struct RouteInfo {
    destination: Destination,
    route: usize,
    route_name: Option<Arc<str>>,
}

impl RouteInfo {
    /// Returns what was decided about `request`, if it went through a traffic split.
    #[must_use]
    pub fn of<B>(request: &Request<B>) -> Option<&Self> {
        request.extensions().get()
    }

    /// Where it goes.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The place of its route in [`TrafficSplitPolicy::routes`](super::TrafficSplitPolicy::routes).
    #[must_use]
    pub const fn route(&self) -> usize {
        self.route
    }

    /// The name of its route, if that has one.
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
