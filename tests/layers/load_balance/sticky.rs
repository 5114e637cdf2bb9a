//! The same endpoint for the same key.

use meshless::rate_limit::ClientAddress;
use meshless::rate_limit::PeerAddress;

use super::*;

const USER: HeaderName = HeaderName::from_static("x-user");

fn by_user() -> LoadBalancePolicy {
    LoadBalancePolicy::consistent_hash(HashPolicy::header(USER))
}

fn of_user(user: usize) -> Request<Empty<Bytes>> {
    let mut request = request();
    request.headers_mut().insert(USER, HeaderValue::from(user));
    request
}

/// Which endpoint each of these users gets.
async fn homes(layer: &LoadBalanceLayer, users: usize) -> Vec<String> {
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    for user in 0..users {
        call(&mut service, of_user(user)).await.unwrap();
    }
    echo.addresses()
}

#[tokio::test(start_paused = true)]
async fn a_user_stays_and_the_users_are_shared_by_weight() {
    let layer = LoadBalanceLayer::new(by_user().with_min_ring_size(8_192), weighted(&[1, 1, 2]));
    let first = homes(&layer, 4_000).await;
    let other_process =
        LoadBalanceLayer::new(by_user().with_min_ring_size(8_192), weighted(&[1, 1, 2]));
    assert_eq!(homes(&other_process, 4_000).await, first);
    let heavy = first.iter().filter(|a| *a == "10.0.0.2:80").count();
    assert!((1_850..2_150).contains(&heavy), "{heavy} of 4,000");
}

#[tokio::test(start_paused = true)]
async fn who_joins_or_leaves_moves_its_own_share_only() {
    let all = endpoints(4);
    let layer = LoadBalanceLayer::new(by_user(), all.clone());
    let before = homes(&layer, 4_000).await;
    all.update((0..5).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
    let after = homes(&layer, 4_000).await;
    let moved: Vec<_> = before.iter().zip(&after).filter(|(a, b)| a != b).collect();
    assert!(moved.iter().all(|(_, new)| *new == "10.0.0.4:80"));
    assert!(
        (640..960).contains(&moved.len()),
        "{} of 4,000",
        moved.len()
    );
    all.update((0..4).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
    assert_eq!(homes(&layer, 4_000).await, before, "as if nothing had been");
}

#[tokio::test(start_paused = true)]
async fn a_retry_stays_with_the_user_unless_told_otherwise() {
    for (elsewhere, expected) in [(None, 1), (Some(true), 3)] {
        let mut policy = by_user();
        if let Some(elsewhere) = elsewhere {
            policy = policy.with_retries_elsewhere(elsewhere);
        }
        let echo = Echo::default();
        echo.will(&[StatusCode::SERVICE_UNAVAILABLE; 2]);
        let retry = retry(2);
        let mut service =
            retry.layer(LoadBalanceLayer::new(policy, endpoints(3)).layer(echo.clone()));
        call(&mut service, of_user(1)).await.unwrap();
        assert_eq!(echo.counts().len(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cookie_is_made_for_who_has_none_and_leads_back() {
    let cookie = HashCookie::new("session")
        .with_ttl(60 * SECOND)
        .with_path("/");
    let policy = LoadBalancePolicy::consistent_hash(HashPolicy::cookie(cookie));
    let layer = LoadBalanceLayer::new(policy, endpoints(5));
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    for _ in 0..20 {
        let response = call(&mut service, request()).await.unwrap();
        let given = response.headers()[header::SET_COOKIE]
            .to_str()
            .unwrap()
            .to_owned();
        let (pair, attributes) = given.split_once("; ").unwrap();
        assert_eq!(attributes, "Max-Age=60; Path=/; HttpOnly");
        let mut again = request();
        let pair = HeaderValue::from_str(pair).unwrap();
        again.headers_mut().insert(header::COOKIE, pair);
        let response = call(&mut service, again).await.unwrap();
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        let addresses = echo.addresses();
        let [.., first, second] = addresses.as_slice() else {
            unreachable!()
        };
        assert_eq!(first, second);
    }
    assert!(echo.counts().len() > 2);
}

#[tokio::test(start_paused = true)]
async fn an_address_and_a_query_parameter_are_keys_too() {
    let address = HashPolicy::client_address(ClientAddress::peer());
    let policy = LoadBalancePolicy::consistent_hash(HashPolicy::query("user").or(address));
    let echo = Echo::default();
    let mut service = LoadBalanceLayer::new(policy, endpoints(5)).layer(echo.clone());
    for _ in 0..10 {
        let mut by_address = request();
        let peer = std::net::IpAddr::from([10, 1, 2, 3]);
        by_address.extensions_mut().insert(PeerAddress(peer));
        call(&mut service, by_address).await.unwrap();
    }
    assert_eq!(echo.counts().len(), 1);
    for _ in 0..10 {
        let uri = "http://users/path?user=7";
        let by_query = Request::get(uri).body(Empty::<Bytes>::new()).unwrap();
        call(&mut service, by_query).await.unwrap();
    }
    assert!(echo.counts().len() <= 2);
    for _ in 0..200 {
        call(&mut service, request()).await.unwrap();
    }
    assert_eq!(echo.counts().len(), 5, "without a key by chance");
}

#[tokio::test(start_paused = true)]
async fn all_values_of_a_header_are_the_key_whatever_their_order() {
    let layer = LoadBalanceLayer::new(by_user(), endpoints(8));
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    for values in [
        &["1", "2"][..],
        &["2", "1"],
        &["1", "3"],
        &["1", "4"],
        &["1", "5"],
    ] {
        let mut request = request();
        for value in values {
            request
                .headers_mut()
                .append(USER, HeaderValue::from_static(value));
        }
        call(&mut service, request).await.unwrap();
    }
    let addresses = echo.addresses();
    assert_eq!(addresses[0], addresses[1], "the order does not matter");
    assert!(
        addresses[2..].iter().any(|other| *other != addresses[0]),
        "the second value does"
    );
}
