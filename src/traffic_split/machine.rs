//! Chooses; a pure function of the policy, a request's head and 64 random bits.

use std::borrow::Cow;

use super::normalize::normalized;
use super::route::{Action, Split};
use super::{
    Destination, DirectResponse, Match, PathMatch, Redirect, Route, TrafficSplitPolicy,
    VirtualHost, WeightedDestination,
};
use crate::base::RequestHead;
use crate::base::authority::{authority, default_port, scheme, split_port};

/// What becomes of a request.
#[derive(Clone, Copy, Debug)]
pub enum Decision<'p> {
    /// The route answers by itself.
    DirectResponse(Matched<'p>, &'p DirectResponse),
    /// The request goes to a destination.
    Forward(Choice<'p>),
    /// The host is known, and none of its routes matches.
    NoRoute,
    /// The host is not known, and the request goes on as it came.
    PassThrough,
    /// The caller is sent to another address.
    Redirect(Matched<'p>, &'p Redirect),
}

/// The route that a request took.
#[derive(Clone, Copy, Debug)]
pub struct Matched<'p> {
    index: usize,
    matching: Option<&'p Match>,
    route: &'p Route,
}

/// The destination that a request goes to.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'p> {
    index: usize,
    matched: Matched<'p>,
    split: &'p Split,
}

impl TrafficSplitPolicy {
    /// Decides about a request; `roll` is 64 random bits.
    ///
    /// This is what the layers ask. It allocates nothing, unless a path has to be normalised.
    #[must_use]
    pub fn choose(&self, head: RequestHead<'_>, roll: u64) -> Decision<'_> {
        choose(self, &View::of(head, self), roll)
    }
}

pub(super) fn choose<'p>(
    policy: &'p TrafficSplitPolicy,
    view: &View<'_>,
    roll: u64,
) -> Decision<'p> {
    let Some((first, host)) = find_host(policy.hosts(), view.authority) else {
        return if policy.refuses_unknown_hosts() {
            Decision::NoRoute
        } else {
            Decision::PassThrough
        };
    };
    let Some(matched) = find_route(host, first, view) else {
        return Decision::NoRoute;
    };
    match &matched.route.action {
        Action::Answer(response) => Decision::DirectResponse(matched, response),
        Action::Redirect(redirect) => Decision::Redirect(matched, redirect),
        Action::Forward(split) => {
            let sticky = matched.route.sticky.as_ref();
            let index = match sticky.and_then(|sticky| sticky.hash(view.head)) {
                Some(key) => split.weights.by_key(key),
                None => split.weights.by_roll(roll),
            };
            Decision::Forward(Choice {
                index,
                matched,
                split,
            })
        }
    }
}

/// Finds the routes of the host, and the index of the first of them.
fn find_host<'p>(hosts: &'p [VirtualHost], authority: &str) -> Option<(usize, &'p VirtualHost)> {
    let mut first = 0;
    let mut found = None;
    for host in hosts {
        if let Some(pattern) = host.best(authority)
            && found.is_none_or(|(best, _, _)| pattern.specificity(best).is_gt())
        {
            found = Some((pattern, first, host));
        }
        first += host.routes().len();
    }
    found.map(|(_, first, host)| (first, host))
}

fn find_route<'p>(host: &'p VirtualHost, first: usize, view: &View<'_>) -> Option<Matched<'p>> {
    host.routes().iter().enumerate().find_map(|(index, route)| {
        let matching = match route.matches() {
            [] => None,
            matches => Some(matches.iter().find(|matching| matching.matches(view))?),
        };
        Some(Matched {
            index: first + index,
            matching,
            route,
        })
    })
}

impl<'p> Matched<'p> {
    /// The route's place in [`TrafficSplitPolicy::routes`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.index
    }

    /// The route.
    #[must_use]
    pub const fn route(self) -> &'p Route {
        self.route
    }

    pub(super) fn path(self) -> Option<&'p PathMatch> {
        self.matching?.path()
    }
}

impl<'p> Choice<'p> {
    /// The destination.
    #[must_use]
    pub fn destination(self) -> &'p Destination {
        self.weighted().destination()
    }

    /// The destination's place among those of its route.
    #[must_use]
    pub const fn destination_index(self) -> usize {
        self.index
    }

    /// The route.
    #[must_use]
    pub const fn matched(self) -> Matched<'p> {
        self.matched
    }

    pub(super) fn weighted(self) -> &'p WeightedDestination {
        &self.split.destinations[self.index]
    }
}

/// What matches look at, taken from a request once.
#[derive(Clone, Debug)]
pub(super) struct View<'a> {
    pub(super) authority: &'a str,
    pub(super) head: RequestHead<'a>,
    pub(super) host: &'a str,
    path: Cow<'a, str>,
    pub(super) port: u16,
    pub(super) scheme: &'a str,
}

impl<'a> View<'a> {
    pub(super) fn of(head: RequestHead<'a>, policy: &TrafficSplitPolicy) -> Self {
        let authority = authority(&head);
        let scheme = scheme(&head);
        let (host, port) = split_port(authority);
        let path = head.uri().path();
        Self {
            authority,
            head,
            host,
            path: if policy.normalizes_paths() {
                normalized(path)
            } else {
                Cow::Borrowed(path)
            },
            port: port.unwrap_or_else(|| default_port(scheme)),
            scheme,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn has_default_port(&self) -> bool {
        self.port == default_port(self.scheme)
    }

    /// Returns the normal form of a path that is not in it.
    pub(super) fn changed_path(&self) -> Option<&str> {
        match &self.path {
            Cow::Borrowed(_) => None,
            Cow::Owned(path) => Some(path),
        }
    }
}
