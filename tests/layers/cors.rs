//! CORS as browsers and applications see it.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use meshless::cors::{CorsLayer, CorsPolicy, UnmatchedPreflights};
use meshless::traffic_split::StringMatch;
use meshless::{Outcome, Rejection};
use tower::{Layer, ServiceExt, service_fn};

type Text = Full<Bytes>;

fn policy() -> CorsPolicy {
    CorsPolicy::new([StringMatch::exact("http://a")]).with_allow_methods(["PUT"])
}

/// Answers 204 with an origin of its own.
async fn send(layer: &CorsLayer, method: &str, headers: &[(&str, &str)]) -> Response<()> {
    let app = service_fn(|_: Request<Text>| async {
        let response = Response::builder().status(204);
        let response = response.header("access-control-allow-origin", "http://other");
        Ok::<_, Infallible>(response.body(Text::default()).unwrap())
    });
    let request = Request::builder().method(method);
    let request = headers.iter().fold(request, |request, (name, value)| {
        request.header(*name, *value)
    });
    let request = request.body(Text::default()).unwrap();
    layer.layer(app).oneshot(request).await.unwrap().map(|_| ())
}

const PREFLIGHT: [(&str, &str); 2] = [
    ("origin", "http://a"),
    ("access-control-request-method", "PUT"),
];

#[tokio::test]
async fn a_preflight_is_answered_and_the_application_does_not_get_it() {
    let response = send(&CorsLayer::new(policy()), "OPTIONS", &PREFLIGHT).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        response.headers()["access-control-allow-origin"],
        "http://a"
    );
    assert_eq!(response.headers()["access-control-allow-methods"], "PUT");
    assert_eq!(response.headers().len(), 2);
    assert_eq!(Rejection::of(&response), Some(&Rejection::CorsPreflight));
    let success = Outcome::Status(StatusCode::OK);
    assert_eq!(Outcome::of_response(&response), Some(success));
}

#[tokio::test]
async fn the_origin_of_the_application_is_replaced_for_one_that_is_allowed() {
    let layer = CorsLayer::new(policy());
    for (origin, expected) in [("http://a", "http://a"), ("http://b", "http://other")] {
        let response = send(&layer, "GET", &[("origin", origin)]).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT);
        assert_eq!(response.headers()["access-control-allow-origin"], expected);
    }
}

#[tokio::test]
async fn a_preflight_of_another_origin_is_forwarded_or_answered_without_permission() {
    let layer = CorsLayer::new(policy());
    let preflight = [("origin", "http://b"), PREFLIGHT[1]];
    let response = send(&layer, "OPTIONS", &preflight).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    layer.reconfigure(policy().with_unmatched_preflights(UnmatchedPreflights::Ignore));
    let response = send(&layer, "OPTIONS", &preflight).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(
        !response
            .headers()
            .contains_key("access-control-allow-origin")
    );
}
