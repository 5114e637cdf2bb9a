//! Everything that keeps others than operators from the page.

use axum::body::Body;
use http::{Method, StatusCode};

use super::{TOKEN, answer, asked, get, mesh, plain, send, token};
use crate::support::{document, service_entry};

const DATA: [&str; 7] = [
    "/api/state",
    "/api/graph",
    "/api/events",
    "/clusters",
    "/config_dump",
    "/server_info",
    "/fleet",
];
const FILES: [&str; 5] = ["/", "/page.js", "/graph.js", "/page.css", "/icon.svg"];

#[tokio::test(start_paused = true)]
async fn a_name_that_dns_may_lead_anywhere_is_refused_unless_it_is_given() {
    let mesh = mesh(&plain());
    for (page, expected) in [
        (mesh.admin(), StatusCode::FORBIDDEN),
        (mesh.admin().with_host("rebound.example"), StatusCode::OK),
    ] {
        let page = page.into_router();
        let request = http::Request::get("/api/state").header("host", "rebound.example:9901");
        let response = send(&page, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_elsewhere_reads_nothing_and_changes_nothing() {
    let page = mesh(&plain()).admin().with_actions(token()).into_router();
    for path in DATA {
        for (name, value) in [
            ("origin", "https://attacker.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let request = asked("GET", path).header(name, value);
            let response = send(&page, request.body(Body::empty()).unwrap()).await;
            assert_eq!(
                response.status(),
                StatusCode::FORBIDDEN,
                "{path} {name}: {value}"
            );
            let cors = response.headers().keys();
            let cors = cors.filter(|name| name.as_str().starts_with("access-control"));
            assert_eq!(cors.count(), 0);
        }
    }
    let preflight = asked("OPTIONS", "/actions/weights")
        .header("origin", "https://attacker.example")
        .header("access-control-request-method", "POST");
    let response = send(&page, preflight.body(Body::empty()).unwrap()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let form = asked("POST", "/actions/weights")
        .header("origin", "https://attacker.example")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json");
    let response = send(&page, form.body(Body::from("{}")).unwrap()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
}

#[tokio::test(start_paused = true)]
async fn every_response_forbids_guessing_storing_framing_and_foreign_scripts() {
    let page = mesh(&plain()).admin().into_router();
    let others = ["/ready", "/no-such-page", "/actions/weights"];
    for path in FILES.into_iter().chain(DATA).chain(others) {
        let request = asked("GET", path).body(Body::empty()).unwrap();
        let response = send(&page, request).await;
        let headers = response.headers();
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert_eq!(
            headers["cross-origin-resource-policy"], "same-origin",
            "{path}"
        );
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{policy}"
        );
        assert!(
            !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
    }
    // What the policy forbids is not there either.
    let (_, _, html) = get(&page, "/").await;
    assert!(!html.contains("<script>") && !html.contains(" style=") && !html.contains(" onclick"));
    assert!(
        !html.contains("//") || !html.contains("https://"),
        "nothing is loaded from elsewhere"
    );
}

#[tokio::test(start_paused = true)]
async fn with_a_token_all_data_need_it_and_the_empty_page_and_the_probe_do_not() {
    let page = mesh(&plain()).admin().with_token(token()).into_router();
    for path in DATA {
        let (status, headers, _) = get(&page, path).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(headers["www-authenticate"], "Bearer");
        let request = asked("GET", path).header("authorization", format!("Bearer {TOKEN}"));
        let response = send(&page, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
    }
    for path in FILES.into_iter().chain(["/ready"]) {
        assert_eq!(get(&page, path).await.0, StatusCode::OK, "{path}");
    }
    let (status, ..) = get(&page, "/stats/prometheus").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(start_paused = true)]
async fn the_page_is_read_only_unless_it_has_a_token_for_actions() {
    let mesh = mesh(&plain());
    let action = |authorization: &str, content_type: &str, body: &str| {
        asked("POST", "/actions/uneject")
            .header("authorization", authorization)
            .header("content-type", content_type)
            .body(Body::from(body.to_owned()))
            .unwrap()
    };
    let (right, json) = (format!("Bearer {TOKEN}"), "application/json");
    let read_only = mesh.admin().with_token(token()).into_router();
    let response = send(&read_only, action(&right, json, "{}")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);

    let page = mesh.admin().with_actions(token()).into_router();
    let cases = [
        ("Bearer wrong", json, "{}", StatusCode::UNAUTHORIZED),
        (
            &right,
            "text/plain",
            "{}",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (&right, json, "[]", StatusCode::BAD_REQUEST),
        (&right, json, "{}", StatusCode::UNPROCESSABLE_ENTITY),
    ];
    for (authorization, content_type, body, expected) in cases {
        let response = send(&page, action(authorization, content_type, body)).await;
        assert_eq!(
            response.status(),
            expected,
            "{authorization} {content_type} {body}"
        );
    }
    let long = format!("{{\"cluster\": \"{}\"}}", "x".repeat(20_000));
    let response = send(&page, action(&right, json, &long)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let request = asked(method.as_str(), "/actions/weights");
        let response = send(&page, request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    }
}

#[tokio::test(start_paused = true)]
async fn secrets_of_the_documents_are_on_no_page() {
    let headers = "{hosts: [users.internal], http: [{headers: {request: {set: {authorization: Bearer s3cret-of-mina, \
                   x-api-key: s3cret-of-mina}}}, \
                   route: [{destination: {host: users.internal}}]}]}";
    let entry =
        "resolution: STATIC, endpoints: [{address: 10.0.0.1, labels: {api-token: s3cret-of-mina}}]";
    let documents = service_entry("users.internal", "protocol: HTTP", entry)
        + &document("VirtualService", "users", headers);
    let mesh = mesh(&documents);
    let page = mesh.admin().into_router();
    let service = mesh.workload("shop", "default");
    let service = service.outbound(crate::support::Upstream::new(|_| 200));
    crate::support::statuses(&service, "http://users.internal/?token=s3cret-of-mina", 2).await;
    for path in DATA.into_iter().filter(|path| *path != "/api/events") {
        let response = send(&page, asked("GET", path).body(Body::empty()).unwrap()).await;
        let (status, _, text) = answer(response).await;
        assert_eq!(status, StatusCode::OK);
        assert!(!text.contains("s3cret"), "{path}: {text}");
    }
}
