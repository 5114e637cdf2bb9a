//! waste: says what a picture of waste shows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::routing::{MethodRouter, get, post};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fail::{Fail, read};
use super::outbound::{self, Upstream};
use super::{Service, Site, inbound};
use crate::Result;

/// How many results are kept; the next ones take the places of the first.
const KEPT: u64 = 10_000;

#[derive(Clone)]
struct Waste {
    results: Arc<Mutex<Results>>,
    roboflow: Upstream,
    users: Upstream,
    version: &'static str,
}

#[derive(Default)]
struct Results {
    all: HashMap<u64, Value>,
    last: u64,
}

#[derive(Deserialize)]
struct Order {
    picture: String,
    user: String,
}

/// Starts one version of the waste service.
pub(crate) fn waste(site: Site, version: &'static str) -> Result<Service> {
    let waste = Waste {
        results: Arc::default(),
        roboflow: outbound::to_roboflow(&site)?,
        users: outbound::to_users(&site)?,
        version,
    };
    let analyze: MethodRouter<Waste> = post(analyze);
    let router = Router::new()
        .route(
            "/api/v1/waste/analyze",
            inbound::per_caller(analyze, site.settings),
        )
        .route("/api/v1/waste/results/{id}", get(result))
        .route("/api/v1/waste/results/{id}/confirm", post(confirm))
        .with_state(waste);
    Service::start(router, site)
}

/// Looks up the user, and asks Roboflow what the picture shows.
async fn analyze(
    State(waste): State<Waste>,
    Json(order): Json<Order>,
) -> Result<Json<Value>, Fail> {
    let user = format!("/api/v1/users/{}", order.user);
    let user = read(waste.users.get(&user).send().await).await?;
    let picture = json!({ "picture": order.picture });
    let seen = read(waste.roboflow.post("/waste/1", &picture).send().await).await?;
    let kind = seen["predictions"][0]["class"].clone();
    let result = json!({ "user": user["user"], "kind": kind, "version": waste.version });
    Ok(Json(waste.keep(result)))
}

/// Returns an earlier result; whatever was asked before this version started was a can.
async fn result(State(waste): State<Waste>, Path(id): Path<u64>) -> Json<Value> {
    let known = waste.results().all.get(&id).cloned();
    let can = || json!({ "id": id, "kind": "can", "version": waste.version });
    Json(known.unwrap_or_else(can))
}

/// Takes note that the user agrees, for which there are points.
async fn confirm(State(waste): State<Waste>, Path(id): Path<u64>) -> Result<StatusCode, Fail> {
    let user = waste.results().all.get(&id).map(|r| r["user"].clone());
    let user = user.as_ref().and_then(Value::as_str).unwrap_or("mina");
    let path = format!("/api/v1/users/{user}/points");
    let award = waste.users.post(&path, &json!({ "points": 10 }));
    read(award.send().await).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Waste {
    fn keep(&self, mut result: Value) -> Value {
        let mut results = self.results();
        results.last = results.last % KEPT + 1;
        result["id"] = results.last.into();
        let id = results.last;
        results.all.insert(id, result.clone());
        result
    }

    fn results(&self) -> std::sync::MutexGuard<'_, Results> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
