//! users: who the users are, where they live, and how many points they have.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Json, Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Service;
use crate::stand_ins::{Fault, Script};
use crate::world::Settings;

/// The users service, and what goes wrong with it.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) script: Script,
    pub(crate) service: Service,
}

type Points = Arc<Mutex<HashMap<String, u32>>>;

#[derive(Deserialize)]
struct Award {
    points: u32,
}

/// Starts the users service.
pub(crate) async fn users(settings: Settings) -> io::Result<Users> {
    let script = Script::default();
    let router = Router::new()
        .route("/api/v1/users/{user}", get(user))
        .route("/api/v1/users/{user}/points", post(award))
        .with_state(Points::default())
        .layer(middleware::from_fn_with_state(script.clone(), flaky));
    let service = Service::start(router, settings).await?;
    Ok(Users { script, service })
}

async fn user(State(points): State<Points>, Path(user): Path<String>) -> Json<Value> {
    let points = points.lock().unwrap_or_else(PoisonError::into_inner);
    let points = points.get(&user).copied().unwrap_or_default();
    Json(json!({ "user": user, "city": "Seoul", "x": 126.92, "y": 37.55, "points": points }))
}

async fn award(
    State(points): State<Points>,
    Path(user): Path<String>,
    Json(award): Json<Award>,
) -> Json<Value> {
    let mut points = points.lock().unwrap_or_else(PoisonError::into_inner);
    let total = points.entry(user).or_default();
    *total += award.points;
    Json(json!({ "points": *total }))
}

/// Loses answers as the script says: what the request asked for has been done by then.
async fn flaky(State(script): State<Script>, request: Request, next: Next) -> Response {
    let fault = script.fault();
    let response = next.run(request).await;
    match fault {
        None => response,
        Some(Fault::Status(status)) => status.into_response(),
        Some(fault) => unreachable!("{fault:?} is not asked of users"),
    }
}
