//! recycling: says what to do with a piece of waste.

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::routing::{get, post};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::fail::{Fail, read};
use super::outbound::{self, Call, Upstream};
use super::{Service, Site};
use crate::Result;

#[derive(Clone)]
struct Recycling {
    openai: Upstream,
    waste: Upstream,
}

#[derive(Deserialize)]
struct Question {
    result: u64,
}

/// Starts the recycling service.
pub(crate) fn recycling(site: Site) -> Result<Service> {
    let recycling = Recycling {
        openai: outbound::to_openai(&site)?,
        waste: outbound::to_waste(&site)?,
    };
    let router = Router::new()
        .route("/api/v1/recycling/results/{id}", get(result))
        .route("/api/v1/recycling/advice", post(advice))
        .with_state(recycling);
    Service::start(router, site)
}

/// Reads an analysis result of waste.
async fn result(
    State(recycling): State<Recycling>,
    Path(id): Path<u64>,
    headers: HeaderMap,
) -> Result<Json<Value>, Fail> {
    let call = recycling.waste.get(&format!("/api/v1/waste/results/{id}"));
    let result = read(on_behalf_of(call, &headers).send().await).await?;
    Ok(Json(result))
}

/// Asks OpenAI what to do with it.
async fn advice(
    State(recycling): State<Recycling>,
    headers: HeaderMap,
    Json(question): Json<Question>,
) -> Result<Json<Value>, Fail> {
    let path = format!("/api/v1/waste/results/{}", question.result);
    let call = on_behalf_of(recycling.waste.get(&path), &headers);
    let kind = read(call.send().await).await?["kind"].clone();
    let ask = json!({
        "model": "small",
        "messages": [{ "role": "user", "content": format!("What do I do with: {kind}?") }],
    });
    let call = recycling.openai.post("/v1/chat/completions", &ask);
    // A POST is tried again only if its repetition can be distinguished from a second question.
    let call = call.header("idempotency-key", format!("{:016x}", fastrand::u64(..)));
    let answer = read(call.send().await).await?;
    let advice = answer["choices"][0]["message"]["content"].clone();
    Ok(Json(json!({ "kind": kind, "advice": advice })))
}

/// Passes on what the choice of a version depends on.
fn on_behalf_of(mut call: Call, user: &HeaderMap) -> Call {
    for name in [header::COOKIE.as_str(), "version"] {
        if let Some(value) = user.get(name) {
            call = call.header(name, value.clone());
        }
    }
    call
}
