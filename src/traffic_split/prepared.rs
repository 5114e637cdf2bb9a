use std::sync::Arc;

use http::{Request, Response};

use super::apply::{Next, decide_by};
use super::machine::{Decision, Matched, Place, find_place};
use super::on_response::OnResponse;
use super::view::View;
use super::{Route, TrafficSplitPolicy};
use crate::base::{Answer, Rejection, RequestHead};

/// The routes of one host, gone through in two steps: which one a request takes, and, when that route's
/// own limits and faults have let it through, what becomes of it.
#[derive(Debug)]
pub(crate) struct Prepared {
    policy: TrafficSplitPolicy,
    routes: Box<[Route]>,
}

/// Finds the first of some routes that a request fits, as [`Prepared::find`] would.
pub(crate) fn find_first<'r>(
    routes: impl IntoIterator<Item = &'r Route>,
    head: RequestHead<'_>,
) -> Option<Place> {
    let policy = TrafficSplitPolicy::off().with_normalized_paths(true);
    find_place(routes, &View::of(head, &policy))
}

/// Returns what is done to the headers of an answer that is given in place of an upstream's to a request
/// which takes `route`, found at `place`; nothing if that is nothing.
pub(crate) fn local_reply(
    route: &Route,
    place: Place,
    head: RequestHead<'_>,
    roll: impl FnOnce() -> u64,
) -> Option<OnResponse> {
    if !route.changes_responses() {
        return None;
    }
    let policy = TrafficSplitPolicy::off();
    let view = View::of(head, &policy);
    Some(match Matched::again(place, route).decide(&view, roll()) {
        Decision::Forward(choice) => OnResponse::to(choice, head).without_cookie(),
        _ => OnResponse::of_route(route, head),
    })
}

/// What becomes of a request.
pub(crate) enum Act {
    Answer(Response<Answer>),
    /// It goes to this one of the route's destinations.
    Forward(usize, OnResponse),
    Reject(Rejection),
}

impl Prepared {
    pub(crate) fn new(routes: impl IntoIterator<Item = Route>, normalized_paths: bool) -> Self {
        Self {
            policy: TrafficSplitPolicy::off().with_normalized_paths(normalized_paths),
            routes: routes.into_iter().collect(),
        }
    }

    /// Sets the ports that count in place of the one that a request names.
    pub(crate) fn at_ports(mut self, ports: Option<Arc<[u16]>>) -> Self {
        self.policy.set_ports(ports);
        self
    }

    pub(crate) fn find(&self, head: RequestHead<'_>) -> Option<Place> {
        find_place(&self.routes, &View::of(head, &self.policy))
    }

    /// Returns what is done to the headers of an answer that is given in place of an upstream's to a request
    /// which takes the route at `place`; nothing if that is nothing.
    pub(crate) fn local_reply(
        &self,
        place: Place,
        head: RequestHead<'_>,
        roll: impl FnOnce() -> u64,
    ) -> Option<OnResponse> {
        local_reply(self.routes.get(place.route)?, place, head, roll)
    }

    /// Decides about a request that takes the route at `place`, and changes it; `roll` is 64 random
    /// bits.
    pub(crate) fn act<B>(&self, place: Place, request: &mut Request<B>, roll: u64) -> Act {
        let Some(route) = self.routes.get(place.route) else {
            return Act::Reject(Rejection::NoRoute);
        };
        let matched = Matched::again(place, route);
        let choose = |view: &View<'_>| matched.decide(view, roll);
        match decide_by(&self.policy, request, choose, |_| None) {
            Next::Answer(response) => Act::Answer(response),
            Next::Forward {
                choice,
                on_response,
                ..
            } => Act::Forward(choice.destination_index(), on_response),
            Next::PassThrough => Act::Reject(Rejection::NoRoute),
            Next::Reject(rejection) => Act::Reject(rejection),
        }
    }
}
