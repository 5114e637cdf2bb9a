use std::borrow::Cow;
use std::net::Ipv4Addr;
use std::time::Duration;

use http::{HeaderName, Request, header};
use meshless::gate::RequestHead;
use meshless::rate_limit::{ClientAddress, PeerAddress};
use meshless::traffic_split::{
    Decision, Destination, HashCookie, HashPolicy, Route, TrafficSplitPolicy,
};
use proptest::prelude::*;

use super::{request, subset, through, v1, v2, with};

const USER: HeaderName = HeaderName::from_static("user");
const USERS: usize = 2_000;

fn half(sticky: HashPolicy) -> TrafficSplitPolicy {
    let route = Route::split([(v1(), 1), (v2(), 1)]).unwrap();
    TrafficSplitPolicy::new([route.with_hash_policy(sticky)])
}

#[tokio::test]
async fn a_user_stays_on_one_version_by_whatever_key() {
    type Make = fn(usize) -> Request<()>;

    let by_function = HashPolicy::function(|head: RequestHead<'_>| {
        Some(Cow::Borrowed(head.uri().path().as_bytes()))
    });
    let cases: [(HashPolicy, Make); 5] = [
        (HashPolicy::client_address(ClientAddress::peer()), |n| {
            let address = Ipv4Addr::from(0x0a00_0000 + u32::try_from(n).unwrap());
            let mut request = request("/");
            request.extensions_mut().insert(PeerAddress(address.into()));
            request
        }),
        (HashPolicy::header(USER), |n| {
            with(request("/"), "user", &n.to_string())
        }),
        (HashPolicy::cookie("user"), |n| {
            with(request("/"), "cookie", &format!("a=b; user={n}"))
        }),
        (HashPolicy::query("user"), |n| {
            request(&format!("/?user={n}"))
        }),
        (by_function, |n| request(&format!("/{n}"))),
    ];
    for (sticky, make) in cases {
        let policy = half(sticky);
        let mut on_v2 = 0;
        for user in 0..100 {
            let first = subset(&policy, make(user)).await;
            for _ in 0..3 {
                assert_eq!(subset(&policy, make(user)).await, first);
            }
            on_v2 += usize::from(first.as_deref() == Some("v2"));
        }
        assert!((25..=75).contains(&on_v2), "{on_v2} of 100");
    }
}

#[tokio::test]
async fn a_request_without_the_key_goes_by_chance_or_by_the_next_key() {
    let policy = half(HashPolicy::header(USER).or(HashPolicy::cookie("user")));
    let cookie = || with(request("/"), "cookie", "user=jason");
    let first = subset(&policy, cookie()).await;
    let as_header = with(request("/"), "user", "jason");
    assert_eq!(subset(&policy, as_header).await, first);
    let mut seen = Vec::new();
    for _ in 0..64 {
        assert_eq!(subset(&policy, cookie()).await, first);
        seen.push(subset(&policy, request("/")).await);
    }
    assert!(seen.contains(&Some("v1".into())) && seen.contains(&Some("v2".into())));
}

#[tokio::test]
async fn a_user_without_a_cookie_is_given_one_that_leads_back() {
    let cookie = HashCookie::new("version")
        .with_ttl(Duration::ZERO)
        .with_path("/");
    let policy = half(HashPolicy::cookie(cookie));
    for _ in 0..32 {
        let (received, response) = through(policy.clone(), request("/")).await;
        let chosen = Destination::of(&received.unwrap()).unwrap().clone();
        let given = response.headers()[header::SET_COOKIE].to_str().unwrap();
        let (pair, attributes) = given.split_once("; ").unwrap();
        assert_eq!(attributes, "Path=/; HttpOnly");

        let again = with(request("/"), "cookie", pair);
        let (received, response) = through(policy.clone(), again).await;
        assert_eq!(Destination::of(&received.unwrap()), Some(&chosen));
        assert!(!response.headers().contains_key(header::SET_COOKIE));
    }
}

/// The choices below are what every process and every release has to make: users move if they
/// change. They were computed from the documented formula by a program in another language.
#[test]
fn the_hash_is_the_same_for_ever() {
    let policy = policy(&[70, 20, 10]);
    let chosen: Vec<_> = (0..20).map(|user| choose(&policy, user)).collect();
    let fixed = [0, 0, 0, 0, 2, 0, 0, 0, 1, 1, 0, 0, 0, 2, 2, 0, 1, 0, 2, 2];
    assert_eq!(chosen, fixed);
}

#[test]
fn the_same_destination_twice_gets_both_shares() {
    let route = Route::split([(v1(), 1), (v1(), 3)]).unwrap();
    let policy = TrafficSplitPolicy::new([route.with_hash_policy(HashPolicy::header(USER))]);
    let second = (0..USERS)
        .filter(|user| choose(&policy, *user) == 1)
        .count();
    assert!((1400..=1600).contains(&second), "{second} of {USERS}");
}

fn policy(weights: &[u32]) -> TrafficSplitPolicy {
    let weights = weights.iter().enumerate();
    let destinations = weights.map(|(n, weight)| (Destination::new(format!("v{n}")), *weight));
    let route = Route::split(destinations).unwrap();
    TrafficSplitPolicy::new([route.with_hash_policy(HashPolicy::header(USER))])
}

fn choose(policy: &TrafficSplitPolicy, user: usize) -> usize {
    let request = with(request("/"), "user", &format!("user-{user}"));
    match policy.choose(RequestHead::of(&request), 0) {
        Decision::Forward(choice) => choice.destination_index(),
        decision => unreachable!("{decision:?}"),
    }
}

fn all(weights: &[u32]) -> Vec<usize> {
    let policy = policy(weights);
    (0..USERS).map(|user| choose(&policy, user)).collect()
}

fn share(weights: &[u32], index: usize) -> f64 {
    f64::from(weights[index]) / f64::from(weights.iter().sum::<u32>())
}

/// Half the sum of the differences of the shares: the least that has to move.
fn change(old: &[u32], new: &[u32]) -> f64 {
    let differences = (0..old.len()).map(|n| (share(old, n) - share(new, n)).abs());
    differences.sum::<f64>() / 2.0
}

fn of_users(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / f64::from(u32::try_from(USERS).unwrap())
}

/// Four standard deviations of a share of that many users.
const TOLERANCE: f64 = 0.045;

fn weights() -> impl Strategy<Value = Vec<u32>> {
    let some = prop::collection::vec(0_u32..100, 2..6);
    some.prop_filter("one gets something", |weights| {
        weights.iter().any(|w| *w > 0)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_version_gets_its_share_of_users(weights in weights()) {
        let chosen = all(&weights);
        for index in 0..weights.len() {
            let found = of_users(chosen.iter().filter(|c| **c == index).count());
            prop_assert!((found - share(&weights, index)).abs() < TOLERANCE, "{index}: {found}");
            prop_assert!(weights[index] > 0 || found == 0.0);
        }
    }

    #[test]
    fn one_changed_weight_moves_its_own_share_and_nobody_else(
        old in weights(),
        index in any::<prop::sample::Index>(),
        weight in 0_u32..100,
    ) {
        let index = index.index(old.len());
        let mut new = old.clone();
        new[index] = weight;
        prop_assume!(new.iter().any(|weight| *weight > 0));
        let mut moved = 0;
        for (before, after) in all(&old).into_iter().zip(all(&new)) {
            if before != after {
                moved += 1;
                let (gains, loses) = (weight > old[index], weight < old[index]);
                prop_assert!(gains && after == index || loses && before == index);
            }
        }
        let (moved, change) = (of_users(moved), change(&old, &new));
        prop_assert!((moved - change).abs() < TOLERANCE, "{moved} moved, {change} had to");
    }

    #[test]
    fn two_versions_swap_no_more_users_than_they_have_to(a in 1_u32..100, b in 1_u32..100) {
        let (old, new) = ([a, 100 - a], [b, 100 - b]);
        let moves = all(&old).into_iter().zip(all(&new));
        let moved = of_users(moves.filter(|(before, after)| before != after).count());
        prop_assert!((moved - change(&old, &new)).abs() < TOLERANCE);
    }

    #[test]
    fn any_change_moves_no_more_than_the_bound((old, new) in weights().prop_flat_map(|old| {
        let new = prop::collection::vec(1_u32..100, old.len());
        (Just(old), new)
    })) {
        let moves = all(&old).into_iter().zip(all(&new));
        let moved = of_users(moves.filter(|(before, after)| before != after).count());
        let change = change(&old, &new);
        let bound = 2.0 * change / (1.0 + change);
        prop_assert!(moved < bound + TOLERANCE, "{moved} moved, {bound} at the most");
    }
}
