#[cfg(feature = "serde")]
mod config;

use crate::policies::traffic_split::{Destination, HeaderOperations};

/// Destination with its share of the requests of a route.
#[derive(Clone, Debug)]
pub struct WeightedDestination {
    destination: Destination,
    pub(in crate::policies::traffic_split) request_headers: HeaderOperations,
    pub(in crate::policies::traffic_split) response_headers: HeaderOperations,
    pub(in crate::policies::traffic_split) weight: u32,
}

impl WeightedDestination {
    /// Creates a destination that gets `weight` of the sum of all weights; 0 gets no request.
    #[must_use]
    pub fn new(destination: Destination, weight: u32) -> Self {
        Self {
            destination,
            request_headers: HeaderOperations::default(),
            response_headers: HeaderOperations::default(),
            weight,
        }
    }

    /// Sets the changes to the headers of requests to this destination. The default is none.
    #[must_use]
    pub fn with_request_headers(mut self, operations: HeaderOperations) -> Self {
        self.request_headers = operations;
        self
    }

    /// Sets the changes to the headers of responses from this destination. The default is none.
    #[must_use]
    pub fn with_response_headers(mut self, operations: HeaderOperations) -> Self {
        self.response_headers = operations;
        self
    }

    /// Returns the destination.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Returns the weight.
    #[must_use]
    pub const fn weight(&self) -> u32 {
        self.weight
    }
}

impl From<(Destination, u32)> for WeightedDestination {
    fn from((destination, weight): (Destination, u32)) -> Self {
        Self::new(destination, weight)
    }
}
