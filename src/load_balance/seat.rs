use std::sync::Arc;

use crate::base::{Endpoint, EndpointObserver};

/// An endpoint as a table has it, and who hears of it.
///
/// A ticket holds this and not the observer itself: that one is the same for all endpoints, so counting
/// its holders would be a word that all threads write.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) endpoint: Endpoint,
    pub(super) observer: Option<Arc<dyn EndpointObserver>>,
}

/// A request that is sent to an endpoint, until the end of its response.
#[derive(Debug)]
pub(super) struct Seated(Arc<Seat>);

impl Seated {
    pub(super) fn at(seat: &Arc<Seat>) -> Self {
        seat.endpoint.enter();
        Self(Arc::clone(seat))
    }

    pub(super) fn seat(&self) -> &Seat {
        &self.0
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.0.endpoint.leave();
    }
}
