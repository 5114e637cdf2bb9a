//! `client::Client` keeps reqwest's ways over any stack.

use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::routing::any;
use http_body_util::BodyExt;
use meshless::client::Client;
use serde_json::{Value, json};

use crate::support::Server;

fn client() -> Client {
    Client::build(reqwest::Client::builder()).unwrap()
}

#[tokio::test]
async fn a_request_arrives_as_reqwest_would_send_it() {
    async fn echo(request: Request) -> axum::Json<Value> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let header = |name| {
            let value = head.headers.get(name);
            value.map(|value| value.to_str().unwrap().to_owned())
        };
        axum::Json(json!({
            "method": head.method.as_str(),
            "uri": head.uri.to_string(),
            "authorization": header(header::AUTHORIZATION),
            "length": header(header::CONTENT_LENGTH),
            "chunked": header(header::TRANSFER_ENCODING),
            "type": header(header::CONTENT_TYPE),
            "body": String::from_utf8(body.to_vec()).unwrap(),
        }))
    }
    let server = Server::axum(Router::new().fallback(any(echo))).await;
    let client = client();

    let response = client
        .post(server.url("/a?x=1"))
        .query(&[("y", "2 3")])
        .bearer_auth("token")
        .json(&json!({"k": 1}))
        .send()
        .await
        .unwrap();
    assert_eq!(response.url().as_str(), server.url("/a?x=1&y=2+3"));
    let seen: Value = response.json().await.unwrap();
    assert_eq!(
        seen,
        json!({
            "method": "POST",
            "uri": "/a?x=1&y=2+3",
            "authorization": "Bearer token",
            "length": "7",
            "chunked": null,
            "type": "application/json",
            "body": "{\"k\":1}",
        })
    );

    drop(client);
    server.stop().await;
}
