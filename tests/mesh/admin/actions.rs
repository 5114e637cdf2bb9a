//! What operators change by the page, and the traces that they leave.

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::StatusCode;
use meshless::circuit_breaker::CircuitState;
use serde_json::{Value, json};

use super::{TOKEN, answer, asked, documents, mesh, plain, send, token};
use crate::support::{Upstream, statuses};

async fn act(page: &Router, action: &str, fields: Value) -> (StatusCode, Value) {
    let request = asked("POST", &format!("/actions/{action}"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("content-type", "application/json; charset=utf-8")
        .extension(ConnectInfo(std::net::SocketAddr::from((
            [192, 0, 2, 7],
            5_000,
        ))))
        .body(Body::from(fields.to_string()))
        .unwrap();
    let (status, _, text) = answer(send(page, request).await).await;
    (status, serde_json::from_str(&text).unwrap())
}

async fn audit(page: &Router) -> Vec<String> {
    let state = super::json(page, "/api/state").await;
    let events = state["events"].as_array().unwrap().iter();
    let actions = events.filter(|event| event["event"] == "admin_action");
    actions
        .map(|event| event["text"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn weights_are_moved_for_all_workloads_and_the_change_names_its_caller() {
    let mesh = mesh(&documents());
    let page = mesh.admin().with_actions(token()).into_router();
    let upstream = Upstream::new(|_| 200);
    let service = mesh.workload("shop", "default").outbound(upstream.clone());
    let fields = json!({"host": "users.internal", "route": "canary", "weights": [0, 1]});
    let (status, body) = act(&page, "weights", fields).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    statuses(&service, "http://users.internal/", 20).await;
    assert!(upstream.asked().iter().all(|uri| uri.contains("10.0.0.2")));
    let audit = audit(&page).await;
    assert_eq!(audit.len(), 1);
    assert!(
        audit[0].starts_with("operator: version 2 by set_weights: "),
        "{audit:?}"
    );
    assert!(audit[0].ends_with(", by 192.0.2.7:5000"), "{audit:?}");
}

#[tokio::test(start_paused = true)]
async fn weights_that_do_not_fit_change_nothing_and_the_answer_says_why() {
    let mesh = mesh(&documents());
    let page = mesh.admin().with_actions(token()).into_router();
    let wrong = [
        json!({"host": "users.internal", "route": "canary", "weights": [1]}),
        json!({"host": "users.internal", "route": "no-such", "weights": [1, 1]}),
        json!({"host": "users.internal", "route": 0.5, "weights": [1, 1]}),
        json!({"host": "users.internal", "route": "canary", "weights": [-1, 1]}),
        json!({"host": "users.internal", "route": "canary", "weights": "1"}),
        json!({"route": "canary"}),
    ];
    for fields in wrong {
        let (status, body) = act(&page, "weights", fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        assert!(!body["error"].as_str().unwrap().is_empty());
    }
    assert_eq!(mesh.version(), 1);
    assert!(audit(&page).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_ejection_is_ended_by_the_page() {
    let mesh = mesh(&plain());
    let page = mesh.admin().with_actions(token()).into_router();
    let service = mesh
        .workload("shop", "default")
        .outbound(Upstream::new(|_| 500));
    statuses(&service, "http://users.internal/", 4).await;
    let cluster = "outbound|80||users.internal";
    let fields = |endpoint: &str| json!({"cluster": cluster, "endpoint": endpoint});
    let (status, body) = act(&page, "uneject", fields("10.0.0.1:80")).await;
    assert_eq!(
        (status, &body["done"]),
        (
            StatusCode::OK,
            &"ejection of 10.0.0.1:80 in outbound|80||users.internal ended".into()
        )
    );
    let (status, _) = act(&page, "uneject", fields("10.0.0.9:80")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let endpoints = &mesh.snapshot().proxies[0].clusters[0].endpoints;
    let ejected: Vec<_> = endpoints.iter().map(|one| one.ejection.is_some()).collect();
    assert_eq!(ejected, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_circuit_is_opened_for_a_time_held_closed_and_given_back_to_its_policy() {
    let mesh = mesh("");
    let openai = meshless::outbound().named("openai");
    let admin = mesh.admin().with_actions(token());
    let page = admin.with_outbound("openai", &openai).into_router();
    let run = |action: &str, seconds: Value| {
        act(
            &page,
            "circuit",
            json!({"stack": "openai", "action": action, "seconds": seconds}),
        )
    };
    let state = || openai.circuit_breaker().state();
    assert_eq!(run("open", Value::Null).await.0, StatusCode::OK);
    assert_eq!(state(), CircuitState::ForcedOpen);
    assert_eq!(run("close", Value::Null).await.0, StatusCode::OK);
    assert_eq!(state(), CircuitState::ForcedClosed);
    assert_eq!(run("open", json!(60)).await.0, StatusCode::OK);
    assert!(matches!(state(), CircuitState::Open { .. }));
    assert_eq!(run("reset", Value::Null).await.0, StatusCode::OK);
    assert_eq!(state(), CircuitState::Closed);
    for seconds in [json!(-1), json!(1e12), json!("long")] {
        assert_eq!(
            run("open", seconds).await.0,
            StatusCode::UNPROCESSABLE_ENTITY
        );
    }
    assert_eq!(
        run("melt", Value::Null).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    let (status, _) = act(
        &page,
        "circuit",
        json!({"stack": "other", "action": "open"}),
    )
    .await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(audit(&page).await.len(), 4);
}
