//! What stands around the routes of every service.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::Router;
use axum::routing::MethodRouter;
use ipnet::{IpNet, Ipv4Net};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use meshless::rate_limit::ClientAddress;
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};

use super::Site;
use crate::args::Part;
use crate::world::Settings;

/// How many requests a service works on at once.
pub(crate) const ROUTES_IN_FLIGHT: u32 = 32;

/// How many pictures a caller may have analysed in a minute.
pub(crate) const ANALYSES: u64 = 10;

/// Puts the crate around all routes of a service: what the policies say of it, its trace and its callers'
/// deadlines; and inside of that what no document can say: how many at once, and how long at the most.
pub(super) fn around(router: Router, site: &Site) -> Router {
    let settings = site.settings;
    let timeout = TimeoutPolicy::total(Duration::from_secs(30));
    let timeout = settings.policy(Part::Timeout, timeout, TimeoutPolicy::off());
    let limit = ConcurrencyLimitPolicy::new(ROUTES_IN_FLIGHT);
    // The last one is the outermost.
    router
        .layer(TimeoutLayer::new(timeout))
        .layer(ConcurrencyLimitLayer::new(limit))
        .layer(site.workload.server())
}

/// Limits how often a route may be called in a minute, each caller by itself.
pub(crate) fn per_caller<S>(route: MethodRouter<S>, settings: Settings) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
{
    // The gateway runs on this machine. Other callers are identified by the address of the
    // connection, whatever `X-Forwarded-For` contains.
    let gateway = IpNet::from(IpAddr::from(Ipv4Addr::LOCALHOST));
    let everyone = IpNet::from(Ipv4Net::default());
    let trusted = settings.policy(Part::Key, gateway, everyone);
    let caller = ClientAddress::peer().trusting([trusted]);
    let policy = RateLimitPolicy::at_most(ANALYSES, settings.scale.minute())
        .with_key(Key::client_address(caller));
    let policy = settings.policy(Part::RateLimit, policy, RateLimitPolicy::off());
    route.layer(RateLimitLayer::new(policy))
}
