use std::sync::Arc;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::MonotonicClock;
use meshless::rate_limit::{ClientAddress, Key, RateLimitLayer, RateLimitPolicy};
use tower::{Layer, Service, ServiceBuilder, service_fn};
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::{GlobalKeyExtractor, PeerIpKeyExtractor};

use crate::case::{Case, case, direct, from_peer, held_only};
use crate::load::{Load, load};
use crate::message::Req;
use crate::peers::{MANY, hourly, quota, tr_rate_limit};
use crate::upstream::Upstream;

const SECOND: Duration = Duration::from_secs(1);
const WORK: &str = "rate limit";
const KEYED: &str = "rate limit by address";
const BY_KEY: &str = "one key of 1 000 000, limiter alone";
const HOUR: Duration = Duration::from_hours(1);
const KEYS: u64 = 1_000_000;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = by_request();
    cases.extend(by_key());
    cases
}

fn by_request() -> Vec<Case> {
    vec![
        case(WORK, "meshless, token bucket", |upstream| {
            RateLimitLayer::new(bucket()).layer(upstream)
        }),
        case(WORK, "meshless, at most n", |upstream| {
            RateLimitLayer::new(RateLimitPolicy::per_second(u64::from(MANY))).layer(upstream)
        }),
        held_only(WORK, "tower (not `Clone`)", |upstream| {
            ServiceBuilder::new()
                .rate_limit(u64::from(MANY), SECOND)
                .service(upstream)
        }),
        case(WORK, "tower-resilience", |upstream| {
            tr_rate_limit().layer(upstream)
        }),
        case(WORK, "tower_governor, one key", |upstream| {
            let config = GovernorConfigBuilder::default()
                .per_nanosecond(1)
                .burst_size(MANY)
                .key_extractor(GlobalKeyExtractor)
                .finish()
                .expect("a policy");
            GovernorLayer::new(config).layer(upstream)
        }),
        case(WORK, "governor, by hand", |upstream| {
            checked(Arc::new(RateLimiter::direct(quota())), upstream)
        }),
        case(WORK, "governor, by hand, std's clock", |upstream| {
            let limiter = RateLimiter::direct_with_clock(quota(), MonotonicClock);
            checked(Arc::new(limiter), upstream)
        }),
        from_peer(KEYED, "meshless, token bucket", |upstream| {
            let policy = bucket().with_key(Key::client_address(ClientAddress::peer()));
            RateLimitLayer::new(policy).layer(upstream)
        }),
        from_peer(KEYED, "tower_governor", |upstream| {
            let config = GovernorConfigBuilder::default()
                .per_nanosecond(1)
                .burst_size(MANY)
                .key_extractor(PeerIpKeyExtractor)
                .finish()
                .expect("a policy");
            GovernorLayer::new(config).layer(upstream)
        }),
    ]
}

fn bucket() -> RateLimitPolicy {
    RateLimitPolicy::token_bucket(u64::from(MANY), u64::from(MANY), SECOND)
}

/// A key out of a million, each of which is known.
fn random(mut check: impl FnMut(u64) + 'static) -> Box<dyn Load> {
    (0..KEYS).for_each(&mut check);
    let mut dice = fastrand::Rng::with_seed(7);
    load(move || dice.u64(0..KEYS), check)
}

fn by_key() -> Vec<Case> {
    vec![
        direct(BY_KEY, "meshless", || {
            let limiter = meshless::rate_limit::RateLimiter::new(
                RateLimitPolicy::token_bucket(u64::from(MANY), 1, HOUR)
                    .with_max_keys(usize::try_from(KEYS).expect("it fits")),
            );
            random(move |key| drop(limiter.admit_for(&key, 1).expect("room")))
        }),
        direct(BY_KEY, "governor, DashMap", || {
            let limiter = RateLimiter::dashmap(hourly());
            random(move |key| limiter.check_key(&key).expect("room"))
        }),
        direct(BY_KEY, "governor, HashMap", || {
            let limiter = RateLimiter::hashmap(hourly());
            random(move |key| limiter.check_key(&key).expect("room"))
        }),
    ]
}

type Direct<C> = RateLimiter<
    governor::state::NotKeyed,
    governor::state::InMemoryState,
    C,
    governor::middleware::NoOpMiddleware<<C as governor::clock::Clock>::Instant>,
>;

/// Asks governor before each call.
fn checked<C: governor::clock::Clock>(
    limiter: Arc<Direct<C>>,
    mut upstream: Upstream,
) -> impl Service<Req, Response = crate::message::Res, Error: std::fmt::Debug> + Clone {
    service_fn(move |request: Req| {
        assert!(limiter.check().is_ok(), "the quota is too small");
        upstream.call(request)
    })
}
