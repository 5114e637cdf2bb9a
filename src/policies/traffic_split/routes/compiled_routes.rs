use std::sync::Arc;

use http::{Request, Response};

use crate::foundation::http::RequestHead;
use crate::foundation::outcome::{LocalReplyBody, Rejection};
use crate::policies::traffic_split::apply::{RouteOutcome, decide_by};
use crate::policies::traffic_split::machine::{Decision, Matched, RouteIndex, find_index};
use crate::policies::traffic_split::matching::match_input::MatchInput;
use crate::policies::traffic_split::response_actions::ResponseActions;
use crate::policies::traffic_split::{Route, TrafficSplitPolicy};

/// Compiled routes of one host. Routing takes two steps: find the route; then, once its limits and
/// faults have admitted the request, choose the destination and apply the rewrites.
#[derive(Debug)]
pub(crate) struct CompiledRoutes {
    policy: TrafficSplitPolicy,
    routes: Box<[Route]>,
}

/// Finds the first of some routes that a request fits, as [`CompiledRoutes::find`] would.
pub(crate) fn find_first<'r>(
    routes: impl IntoIterator<Item = &'r Route>,
    head: RequestHead<'_>,
) -> Option<RouteIndex> {
    let policy = TrafficSplitPolicy::off().with_normalized_paths(true);
    find_index(routes, &MatchInput::of(head, &policy))
}

/// Returns what is done to the headers of an answer that is given in place of an upstream's to a request
/// which takes `route`, found at `place`; nothing if that is nothing.
pub(crate) fn local_reply(
    route: &Route,
    place: RouteIndex,
    head: RequestHead<'_>,
    random: impl FnOnce() -> u64,
) -> Option<ResponseActions> {
    if !route.changes_responses() {
        return None;
    }
    let policy = TrafficSplitPolicy::off();
    let input = MatchInput::of(head, &policy);
    Some(
        match Matched::from_index(place, route).decide(&input, random()) {
            Decision::Forward(choice) => ResponseActions::new(choice, head).without_cookie(),
            _ => ResponseActions::of_route(route, head),
        },
    )
}

/// Action of a route for one request.
pub(crate) enum RouteAction {
    LocalReply(Response<LocalReplyBody>),
    /// Forwards the request to the route's destination with this index.
    Forward(usize, ResponseActions),
    Reject(Rejection),
}

impl CompiledRoutes {
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

    pub(crate) fn find(&self, head: RequestHead<'_>) -> Option<RouteIndex> {
        find_index(&self.routes, &MatchInput::of(head, &self.policy))
    }

    /// Returns what is done to the headers of an answer that is given in place of an upstream's to a request
    /// which takes the route at `place`; nothing if that is nothing.
    pub(crate) fn local_reply(
        &self,
        place: RouteIndex,
        head: RequestHead<'_>,
        random: impl FnOnce() -> u64,
    ) -> Option<ResponseActions> {
        local_reply(self.routes.get(place.route)?, place, head, random)
    }

    /// Decides about a request that takes the route at `place`, and changes it; `roll` is 64 random
    /// bits.
    pub(crate) fn apply<B>(
        &self,
        place: RouteIndex,
        request: &mut Request<B>,
        random: u64,
    ) -> RouteAction {
        self.apply_by(place, request, |matched, input| {
            matched.decide(input, random)
        })
    }

    /// Changes a request that takes the route at `place` as if the destination at `index` had been chosen.
    pub(crate) fn apply_for<B>(
        &self,
        place: RouteIndex,
        request: &mut Request<B>,
        index: usize,
    ) -> RouteAction {
        self.apply_by(place, request, |matched, _| {
            matched.decide_for(index).unwrap_or(Decision::NoRoute)
        })
    }

    fn apply_by<B>(
        &self,
        place: RouteIndex,
        request: &mut Request<B>,
        decide: impl for<'p> FnOnce(Matched<'p>, &MatchInput<'_>) -> Decision<'p>,
    ) -> RouteAction {
        let Some(route) = self.routes.get(place.route) else {
            return RouteAction::Reject(Rejection::NoRoute);
        };
        let matched = Matched::from_index(place, route);
        let choose = |input: &MatchInput<'_>| decide(matched, input);
        match decide_by(&self.policy, request, choose, |_| None) {
            RouteOutcome::LocalReply(response) => RouteAction::LocalReply(response),
            RouteOutcome::Forward {
                choice,
                response_actions,
                ..
            } => RouteAction::Forward(choice.destination_index(), response_actions),
            RouteOutcome::PassThrough => RouteAction::Reject(Rejection::NoRoute),
            RouteOutcome::Reject(rejection) => RouteAction::Reject(rejection),
        }
    }
}
