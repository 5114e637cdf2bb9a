//! Routing as a pure function of the policy, a request's head and 64 random bits.

use http::HeaderValue;

use super::matching::match_input::MatchInput;
use super::routes::route::{RouteTarget, Split};
use super::{
    Destination, DirectResponse, HashCookie, Match, PathMatch, Redirect, Route, TrafficSplitPolicy,
    VirtualHost, WeightedDestination,
};
use crate::foundation::http::RequestHead;
use crate::foundation::http::hash_cookie::CookieValue;

/// Routing decision for a request.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'p> {
    /// The route answers without an upstream.
    DirectResponse(Matched<'p>, &'p DirectResponse),
    /// The request is sent to a destination.
    Forward(Choice<'p>),
    /// The host is known, and none of its routes matches.
    NoRoute,
    /// The host is unknown, and the request passes unchanged.
    PassThrough,
    /// The caller is redirected to another location.
    Redirect(Matched<'p>, &'p Redirect),
}

/// Route that matched a request.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'p> {
    index: usize,
    matching: Option<&'p Match>,
    route: &'p Route,
}

/// Destination that was chosen for a request.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'p> {
    new_cookie: NewCookie<'p>,
    index: usize,
    matched: Matched<'p>,
    split: &'p Split,
}

impl TrafficSplitPolicy {
    /// Routes a request; `random` is 64 random bits.
    ///
    /// The layers use this function. It does not allocate, unless a path has to be normalized.
    #[must_use]
    pub fn choose(&self, head: RequestHead<'_>, random: u64) -> Decision<'_> {
        choose(self, &MatchInput::of(head, self), random)
    }
}

pub(super) fn choose<'p>(
    policy: &'p TrafficSplitPolicy,
    input: &MatchInput<'_>,
    random: u64,
) -> Decision<'p> {
    let Some((first, host)) = policy.find_host(input.addressed().authority) else {
        return if policy.rejects_unknown_hosts() {
            Decision::NoRoute
        } else {
            Decision::PassThrough
        };
    };
    match find_route(host, first, input) {
        Some(matched) => matched.decide(input, random),
        None => Decision::NoRoute,
    }
}

impl<'p> Matched<'p> {
    /// Restores the match of a route from its index.
    pub(super) fn from_index(place: RouteIndex, route: &'p Route) -> Self {
        Self {
            index: place.route,
            matching: place.matching.and_then(|place| route.matches().get(place)),
            route,
        }
    }

    /// Decides about a request that matched this route.
    pub(super) fn decide(self, input: &MatchInput<'_>, random: u64) -> Decision<'p> {
        let matched = self;
        match &matched.route.action {
            RouteTarget::DirectResponse(response) => Decision::DirectResponse(matched, response),
            RouteTarget::Redirect(redirect) => Decision::Redirect(matched, redirect),
            RouteTarget::Forward(split) => {
                let (index, new_cookie) = pick(matched.route, split, input.head, random);
                Decision::Forward(Choice {
                    new_cookie,
                    index,
                    matched,
                    split,
                })
            }
        }
    }
}

#[cfg(feature = "istio")]
impl<'p> Matched<'p> {
    /// Decides about a request as if it went to the destination at `index`; `None` if there is none.
    pub(super) fn decide_for(self, index: usize) -> Option<Decision<'p>> {
        let RouteTarget::Forward(split) = &self.route.action else {
            return None;
        };
        split.destinations.get(index)?;
        Some(Decision::Forward(Choice {
            new_cookie: None,
            index,
            matched: self,
            split,
        }))
    }
}

/// Index of a route, and of the match that applied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct RouteIndex {
    pub(crate) route: usize,
    /// `None` for a route without matches.
    pub(crate) matching: Option<usize>,
}

/// Finds the first of some routes that a request fits.
pub(super) fn find_index<'r>(
    routes: impl IntoIterator<Item = &'r Route>,
    input: &MatchInput<'_>,
) -> Option<RouteIndex> {
    routes.into_iter().enumerate().find_map(|(route, one)| {
        let matches = one.matches();
        let matching = matches.iter().position(|matching| matching.matches(input));
        // A route without matches accepts every request.
        (matches.is_empty() || matching.is_some()).then_some(RouteIndex { route, matching })
    })
}

/// Cookie to set for a user without one, with its value.
type NewCookie<'p> = Option<(&'p HashCookie, CookieValue)>;

fn pick<'p>(
    route: &'p Route,
    split: &Split,
    head: RequestHead<'_>,
    random: u64,
) -> (usize, NewCookie<'p>) {
    let Some(hash_policy) = &route.hash_policy else {
        return (split.weights.by_random(random), None);
    };
    if let Some(key) = hash_policy.hash(head) {
        return (split.weights.by_hash(key), None);
    }
    // A user without the cookie is hashed by the new value, so that later requests agree with this
    // one.
    match hash_policy.new_cookie(random) {
        Some((key, cookie, value)) => (split.weights.by_hash(key), Some((cookie, value))),
        None => (split.weights.by_random(random), None),
    }
}

fn find_route<'p>(
    host: &'p VirtualHost,
    first: usize,
    input: &MatchInput<'_>,
) -> Option<Matched<'p>> {
    let place = find_index(host.routes(), input)?;
    let matched = Matched::from_index(place, &host.routes()[place.route]);
    Some(Matched {
        index: first + place.route,
        ..matched
    })
}

impl<'p> Matched<'p> {
    /// Returns the index of the route in [`TrafficSplitPolicy::routes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// Returns the route.
    #[must_use]
    pub const fn route(self) -> &'p Route {
        self.route
    }

    pub(super) fn path(self) -> Option<&'p PathMatch> {
        self.matching?.path()
    }
}

impl<'p> Choice<'p> {
    /// Returns the destination.
    #[must_use]
    pub fn destination(self) -> &'p Destination {
        self.weighted().destination()
    }

    /// Returns the index of the destination among those of its route.
    #[must_use]
    pub const fn destination_index(self) -> usize {
        self.index
    }

    /// Returns the matched route.
    #[must_use]
    pub const fn matched(self) -> Matched<'p> {
        self.matched
    }

    /// Returns the `Set-Cookie` header that keeps a user without a cookie on this destination.
    #[must_use]
    pub fn set_cookie(self) -> Option<HeaderValue> {
        let (cookie, value) = self.new_cookie?;
        cookie.set_cookie(value.as_str())
    }

    pub(super) const fn rewrites_host(self) -> bool {
        self.matched.route.rewrite.authority.is_some()
    }

    pub(super) fn weighted(self) -> &'p WeightedDestination {
        &self.split.destinations[self.index]
    }
}
