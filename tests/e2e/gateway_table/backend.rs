use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::wire;
use crate::support::Server;

/// A server that keeps the bytes of each request, in the form of the tables, and answers 200.
pub(crate) struct Backend {
    requests: Arc<Mutex<Vec<Value>>>,
    server: Server,
}

impl Backend {
    pub(crate) async fn start() -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let server = Server::run(|listener, mut stopped| async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let (stream, _) = accepted.unwrap();
                        connections.spawn(serve(stream, Arc::clone(&kept)));
                    }
                    () = &mut stopped => break,
                }
            }
        });
        Self {
            requests,
            server: server.await,
        }
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns what came since the last time.
    pub(crate) fn take(&self) -> Vec<Value> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    pub(crate) async fn stop(self) {
        self.server.stop().await;
    }
}

async fn serve(mut stream: TcpStream, requests: Arc<Mutex<Vec<Value>>>) {
    let mut data = Vec::new();
    loop {
        let Some(end) = read_until(&mut stream, &mut data, b"\r\n\r\n").await else {
            return;
        };
        let head = text(&data[..end]);
        data.drain(..end + 4);
        let fields: Vec<_> = head.split("\r\n").skip(1).collect();
        let fields = fields.iter().filter_map(|line| line.split_once(": "));
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let body = if fields.iter().any(|(name, _)| name == "transfer-encoding") {
            let Some(end) = read_until(&mut stream, &mut data, b"\r\n0\r\n").await else {
                return;
            };
            let chunks = text(&data[..end]);
            data.drain(..end + 3);
            let Some(end) = read_until(&mut stream, &mut data, b"\r\n\r\n").await else {
                return;
            };
            let trailers = text(&data[..end]);
            data.drain(..end + 4);
            chunks.split("\r\n").skip(1).step_by(2).collect::<String>() + &trailers
        } else {
            let length = fields.iter().find(|(name, _)| name == "content-length");
            let length = length.map_or(0, |(_, value)| value.parse().unwrap());
            while data.len() < length {
                if stream.read_buf(&mut data).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            text(&data.drain(..length).collect::<Vec<_>>())
        };
        let line = head.split("\r\n").next().unwrap();
        requests.lock().unwrap().push(shown(line, &fields, &body));
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// Reads on until `mark` is there, and returns its place.
async fn read_until(stream: &mut TcpStream, data: &mut Vec<u8>, mark: &[u8]) -> Option<usize> {
    loop {
        if let Some(place) = data.windows(mark.len()).position(|window| window == mark) {
            return Some(place);
        }
        if stream.read_buf(data).await.ok()? == 0 {
            return None;
        }
    }
}

/// A request as the tables write it: the line, the fields in order of their names, the body.
fn shown(line: &str, fields: &[(String, &str)], body: &str) -> Value {
    let fields = fields
        .iter()
        .filter(|(name, value)| !is_unstable(name, value));
    let mut fields: Vec<_> = fields
        .map(|(name, value)| match &**name {
            "x-request-id" if is_uuid(value) => format!("{name}: {{uuid}}"),
            _ => format!("{name}: {}", value.replace("127.0.0.1", "{peer}")),
        })
        .collect();
    fields.sort();
    let mut all = vec![line.to_owned()];
    all.append(&mut fields);
    if !body.is_empty() {
        all.extend([String::new(), body.to_owned()]);
    }
    let all: Vec<_> = all.iter().map(|text| wire::collapsed(text)).collect();
    json!(all)
}

/// Fields that tell of traces, times and attempts: other tests hold them.
///
/// reqwest writes `accept: */*` where a caller wrote nothing, which says the same (RFC 9110, 12.5.1).
fn is_unstable(name: &str, value: &str) -> bool {
    const UNSTABLE: [&str; 4] = [
        "traceparent",
        "tracestate",
        "x-envoy-attempt-count",
        "x-envoy-expected-rq-timeout-ms",
    ];
    UNSTABLE.contains(&name) || (name, value) == ("accept", "*/*")
}

fn is_uuid(value: &str) -> bool {
    value.len() == 36
        && value
            .bytes()
            .all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}
