use crate::policies::traffic_split::{Destination, HeaderOperations};

/// A destination and its share of the requests of a route.
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

    /// Sets what is done to the headers of requests that go there. The default is nothing.
    #[must_use]
    pub fn with_request_headers(mut self, operations: HeaderOperations) -> Self {
        self.request_headers = operations;
        self
    }

    /// Sets what is done to the headers of responses that come from there. The default is nothing.
    #[must_use]
    pub fn with_response_headers(mut self, operations: HeaderOperations) -> Self {
        self.response_headers = operations;
        self
    }

    /// The destination.
    #[must_use]
    pub const fn destination(&self) -> &Destination {
        &self.destination
    }

    /// The weight.
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
