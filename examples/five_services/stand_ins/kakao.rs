//! Kakao Map: knows places near a point.

use std::io;

use serde_json::{Value, json};

use super::StandIn;

/// Starts the stand-in for Kakao Map.
pub(crate) async fn kakao() -> io::Result<StandIn> {
    StandIn::start(places).await
}

fn places(_path: &str, _body: &Value) -> Value {
    json!({ "documents": [
        { "place_name": "Mapo recycling centre", "distance": "240" },
        { "place_name": "Bottle return, Hongik station", "distance": "410" },
    ] })
}
