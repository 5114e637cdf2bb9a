use std::sync::Arc;

use crate::base::{Endpoint, EndpointObserver};

/// An endpoint as a table has it, and who hears of it.
///
/// A ticket holds this and not the observer itself: that one is the same for all endpoints, so counting
/// its holders would be a word that all threads write.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) endpoint: Endpoint,
    pub(super) observer: Arc<dyn EndpointObserver>,
}

/// A request that is sent to an endpoint, until the end of its response.
#[derive(Debug)]
pub(super) enum Seated {
    Unwatched(Endpoint),
    Watched(Arc<Seat>),
}

impl Seated {
    #[inline]
    pub(super) fn at(endpoint: &Endpoint, seat: Option<&Arc<Seat>>) -> Self {
        endpoint.enter();
        match seat {
            None => Self::Unwatched(endpoint.clone()),
            Some(seat) => Self::Watched(Arc::clone(seat)),
        }
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Unwatched(endpoint) => endpoint,
            Self::Watched(seat) => &seat.endpoint,
        }
    }

    pub(super) fn observer(&self) -> Option<&dyn EndpointObserver> {
        match self {
            Self::Unwatched(_) => None,
            Self::Watched(seat) => Some(&*seat.observer),
        }
    }
}

impl Drop for Seated {
    #[inline]
    fn drop(&mut self) {
        self.endpoint().leave();
    }
}
