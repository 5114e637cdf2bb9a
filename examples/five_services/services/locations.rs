//! locations: knows places near a user.

use axum::Router;
use axum::extract::{Json, Query, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fail::{Fail, read};
use super::outbound::{self, Upstream};
use super::{Service, Site};
use crate::Result;

#[derive(Clone)]
struct Locations {
    kakao: Upstream,
    users: Upstream,
}

#[derive(Deserialize)]
struct Near {
    user: String,
}

/// Starts the locations service.
pub(crate) fn locations(site: Site) -> Result<Service> {
    let locations = Locations {
        kakao: outbound::to_kakao(&site)?,
        users: outbound::to_users(&site)?,
    };
    let router = Router::new()
        .route("/api/v1/locations/near", get(near))
        .with_state(locations);
    Service::start(router, site)
}

/// Looks up where the user lives, and asks Kakao Map what is there.
async fn near(
    State(locations): State<Locations>,
    Query(near): Query<Near>,
) -> Result<Json<Value>, Fail> {
    let user = format!("/api/v1/users/{}", near.user);
    let user = read(locations.users.get(&user).send().await).await?;
    let (x, y) = (&user["x"], &user["y"]);
    let places = format!("/v2/local/search/keyword.json?query=recycling&x={x}&y={y}");
    let places = read(locations.kakao.get(&places).send().await).await?;
    Ok(Json(
        json!({ "city": user["city"], "places": places["documents"] }),
    ))
}
