use http::HeaderName;
use meshless::Rejection;
use meshless::traffic_split::{
    HeaderMatch, HostPattern, Match, Route, StringMatch, TrafficSplitPolicy, VirtualHost,
};

use super::{request, subset, through, v1, v2, with};

/// Sends what fits to `v2`, and all else to `v1`.
fn v2_if(matching: Match) -> TrafficSplitPolicy {
    TrafficSplitPolicy::new([Route::to(v2()).with_match(matching), Route::to(v1())])
}

fn exact(text: &str) -> StringMatch {
    StringMatch::exact(text)
}

async fn assert_v2(matching: Match, cases: &[(http::Request<()>, bool)]) {
    let policy = v2_if(matching);
    for (request, expected) in cases {
        let mut copy = request_copy(request);
        *copy.headers_mut() = request.headers().clone();
        let subset = subset(&policy, copy).await.unwrap();
        assert_eq!(subset == "v2", *expected, "{request:?}");
    }
}

fn request_copy(request: &http::Request<()>) -> http::Request<()> {
    let builder = http::Request::builder().method(request.method());
    builder.uri(request.uri()).body(()).unwrap()
}

#[tokio::test]
async fn matches_are_alternatives_and_the_fields_of_one_hold_together() {
    let route = Route::to(v2())
        .with_match(
            Match::default()
                .with_path(exact("/a"))
                .with_method(exact("POST")),
        )
        .with_match(Match::default().with_path(StringMatch::prefix("/b")));
    let policy = TrafficSplitPolicy::new([route, Route::to(v1())]);
    let post = |uri: &str| {
        let mut request = request(uri);
        *request.method_mut() = http::Method::POST;
        request
    };
    for (request, expected) in [
        (post("/a?x=1"), "v2"),
        (request("/a"), "v1"),
        (post("/ab"), "v1"),
        (request("/bc/d"), "v2"),
    ] {
        assert_eq!(subset(&policy, request).await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn the_first_route_that_matches_is_taken() {
    let any = || Match::default();
    let policy = TrafficSplitPolicy::new([
        Route::to(v1()).with_match(any()),
        Route::to(v2()).with_match(any()),
    ]);
    assert_eq!(subset(&policy, request("/")).await.as_deref(), Some("v1"));
}

#[tokio::test]
async fn each_value_of_a_repeated_header_is_looked_at_by_itself() {
    let user = HeaderName::from_static("user");
    let two = || with(with(request("/"), "user", "jason"), "user", "eve");
    let is = |value: &str| HeaderMatch::new(user.clone(), exact(value));
    assert_v2(Match::default().with_header(is("jason")), &[(two(), true)]).await;
    assert_v2(
        Match::default().with_header(is("jason,eve")),
        &[(two(), false)],
    )
    .await;
    let without = HeaderMatch::without(user.clone(), exact("eve"));
    assert_v2(Match::default().with_header(without), &[(two(), false)]).await;
}

#[tokio::test]
async fn a_header_may_have_to_be_absent_or_different() {
    let user = HeaderName::from_static("user");
    let cases = |missing, a, b| {
        [
            (request("/"), missing),
            (with(request("/"), "user", "a"), a),
            (with(request("/"), "user", "b"), b),
        ]
    };
    for (matcher, expected) in [
        (HeaderMatch::present(user.clone()), cases(false, true, true)),
        (HeaderMatch::absent(user.clone()), cases(true, false, false)),
        (
            HeaderMatch::without(user.clone(), exact("a")),
            cases(true, false, true),
        ),
        (
            HeaderMatch::without(user.clone(), exact("")),
            cases(false, true, true),
        ),
        (
            HeaderMatch::new(user.clone(), exact("a")),
            cases(false, true, false),
        ),
        (
            HeaderMatch::new(user.clone(), exact("")),
            cases(false, false, false),
        ),
    ] {
        assert_v2(Match::default().with_header(matcher), &expected).await;
    }
}

#[tokio::test]
async fn cookies_are_found_by_name_in_every_header_and_without_quotes() {
    let cookie = |value: &str| with(request("/"), "cookie", value);
    let cases = [
        (cookie("a=b; user=jason"), true),
        (cookie("user=\"jason\"; a=b"), true),
        (with(cookie("a=b"), "cookie", "user=jason"), true),
        (cookie("user=eve; user=jason"), false),
        (cookie("xuser=jason"), false),
        (request("/"), false),
    ];
    assert_v2(Match::default().with_cookie("user", exact("jason")), &cases).await;

    let popular = StringMatch::regex("^(.*?;)?(user=jason)(;.*)?$").unwrap();
    let header = HeaderMatch::new(http::header::COOKIE, popular);
    let cases = [
        (cookie("a=b; user=jason"), false),
        (cookie("a=b;user=jason"), true),
        (with(cookie("a=b"), "cookie", "user=jason"), true),
    ];
    assert_v2(Match::default().with_header(header), &cases).await;
}

#[tokio::test]
async fn the_first_query_parameter_of_a_name_counts_and_is_not_decoded() {
    let cases = [
        (request("/?v=a"), true),
        (request("/?x=1&v=a&v=b"), true),
        (request("/?v=b&v=a"), false),
        (request("/?v=%61"), false),
        (request("/?v"), false),
        (request("/"), false),
    ];
    assert_v2(Match::default().with_query("v", exact("a")), &cases).await;
    let cases = [
        (request("/?v"), true),
        (request("/?v=1"), true),
        (request("/?w"), false),
    ];
    assert_v2(Match::default().with_query_present("v"), &cases).await;
}

#[tokio::test]
async fn the_authority_is_the_host_header_or_the_uri_s() {
    let cases = [
        (request("http://waste/"), true),
        (request("http://WASTE/"), true),
        (request("http://waste:80/"), true),
        (request("https://waste:443/"), true),
        (request("http://waste:8080/"), false),
        (with(request("/"), "host", "waste"), true),
        (with(request("http://10.0.0.1/"), "host", "waste"), true),
        (with(request("http://waste/"), "host", "other"), false),
        (request("/"), false),
    ];
    assert_v2(Match::default().with_authority(exact("waste")), &cases).await;
    let cases = [
        (request("http://waste:8080/"), true),
        (request("http://waste/"), false),
    ];
    assert_v2(Match::default().with_authority(exact("waste:8080")), &cases).await;
}

#[tokio::test]
async fn scheme_and_port_are_the_uri_s_or_what_a_proxy_says() {
    let proto = |value: &str| with(request("/"), "x-forwarded-proto", value);
    let cases = [
        (request("https://waste/"), true),
        (request("http://waste/"), false),
        (proto("https"), true),
        (proto("javascript"), false),
        (request("/"), false),
    ];
    assert_v2(Match::default().with_scheme(exact("https")), &cases).await;
    let cases = [
        (request("https://waste/"), true),
        (request("http://waste:443/"), true),
        (request("http://waste/"), false),
        (with(request("/"), "host", "waste:443"), true),
        (with(request("/"), "host", "[::1]:443"), true),
        (with(request("/"), "host", "[::443]"), false),
        (with(request("http://waste:443/"), "host", "public"), true),
    ];
    assert_v2(Match::default().with_port(443), &cases).await;
}

#[tokio::test]
async fn a_prefix_is_text_unless_it_is_one_of_segments() {
    use meshless::traffic_split::PathMatch;
    let cases = |v2x| {
        [
            (request("/v2"), true),
            (request("/v2/x"), true),
            (request("/v2x"), v2x),
        ]
    };
    assert_v2(
        Match::default().with_path(StringMatch::prefix("/v2")),
        &cases(true),
    )
    .await;
    assert_v2(
        Match::default().with_path(PathMatch::segments("/v2")),
        &cases(false),
    )
    .await;
    let all = [(request("/"), true), (request("/x"), true)];
    assert_v2(Match::default().with_path(PathMatch::segments("/")), &all).await;
}

#[tokio::test]
async fn paths_that_mean_the_same_match_the_same_and_go_on_as_one() {
    let policy = v2_if(Match::default().with_path(exact("/v2")));
    for uri in ["/%762?q=%76", "/x/../v2?q=%76"] {
        let (received, _) = through(policy.clone(), request(uri)).await;
        assert_eq!(
            received.unwrap().uri().path_and_query().unwrap(),
            "/v2?q=%76"
        );
    }
    let as_it_is = policy.with_normalized_paths(false);
    assert_eq!(
        subset(&as_it_is, request("/%762")).await.as_deref(),
        Some("v1")
    );
}

#[tokio::test]
async fn the_most_specific_host_has_the_say_and_its_routes_alone() {
    let host = |pattern: &str, route: Route| {
        VirtualHost::new([HostPattern::parse(pattern).unwrap()], [route])
    };
    let only_a = Match::default().with_path(exact("/a"));
    let policy = TrafficSplitPolicy::off()
        .with_host(host("*.example.com", Route::to(v1())))
        .with_host(host("api.example.com", Route::to(v2()).with_match(only_a)));
    let to = async |uri: &str| subset(&policy, request(uri)).await;

    assert_eq!(
        to("http://www.example.com:8080/").await.as_deref(),
        Some("v1")
    );
    assert_eq!(to("http://API.example.com/a").await.as_deref(), Some("v2"));
    let (received, response) = through(policy.clone(), request("http://api.example.com/b")).await;
    assert!(received.is_none());
    assert_eq!(Rejection::of(&response), Some(&Rejection::NoRoute));

    // A host that no pattern fits goes where it wants to, unless that is refused.
    let (received, _) = through(policy.clone(), request("http://other/")).await;
    assert_eq!(received.unwrap().uri(), "http://other/");
    let closed = policy.with_unknown_hosts_rejected(true);
    let (received, _) = through(closed, request("http://other/")).await;
    assert!(received.is_none());
}
