//! Graphs of other processes, asked of their pages.

mod ask;
pub(super) mod peer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use self::ask::Answer;
use self::peer::Peer;
use super::page::Shared;
use super::security::redact;
use super::views::{graph, state};
use crate::foundation::time::clock;
use crate::transport::pool::{Pool, PoolPolicy};

/// Maximum number of peers that are asked.
const MAX_PEERS: usize = 64;
/// Time for which an answer is given again, so that many readers ask the peers no more often.
const FRESH: Duration = Duration::from_secs(1);
/// Maximum number of nodes and of edges of all peers together.
const MAX_ITEMS: usize = 5_000;

/// Pages of other processes.
pub(super) struct Fleet {
    /// Time and value of the last answer; the lock is held while the peers are asked.
    last: tokio::sync::Mutex<Option<(Instant, Value)>>,
    peers: Vec<Arc<Peer>>,
    pool: Pool,
}

impl Fleet {
    pub(super) fn new(peers: Vec<Peer>) -> Self {
        let policy = PoolPolicy::default()
            .with_connect_timeout(ask::TIMEOUT)
            .with_idle_timeout(Duration::from_secs(10));
        if peers.len() > MAX_PEERS {
            let count = peers.len();
            tracing::warn!("the page asks {MAX_PEERS} of {count} peers: the others are left out");
        }
        Self {
            last: tokio::sync::Mutex::default(),
            peers: peers.into_iter().take(MAX_PEERS).map(Arc::new).collect(),
            pool: Pool::http(policy),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.peers.len()
    }
}

/// Fields that are numbers, 0 by default.
const COUNTS: [&str; 9] = [
    "abandoned",
    "client_errors",
    "ejected",
    "endpoints",
    "errors",
    "rate",
    "rejected",
    "requests",
    "retries",
];
/// Fields that are texts or numbers, or null.
const OPTIONAL: [&str; 10] = [
    "cluster",
    "from",
    "id",
    "kind",
    "p50_ms",
    "p99_ms",
    "subset",
    "to",
    "total_weight",
    "weight",
];

/// Asks all peers at once, and returns their graphs and this process's as one.
pub(super) async fn merged(shared: &Shared) -> Value {
    let fleet = &shared.fleet;
    let mut last = fleet.last.lock().await;
    if let Some((at, value)) = &*last
        && clock::now().saturating_duration_since(*at) < FRESH
    {
        return value.clone();
    }
    let mut asked = JoinSet::new();
    for (place, peer) in fleet.peers.iter().enumerate() {
        let (peer, pool) = (Arc::clone(peer), fleet.pool.clone());
        asked.spawn(async move { (place, ask::ask(&peer, pool).await) });
    }
    let mut answers = asked.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    let own = graph::graph(shared, &shared.mesh.snapshot());
    let value = merge(own, &state::process(shared), &fleet.peers, answers);
    *last = Some((clock::now(), value.clone()));
    value
}

fn merge(own: Value, process: &Value, peers: &[Arc<Peer>], answers: Vec<(usize, Answer)>) -> Value {
    let mut processes = vec![json!({ "name": "this process", "status": "ok", "process": process })];
    let mut graphs = vec![own];
    for (place, answer) in answers {
        let peer = &peers[place];
        let mut about =
            json!({ "name": peer.name(), "url": peer.url(), "status": answer.status() });
        match answer {
            Answer::Graph { mut graph, took } => {
                about["took_ms"] = u64::try_from(took.as_millis()).unwrap_or(u64::MAX).into();
                about["process"] = graph.get_mut("process").map(Value::take).into();
                graphs.push(graph);
            }
            Answer::Failed(error) => about["error"] = error.into(),
            Answer::Slow => {
                let limit = ask::TIMEOUT.as_secs();
                about["error"] = format!("no answer within {limit} s").into();
            }
        }
        processes.push(about);
    }
    let nodes = items(&graphs, "nodes", |node| node["id"].as_str().map(Into::into));
    let edges = items(&graphs, "edges", |edge| {
        let part = |name: &str| edge[name].as_str();
        let (from, to, cluster) = (part("from")?, part("to")?, part("cluster")?);
        Some(format!("{from}\n{to}\n{cluster}"))
    });
    let mut value = json!({ "processes": processes, "nodes": nodes, "edges": edges });
    redact::value(&mut value);
    value
}

/// Returns the nodes or edges of all graphs, each once: of equal ones that with the most requests, since a process
/// knows its own best.
fn items(graphs: &[Value], kind: &str, key: impl Fn(&Value) -> Option<String>) -> Vec<Value> {
    let mut all = std::collections::BTreeMap::<String, Value>::new();
    for item in graphs
        .iter()
        .filter_map(|graph| graph[kind].as_array())
        .flatten()
    {
        let Some(key) = key(item) else {
            continue;
        };
        let rank = |item: &Value| {
            let is_host = item["kind"] == "host";
            (!is_host, item["requests"].as_u64().unwrap_or(0))
        };
        match all.get(&key) {
            Some(known) if rank(known) >= rank(item) => {}
            None if all.len() >= MAX_ITEMS => {}
            _ => {
                all.insert(key, cleaned(item));
            }
        }
    }
    all.into_values().collect()
}

/// Returns a node or an edge with its known fields alone, of the types that the page reads.
fn cleaned(item: &Value) -> Value {
    let fields = COUNTS.iter().map(|name| {
        let count = item[name].as_number().cloned();
        (
            (*name).to_owned(),
            count.map_or_else(|| 0.into(), Value::Number),
        )
    });
    let optional = OPTIONAL.iter().map(|name| {
        let value = &item[*name];
        let is_known = value.is_number() || value.is_string();
        let value = if is_known { value.clone() } else { Value::Null };
        ((*name).to_owned(), value)
    });
    Value::Object(fields.chain(optional).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_peer_makes_up_is_passed_over() {
        let own = json!({"nodes": [{"id": "a/b", "kind": "workload", "requests": 1}], "edges": []});
        let peer = Arc::new(Peer::new("peer", "http://10.0.0.7:9901").unwrap());
        let graph = json!({
            "nodes": [7, {"id": 7}, {"id": "a/b", "kind": "host", "requests": 9}],
            "edges": ["x", {"from": "a/b"}, {"from": "a/b", "to": "c", "cluster": "d", "rate": "x", "weight": [], "script": 1}],
        });
        let took = Duration::from_millis(3);
        let value = merge(
            own,
            &Value::Null,
            &[peer],
            vec![(0, Answer::Graph { graph, took })],
        );
        let [node] = &value["nodes"].as_array().unwrap()[..] else {
            panic!("one node: {value}");
        };
        assert_eq!(
            (&node["kind"], &node["requests"]),
            (&json!("workload"), &json!(1))
        );
        let [edge] = &value["edges"].as_array().unwrap()[..] else {
            panic!("one edge: {value}");
        };
        assert_eq!((&edge["to"], &edge["cluster"]), (&json!("c"), &json!("d")));
        assert_eq!((&edge["rate"], &edge["weight"]), (&json!(0), &Value::Null));
        assert!(edge.get("script").is_none());
        assert_eq!(value["processes"][1]["took_ms"], 3);
    }
}
