//! users: who the users are, where they live, and how many points they have.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Json, Path, State};
use axum::middleware;
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::flaky::flaky;
use super::{Service, Site};
use crate::Result;
use crate::recorder::Arrival;
use crate::stand_ins::Script;

/// How many endpoints the users service has.
pub(crate) const USERS_ENDPOINTS: usize = 3;

/// The users service: several processes in production, several listeners here, one database.
#[derive(Debug)]
pub(crate) struct Users {
    pub(crate) endpoints: Vec<Service>,
    /// What goes wrong with all endpoints together; each has a script of its own besides.
    pub(crate) script: Script,
}

type Points = Arc<Mutex<HashMap<String, u32>>>;

#[derive(Deserialize)]
struct Award {
    points: u32,
}

/// Starts the users service, an endpoint at each of these sites.
pub(crate) fn users(sites: impl Iterator<Item = Site>) -> Result<Users> {
    let script = Script::default();
    let router = Router::new()
        .route("/api/v1/users/{user}", get(user))
        .route("/api/v1/users/{user}/points", post(award))
        .with_state(Points::default())
        .layer(middleware::from_fn_with_state(script.clone(), flaky));
    let endpoints = sites.map(|site| Service::start(router.clone(), site));
    let endpoints = endpoints.collect::<Result<_>>()?;
    Ok(Users { endpoints, script })
}

impl Users {
    /// Where one of them listens, as a URL without a path.
    pub(crate) fn url(&self) -> String {
        self.endpoints[0].url()
    }

    /// Returns every request that arrived at any of them, in order.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        let each = self.endpoints.iter();
        let mut arrivals: Vec<_> = each.flat_map(|one| one.recorder().arrivals()).collect();
        arrivals.sort_by_key(|arrival| arrival.at);
        arrivals
    }

    /// How many requests arrived at any of them that `wanted` picks.
    pub(crate) fn count_of(&self, wanted: impl Fn(&Arrival) -> bool) -> usize {
        let each = self.endpoints.iter();
        each.map(|one| one.recorder().count_of(&wanted)).sum()
    }
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
