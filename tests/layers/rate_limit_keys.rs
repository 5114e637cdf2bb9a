//! Whom a rate limit counts for.

use std::hash::Hash;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use http::{HeaderName, Method, Request, StatusCode};
use meshless::rate_limit::PeerAddress;
use meshless::rate_limit::UnixPeer;
use meshless::rate_limit::{ClientAddress, ForwardedHeader, Key, RateLimitLayer, RateLimitPolicy};
use tower::Layer;

use crate::support::{Upstream, call};

/// A request from `peer` with these headers.
fn from(peer: &str, headers: &[(&'static str, &'static str)]) -> Request<()> {
    let mut request = Request::new(());
    let peer: IpAddr = peer.parse().unwrap();
    request.extensions_mut().insert(PeerAddress(peer));
    for (name, value) in headers {
        let name = HeaderName::from_static(name);
        request.headers_mut().append(name, value.parse().unwrap());
    }
    request
}

/// Says for each request whether it is let in, one being allowed per key.
async fn passed(key: Key, requests: impl IntoIterator<Item = Request<()>>) -> Vec<bool> {
    let layer = RateLimitLayer::new(RateLimitPolicy::per_minute(1).with_key(key));
    let mut passed = Vec::new();
    for request in requests {
        // A service for each, as for each of a server's connections.
        let response = call(&mut layer.layer(Upstream::new()), request).await;
        passed.push(response.unwrap().status() == StatusCode::OK);
    }
    passed
}

fn address(policy: ClientAddress) -> Key {
    Key::client_address(policy)
}

/// Trusts the proxies of these tests.
fn behind_proxies() -> ClientAddress {
    let networks = ["10.0.0.0/8", "fd00::/8"];
    ClientAddress::peer().trusting(networks.map(|network| network.parse().unwrap()))
}

#[tokio::test(start_paused = true)]
async fn each_address_has_a_limit_of_its_own_and_an_ipv6_network_is_one_caller() {
    let peers = [
        ("192.0.2.1", true),
        ("192.0.2.1", false),
        ("192.0.2.2", true),
        ("::ffff:192.0.2.2", false),
        ("2001:db8:0:1::1", true),
        ("2001:db8:0:1:ffff::2", false),
        ("2001:db8:0:2::1", true),
    ];
    let requests = peers.map(|(peer, _)| from(peer, &[]));
    let expected = peers.map(|(_, passes)| passes);
    assert_eq!(
        passed(address(ClientAddress::peer()), requests).await,
        expected
    );

    let exact = ClientAddress::peer().with_ipv6_prefix(128);
    let requests = [from("2001:db8::1", &[]), from("2001:db8::2", &[])];
    assert_eq!(passed(address(exact), requests).await, [true, true]);
}

#[tokio::test(start_paused = true)]
async fn a_spoofed_x_forwarded_for_gains_nothing() {
    const SPOOFS: [&str; 4] = ["1.1.1.1", "2.2.2.2", "10.0.0.9", "garbage"];
    // Straight from the caller, whom nobody trusts.
    for policy in [ClientAddress::peer(), behind_proxies()] {
        let requests = SPOOFS.map(|spoof| from("192.0.2.1", &[("x-forwarded-for", spoof)]));
        assert_eq!(
            passed(address(policy), requests).await,
            [true, false, false, false]
        );
    }
    // Through a proxy that adds whom it saw, in the same line or in one of its own.
    let requests = SPOOFS.map(|spoof| {
        let mut request = from("10.0.0.1", &[("x-forwarded-for", spoof)]);
        let seen = "192.0.2.1".parse().unwrap();
        request.headers_mut().append("x-forwarded-for", seen);
        request
    });
    assert_eq!(
        passed(address(behind_proxies()), requests).await,
        [true, false, false, false]
    );
    // With the header that the proxy does not write: it passes on what the caller made up.
    for policy in [
        behind_proxies(),
        behind_proxies().with_header(ForwardedHeader::XForwardedFor),
    ] {
        let requests = SPOOFS.map(|spoof| {
            let mut request = from("10.0.0.1", &[("x-forwarded-for", "192.0.2.1")]);
            let forwarded = format!("for={spoof}").parse().unwrap();
            request.headers_mut().append("forwarded", forwarded);
            request
        });
        assert_eq!(
            passed(address(policy), requests).await,
            [true, false, false, false]
        );
    }
}

#[test]
fn the_caller_is_the_right_most_hop_that_is_not_trusted() {
    let cases: [(&[(&str, &str)], &str); 20] = [
        (&[], "10.0.0.1"),
        (&[("x-forwarded-for", "192.0.2.1")], "192.0.2.1"),
        (
            &[("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.2.0.3")],
            "192.0.2.1",
        ),
        (
            &[
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-for", "192.0.2.1"),
            ],
            "192.0.2.1",
        ),
        (
            &[
                ("x-forwarded-for", "192.0.2.1"),
                ("x-forwarded-for", "10.9.9.9"),
            ],
            "192.0.2.1",
        ),
        (&[("x-forwarded-for", "192.0.2.1:4711")], "192.0.2.1"),
        (&[("x-forwarded-for", "\"192.0.2.1\"")], "192.0.2.1"),
        (
            &[("x-forwarded-for", "2001:db8:1:2:3::4")],
            "2001:db8:1:2::",
        ),
        (
            &[("x-forwarded-for", "[2001:db8:1:2:3::4]")],
            "2001:db8:1:2::",
        ),
        (
            &[("x-forwarded-for", "[2001:db8:1:2:3::4]:80, fd00::1")],
            "2001:db8:1:2::",
        ),
        (&[("x-forwarded-for", "::ffff:192.0.2.1")], "192.0.2.1"),
        (
            &[("x-forwarded-for", "192.0.2.1, unknown, 10.0.0.7")],
            "10.0.0.1",
        ),
        (&[("x-forwarded-for", "192.0.2.1,")], "10.0.0.1"),
        (&[("x-forwarded-for", "10.0.0.8, 10.0.0.7")], "10.0.0.8"),
        (
            &[("forwarded", "for=192.0.2.1;proto=https;by=10.0.0.1")],
            "192.0.2.1",
        ),
        (
            &[("forwarded", "proto=http; For=\"[2001:db8:1:2:3::4]:80\"")],
            "2001:db8:1:2::",
        ),
        (
            &[(
                "forwarded",
                "for=6.6.6.6, for=192.0.2.1;host=\"a,b;for=7.7.7.7\"",
            )],
            "192.0.2.1",
        ),
        (&[("forwarded", "for=192.0.2.1, for=_hidden")], "10.0.0.1"),
        (
            &[("forwarded", "for=192.0.2.1, for=_hidden, for=10.0.0.7")],
            "10.0.0.1",
        ),
        (
            &[("forwarded", "for=192.0.2.1;host=\"\\\", for=6.6.6.6\"")],
            "10.0.0.1",
        ),
    ];
    for (headers, expected) in cases {
        let mut request = from("10.0.0.1", &[]);
        for (name, value) in headers {
            let name = HeaderName::try_from(*name).unwrap();
            request.headers_mut().append(name, value.parse().unwrap());
        }
        let found = behind_proxies().of(meshless::gate::RequestHead::of(&request));
        assert_eq!(found, Some(expected.parse().unwrap()), "{headers:?}");
    }
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn callers_whose_address_nobody_knows_share_one_limit_with_a_warning_and_a_count() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = crate::support::listen(subscriber);

    let policy = RateLimitPolicy::per_minute(2).with_key(address(behind_proxies()));
    let layer = RateLimitLayer::new(policy);
    let mut service = layer.layer(Upstream::new());
    for expected in [200, 200, 429] {
        let spoofed = Request::builder()
            .header("x-forwarded-for", "192.0.2.1")
            .body(())
            .unwrap();
        assert_eq!(
            call(&mut service, spoofed).await.unwrap().status(),
            expected
        );
    }
    assert_eq!(layer.stats().unknown_address, 3);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(text.contains("into_make_service_with_connect_info"));
    for (feature, is_missing) in [
        ("`axum`", !cfg!(feature = "axum")),
        ("`tonic`", !cfg!(feature = "tonic")),
    ] {
        let named = text.contains(&format!("enable meshless's feature {feature}"));
        assert_eq!(named, is_missing, "{text}");
    }
}

/// Requests over a Unix socket, with the addresses that its peer forwards.
fn over_unix_sockets() -> [Request<()>; 4] {
    ["192.0.2.1", "192.0.2.1", "192.0.2.2", "unreadable"].map(|client| {
        let mut request = Request::new(());
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", client.parse().unwrap());
        request.extensions_mut().insert(UnixPeer);
        request
    })
}

#[tokio::test(start_paused = true)]
async fn a_trusted_proxy_on_a_unix_socket_forwards_the_addresses_of_its_clients() {
    let trusting = address(ClientAddress::peer().trusting_unix_sockets());
    assert_eq!(
        passed(trusting, over_unix_sockets()).await,
        [true, false, true, true]
    );
}

#[tokio::test(start_paused = true)]
async fn an_untrusted_peer_on_a_unix_socket_is_advised_to_be_trusted() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .finish();
    let _guard = crate::support::listen(subscriber);
    assert_eq!(
        passed(address(behind_proxies()), over_unix_sockets()).await,
        [true, false, false, false]
    );
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert_eq!(text.matches("WARN").count(), 1, "{text}");
    assert!(text.contains("ClientAddress::trusting_unix_sockets"));
    assert!(!text.contains("into_make_service_with_connect_info"));
}

#[cfg(feature = "tonic")]
#[tokio::test(start_paused = true)]
async fn tonic_tells_the_peer() {
    use tonic::transport::server::TcpConnectInfo;

    let connected = |peer: &str| {
        let mut request = Request::new(());
        request.extensions_mut().insert(TcpConnectInfo {
            local_addr: None,
            remote_addr: Some(peer.parse().unwrap()),
        });
        request
    };
    let peers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"].map(connected);
    assert_eq!(
        passed(address(ClientAddress::peer()), peers).await,
        [true, false, true]
    );
}

#[cfg(all(feature = "tonic", unix))]
#[tokio::test(start_paused = true)]
async fn tonic_tells_that_the_peer_is_on_a_unix_socket() {
    use tonic::transport::server::UdsConnectInfo;

    let requests = over_unix_sockets().map(|mut request| {
        request.extensions_mut().clear();
        request.extensions_mut().insert(UdsConnectInfo {
            peer_addr: None,
            peer_cred: None,
        });
        request
    });
    let trusting = address(ClientAddress::peer().trusting_unix_sockets());
    assert_eq!(passed(trusting, requests).await, [true, false, true, true]);
}

#[cfg(feature = "axum")]
#[tokio::test(start_paused = true)]
async fn axum_tells_the_peer() {
    let connected = |peer: &str| {
        let mut request = Request::new(());
        let peer: SocketAddr = peer.parse().unwrap();
        request
            .extensions_mut()
            .insert(axum::extract::ConnectInfo(peer));
        request
    };
    let peers = ["192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:1"].map(connected);
    assert_eq!(
        passed(address(ClientAddress::peer()), peers).await,
        [true, false, true]
    );
}

#[test]
fn a_socket_address_is_a_peer_too() {
    let socket: SocketAddr = "192.0.2.1:80".parse().unwrap();
    assert_eq!(PeerAddress::from(socket), PeerAddress(socket.ip()));
}

#[tokio::test(start_paused = true)]
async fn headers_cookies_paths_methods_and_functions_are_keys() {
    let request = |method: Method, uri: &str, cookies: &[&str], key: &str| {
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("x-api-key", key);
        for cookie in cookies {
            request = request.header("cookie", *cookie);
        }
        request.body(()).unwrap()
    };
    let requests = || {
        [
            request(Method::GET, "/a?x=1", &["user=eve"], "k1"),
            request(
                Method::GET,
                "/a?x=2",
                &["a=b; user=\"eve\"; user=joe"],
                "k2",
            ),
            request(Method::POST, "/a", &["a=b", " user=joe"], "k1"),
            request(Method::POST, "/b", &["users=eve"], "k2"),
            request(Method::GET, "/b", &[], "k3"),
        ]
    };
    let query = |head: meshless::gate::RequestHead<'_>| head.uri().query().map(str::len);
    let cases = [
        (
            Key::header("x-api-key".parse().unwrap()),
            [true, true, false, false, true],
        ),
        (Key::cookie("user"), [true, false, true, true, false]),
        (Key::path(), [true, false, false, true, false]),
        (Key::method(), [true, false, true, false, false]),
        (Key::function(query), [true, false, true, false, false]),
        (
            Key::hashing(|head, hasher| head.uri().path().hash(hasher)),
            [true, false, false, true, false],
        ),
        (
            Key::all([Key::path(), Key::method()]),
            [true, false, true, true, true],
        ),
        (Key::global(), [true, false, false, false, false]),
        (Key::all([]), [true, false, false, false, false]),
    ];
    for (key, expected) in cases {
        assert_eq!(passed(key.clone(), requests()).await, expected, "{key:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_count_of_keys_is_bounded_and_a_flood_does_not_free_who_is_limited() {
    for policy in [
        RateLimitPolicy::per_minute(5),
        RateLimitPolicy::token_bucket(5, 5, std::time::Duration::from_secs(60)),
    ] {
        let layer = RateLimitLayer::new(policy.with_max_keys(1_000));
        let limiter = layer.limiter();
        while limiter.admit_for("victim", 1).is_ok() {}
        for key in 0..20_000_u32 {
            drop(limiter.admit_for(&key, 1).unwrap());
            // The flood comes later than what it is to drive out.
            tokio::time::advance(std::time::Duration::from_micros(100)).await;
        }
        assert!(limiter.admit_for("victim", 1).is_err());
        let evicted = layer.stats().evicted;
        assert!(
            (19_000..20_000).contains(&evicted),
            "{evicted} of 20 000 gave way"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_are_idle_make_room_without_being_missed() {
    let limiter = RateLimitLayer::new(RateLimitPolicy::per_second(1).with_max_keys(64));
    let limiter = limiter.limiter();
    for key in 0..10_000_u32 {
        drop(limiter.admit_for(&key, 1).unwrap());
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(limiter.stats().evicted, 0);
}

#[tokio::test(start_paused = true)]
async fn another_key_starts_anew_and_the_same_key_does_not() {
    let by_path = || RateLimitPolicy::per_minute(1).with_key(Key::path());
    let layer = RateLimitLayer::new(by_path());
    let mut service = layer.layer(Upstream::new());
    let mut status = async || call(&mut service, Request::new(())).await.unwrap().status();
    assert_eq!(status().await, StatusCode::OK);
    layer.reconfigure(by_path());
    assert_eq!(status().await, StatusCode::TOO_MANY_REQUESTS);
    layer.reconfigure(by_path().with_key(Key::method()));
    assert_eq!(status().await, StatusCode::OK);
}
