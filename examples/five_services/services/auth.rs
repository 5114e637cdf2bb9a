//! auth: gives out tokens, and says whose they are.

use axum::Router;
use axum::extract::Json;
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Service, Site};
use crate::Result;

#[derive(Deserialize)]
struct Login {
    user: String,
}

/// Starts the auth service.
pub(crate) fn auth(site: Site) -> Result<Service> {
    let router = Router::new()
        .route("/api/v1/auth/login", post(login))
        .route("/api/v1/auth/me", get(me));
    Service::start(router, site)
}

async fn login(Json(login): Json<Login>) -> Json<Value> {
    // A token that anyone could write: this is about traffic, not about security.
    Json(json!({ "token": format!("token-of-{}", login.user) }))
}

async fn me(headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    let token = headers.get(header::AUTHORIZATION);
    let user = token
        .and_then(|token| token.to_str().ok())
        .and_then(|token| token.strip_prefix("Bearer token-of-"));
    let user = user.ok_or(StatusCode::UNAUTHORIZED)?;
    Ok(Json(json!({ "user": user })))
}
