use http::uri::Scheme;
use http::{HeaderName, HeaderValue, Request, StatusCode, header};
use http_body_util::BodyExt;
use meshless::Rejection;
use meshless::traffic_split::{
    Destination, DirectResponse, HeaderFormat, HeaderOperations, Match, PathMatch, PathRewrite,
    PathTemplate, Redirect, Rewrite, Route, StringMatch, TrafficSplitPolicy, WeightedDestination,
};

use super::{request, through, v1, with};

const X_TO: HeaderName = HeaderName::from_static("x-to");

fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

fn values(headers: &http::HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values
        .map(|value| value.to_str().unwrap().to_owned())
        .collect()
}

async fn received(route: Route, request: Request<()>) -> Request<()> {
    let policy = TrafficSplitPolicy::new([route]);
    through(policy, request)
        .await
        .0
        .expect("it reached the upstream")
}

#[tokio::test]
async fn headers_are_removed_then_set_then_added() {
    let operations = HeaderOperations::default()
        .with_add(X_TO, value("added"))
        .with_set(X_TO, value("set"))
        .with_remove(X_TO)
        .with_remove(HeaderName::from_static("gone"));
    let route = Route::to(v1()).with_request_headers(operations);
    let sent = with(with(request("/"), "x-to", "old"), "gone", "old");
    let received = received(route, sent).await;
    assert_eq!(values(received.headers(), "x-to"), ["set", "added"]);
    assert!(!received.headers().contains_key("gone"));
}

#[tokio::test]
async fn what_the_destination_does_to_headers_comes_before_what_the_route_does() {
    let add = |text| HeaderOperations::default().with_add(X_TO, value(text));
    let destination = WeightedDestination::new(v1(), 1)
        .with_request_headers(add("v1"))
        .with_response_headers(add("v1"));
    let route = Route::split([destination])
        .unwrap()
        .with_request_headers(add("route"));

    let policy = |route| TrafficSplitPolicy::new([route]);
    let appended = route.clone().with_response_headers(add("route"));
    let (received, response) = through(policy(appended), request("/")).await;
    assert_eq!(values(received.unwrap().headers(), "x-to"), ["v1", "route"]);
    assert_eq!(
        values(response.headers(), "x-to"),
        ["upstream", "v1", "route"]
    );

    let set = HeaderOperations::default().with_set(X_TO, value("route"));
    let (_, response) = through(policy(route.with_response_headers(set)), request("/")).await;
    assert_eq!(values(response.headers(), "x-to"), ["route"]);
}

#[tokio::test]
async fn a_header_can_take_its_value_from_the_request() {
    let format = |text: &str| HeaderFormat::parse(text).unwrap();
    let operations = || {
        HeaderOperations::default()
            .with_set(X_TO, format("%REQ(:method)% %REQ(:path)% 100%%"))
            .with_set(
                HeaderName::from_static("x-user"),
                format("%REQ(user?x-user):3%"),
            )
            .with_set(HeaderName::from_static("x-none"), format("%REQ(none)%"))
    };
    let route = Route::to(v1())
        .with_request_headers(operations())
        .with_response_headers(operations())
        .with_rewrite(Rewrite::default().with_path(PathRewrite::full("/b")));
    let policy = TrafficSplitPolicy::new([route]);
    let (received, response) = through(policy, with(request("/a?b"), "user", "jason")).await;
    for headers in [received.unwrap().headers(), response.headers()] {
        assert_eq!(values(headers, "x-to"), ["GET /a?b 100%"]);
        assert_eq!(values(headers, "x-user"), ["jas"]);
        assert!(!headers.contains_key("x-none"));
    }
    for bad in [
        "%",
        "50% off",
        "%NO_SUCH%",
        "%REQ(a):x%",
        "%START_TIME(%Q)%",
        "%REQ(a b)%",
        "a\nb",
        "a\nb%HOSTNAME%",
        "%HOSTNAME%a\nb%PROTOCOL%c",
    ] {
        let error = HeaderFormat::parse(bad).unwrap_err().to_string();
        assert!(error.contains(bad), "{error}");
    }
}

#[tokio::test]
async fn a_header_can_tell_scheme_protocol_time_and_host_name() {
    let format = |text: &str| HeaderFormat::parse(text).unwrap();
    let time = "%START_TIME(%Y-%m)%, 100%%, %START_TIME%";
    let operations = HeaderOperations::default()
        .with_set(X_TO, format("%REQ(:scheme)% %PROTOCOL%"))
        .with_set(HeaderName::from_static("x-time"), format(time))
        .with_set(HeaderName::from_static("x-host"), format("<%HOSTNAME%>"));
    let route = Route::to(v1()).with_request_headers(operations);
    let request = with(request("/a"), "x-forwarded-proto", "https");
    let (received, _) = through(TrafficSplitPolicy::new([route]), request).await;
    let received = received.unwrap();
    assert_eq!(values(received.headers(), "x-to"), ["https HTTP/1.1"]);
    let time = values(received.headers(), "x-time")[0].clone();
    let (month, rest) = time.split_once(", 100%, ").unwrap();
    assert!(
        rest.starts_with(&format!("{month}-")) && rest.ends_with('Z'),
        "{time}"
    );
    let host = values(received.headers(), "x-host")[0].clone();
    assert!(host.starts_with('<') && host.ends_with('>'), "{host}");
}

#[tokio::test]
async fn a_rewrite_replaces_what_was_matched() {
    let prefix = |text: &str| PathMatch::from(StringMatch::prefix(text));
    let regex = |text: &str| PathMatch::from(StringMatch::regex(text).unwrap());
    let to = |text: &str| PathRewrite::prefix(text);
    let template = PathTemplate::parse("/users/{id}/**").unwrap();
    let ids = PathRewrite::regex(r"/(\d+)", r"/id-\1$\\").unwrap();
    for (by, rewrite, from, expected) in [
        (prefix("/api/v1"), to("/"), "/api/v1/users", "//users"),
        (
            prefix("/old"),
            to("/new"),
            "/oldies?a=/old",
            "/newies?a=/old",
        ),
        (
            prefix("/Old").with_ignore_case(true),
            to("/new"),
            "/oLD/a",
            "/new/a",
        ),
        (prefix("/old"), to("new"), "/old", "/new"),
        (prefix("/old"), to("/a b#"), "/old", "/a%20b%23"),
        (
            StringMatch::exact("/a/b").into(),
            to("/c"),
            "/a/b?q",
            "/c?q",
        ),
        (regex("/a/.*"), to("/c"), "/a/b?q", "/c?q"),
        (PathMatch::segments("/a"), to("/c"), "/a/b", "/c/b"),
        (prefix("/"), ids, "/1/a/22?x=/3", r"/id-1$\/a/id-22$\?x=/3"),
        (prefix("/"), PathRewrite::full("/all"), "/a/b?q", "/all?q"),
        (
            template.into(),
            PathRewrite::template("/u/{id}"),
            "/users/7/x",
            "/u/7",
        ),
        (
            prefix("/"),
            PathRewrite::template("/u/{id}"),
            "/users/7",
            "/users/7",
        ),
    ] {
        let case = format!("{by:?} {rewrite:?}");
        let route = Route::to(v1())
            .with_match(Match::default().with_path(by))
            .with_rewrite(Rewrite::default().with_path(rewrite));
        let received = received(route, request(from)).await;
        assert_eq!(received.uri().path_and_query().unwrap(), expected, "{case}");
        let original = values(received.headers(), "x-envoy-original-path");
        assert_eq!(original.is_empty(), from == expected, "{case}");
        assert!(original.iter().all(|path| path == from), "{case}");
    }
}

#[test]
fn a_substitute_for_no_group_is_an_error() {
    for bad in [r"\2", r"\x", r"\"] {
        let error = PathRewrite::regex("(a)", bad).unwrap_err();
        assert!(error.to_string().contains(bad), "{error}");
    }
    for bad in ["a", "/{", "/}", "/{a}/{a}", "/{1}", "/**/a*", "/**/{b}"] {
        assert!(PathTemplate::parse(bad).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn the_host_can_be_rewritten_and_the_old_one_is_told() {
    let rewrite = Rewrite::default().with_authority("inner:81".parse().unwrap());
    let route = Route::to(Destination::new("waste-v2")).with_rewrite(rewrite);
    for sent in [
        request("http://waste:80/"),
        with(request("/"), "host", "waste:80"),
    ] {
        let received = received(route.clone(), sent).await;
        assert_eq!(values(received.headers(), "host"), ["inner:81"]);
        assert_eq!(
            values(received.headers(), "x-envoy-original-host"),
            ["waste:80"]
        );
        // Rewriting the host does not change where the request goes.
        assert_eq!(received.uri().authority().unwrap(), "waste-v2:80");
    }
}

#[tokio::test]
async fn a_redirect_says_where_to() {
    let at = |host: &str| Redirect::default().with_authority(host.parse().unwrap());
    let plain = Redirect::default;
    let prefix = PathRewrite::prefix("/new");
    for (redirect, from, expected) in [
        (at("b.com"), "http://a.com/x?y", "http://b.com/x?y"),
        (
            plain().with_path("/n"),
            "http://a.com/x?y",
            "http://a.com/n?y",
        ),
        (
            plain().with_path("/n?z"),
            "http://a.com/x?y",
            "http://a.com/n?z",
        ),
        (
            plain().with_path("/n?z").with_query_stripped(true),
            "http://a.com/x?y",
            "http://a.com/n?z",
        ),
        (
            plain().with_query_stripped(true),
            "http://a.com/x?y",
            "http://a.com/x",
        ),
        (
            plain().with_path_rewrite(prefix),
            "http://a.com/x?y",
            "http://a.com/newx?y",
        ),
        (
            plain().with_scheme(Scheme::HTTPS),
            "http://a.com:80/",
            "https://a.com/",
        ),
        (
            plain().with_scheme(Scheme::HTTPS),
            "http://a.com:8080/",
            "https://a.com:8080/",
        ),
        (
            plain().with_scheme(Scheme::HTTP),
            "https://a.com:443/",
            "http://a.com/",
        ),
        (
            plain().with_scheme(Scheme::HTTP),
            "http://a.com:80/",
            "http://a.com:80/",
        ),
        (
            plain().with_port(443).with_scheme(Scheme::HTTPS),
            "http://a.com/",
            "https://a.com:443/",
        ),
        (
            plain().with_port(81),
            "http://a.com:80/",
            "http://a.com:81/",
        ),
        (
            plain().with_port(81),
            "http://[::1]:80/",
            "http://[::1]:81/",
        ),
        (
            at("b.com").with_port_of_request(),
            "http://a.com:81/",
            "http://b.com:81/",
        ),
        (plain().with_path("/n"), "/x?y", "/n?y"),
        (
            at("b.com").with_port_of_request(),
            "https://a.com/",
            "https://b.com:443/",
        ),
    ] {
        let policy = TrafficSplitPolicy::new([Route::redirect(redirect.clone())]);
        let (received, response) = through(policy, request(from)).await;
        assert!(received.is_none());
        assert_eq!(response.status(), StatusCode::MOVED_PERMANENTLY);
        assert_eq!(
            response.headers()[header::LOCATION],
            expected,
            "{redirect:?}"
        );
        assert!(Rejection::of(&response).is_none(), "it was asked for");
    }
    let found = Redirect::default().with_status(StatusCode::FOUND);
    let tell = HeaderOperations::default().with_set(X_TO, value("redirect"));
    let policy = TrafficSplitPolicy::new([Route::redirect(found).with_response_headers(tell)]);
    let (_, response) = through(policy, request("/")).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(response.headers()[X_TO], "redirect");
}

#[tokio::test]
async fn a_route_can_answer_by_itself() {
    let answer = |status| {
        let direct = DirectResponse::new(status).with_body("50 % ✓");
        TrafficSplitPolicy::new([Route::direct_response(direct)])
    };
    let (received, response) = through(answer(StatusCode::OK), request("/")).await;
    assert!(received.is_none());
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/plain");
    assert_eq!(
        response.into_body().collect().await.unwrap().to_bytes(),
        "50 % ✓"
    );

    let grpc = || with(request("/"), "content-type", "application/grpc");
    for (status, code) in [
        (200, "2"),
        (401, "16"),
        (404, "12"),
        (429, "14"),
        (500, "2"),
    ] {
        let policy = answer(StatusCode::from_u16(status).unwrap());
        let (_, response) = through(policy, grpc()).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["grpc-status"], code);
        assert_eq!(response.headers()["grpc-message"], "50 %25 %E2%9C%93");
        assert!(
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .is_empty()
        );
    }
}
