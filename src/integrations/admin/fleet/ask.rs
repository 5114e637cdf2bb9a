use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use serde_json::Value;
use tower_service::Service;

use super::peer::Peer;
use crate::foundation::time::clock;
use crate::integrations::admin::security::token::Token;
use crate::transport::pool::Pool;

/// Time for the whole answer of a peer.
pub(super) const TIMEOUT: Duration = Duration::from_secs(2);
/// Maximum length of the answer of a peer.
const MAX_BODY: usize = 4 << 20;

/// Answer of a peer.
pub(super) enum Answer {
    Failed(String),
    Graph { graph: Value, took: Duration },
    Slow,
}

impl Answer {
    pub(super) const fn status(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Graph { .. } => "ok",
            Self::Slow => "slow",
        }
    }
}

/// Asks a peer for its graph, within a time and a length.
pub(super) async fn ask(peer: &Peer, pool: Pool) -> Answer {
    let began = clock::now();
    match tokio::time::timeout(TIMEOUT, graph(peer, pool)).await {
        Err(_) => Answer::Slow,
        Ok(Err(error)) => Answer::Failed(error),
        Ok(Ok(graph)) => Answer::Graph {
            graph,
            took: clock::now().saturating_duration_since(began),
        },
    }
}

async fn graph(peer: &Peer, mut pool: Pool) -> Result<Value, String> {
    let uri = peer.graph().ok_or("the URL is too long")?;
    let mut request = Request::get(uri);
    if let Some(authorization) = peer.token().and_then(Token::authorization) {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    let request = request.body(Empty::<Bytes>::new());
    let request = request.map_err(|error| error.to_string())?;
    let response = pool
        .call(request)
        .await
        .map_err(|error| error.to_string())?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {}", response.status()));
    }
    let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    read(&body)
}

/// Reads a graph; what it holds is judged item by item.
fn read(body: &[u8]) -> Result<Value, String> {
    let graph: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if graph["nodes"].is_array() && graph["edges"].is_array() {
        Ok(graph)
    } else {
        Err("the answer is no graph".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_graph_is_a_failure() {
        assert!(read(br#"{"nodes": [], "edges": [7]}"#).is_ok());
        for wrong in ["", "[1]", "{}", r#"{"nodes": {}, "edges": []}"#, "null"] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
