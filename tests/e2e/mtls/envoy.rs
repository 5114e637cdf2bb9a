//! The same matrix with a real Envoy on either side, by `tests/mtls/run`.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};

use super::Workload;
use super::identities::{Authority, CART, USERS};
use super::matrix::{Files, called, client, server};
use crate::support::{unpooled, until};

const MODES: [&str; 3] = ["DISABLE", "PERMISSIVE", "STRICT"];
const CLIENTS: [&str; 4] = ["DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"];

/// An Envoy that ends with its test.
struct Envoy(Child);

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn data(folder: &Path, name: &str) -> Value {
    json!({"filename": folder.join(name)})
}

/// Certificate, key and roots of a workload, and the names of its peers if any are demanded.
fn tls_context(folder: &Path, names: &[&str]) -> Value {
    let pair = json!({
        "certificate_chain": data(folder, "chain.pem"),
        "private_key": data(folder, "key.pem"),
    });
    let mut validation = json!({"trusted_ca": data(folder, "roots.pem")});
    let names = names
        .iter()
        .map(|name| json!({"san_type": "URI", "matcher": {"exact": name}}));
    validation["match_typed_subject_alt_names"] = names.collect();
    json!({"tls_certificates": [pair], "validation_context": validation})
}

fn downstream(folder: &Path) -> Value {
    json!({
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
            "common_tls_context": tls_context(folder, &[]),
            "require_client_certificate": true,
        }
    })
}

fn upstream(folder: &Path, client: &str) -> Option<Value> {
    let mut common = tls_context(folder, &[USERS]);
    match client {
        "DISABLE" => return None,
        "SIMPLE" => common["tls_certificates"] = json!([]),
        "ISTIO_MUTUAL" => {
            common["alpn_protocols"] = json!(["istio-http/1.1", "istio", "http/1.1"]);
        }
        _ => {}
    }
    Some(json!({
        "name": "tls",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": common,
            "sni": "outbound_.80_._.users.shop.svc.cluster.local",
        }
    }))
}

fn http(routes: &Value) -> Value {
    json!({
        "name": "http",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": "http",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
            }}],
        }
    })
}

fn listener(address: SocketAddr, chains: &Value, is_sniffing: bool) -> Value {
    let inspector = json!({"name": "tls_inspector", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector"
    }});
    let filters = if is_sniffing {
        json!([inspector])
    } else {
        json!([])
    };
    json!({
        "name": address.to_string(),
        "address": socket(address),
        "listener_filters": filters,
        "filter_chains": chains,
    })
}

fn socket(address: SocketAddr) -> Value {
    json!({"socket_address": {"address": address.ip().to_string(), "port_value": address.port()}})
}

/// A server with a mode of Istio, which answers with the URI of its caller.
fn envoy_server(mode: &str, address: SocketAddr, folder: &Path) -> Value {
    let answer = json!([{
        "match": {"prefix": "/"},
        "direct_response": {"status": 200},
        "response_headers_to_add": [{"header": {"key": "x-peer", "value": "%DOWNSTREAM_PEER_URI_SAN%"}}],
    }]);
    let plain = json!({"filters": [http(&answer)]});
    let mut tls = json!({"filters": [http(&answer)], "transport_socket": downstream(folder)});
    match mode {
        "DISABLE" => listener(address, &json!([plain]), false),
        "STRICT" => listener(address, &json!([tls]), false),
        _ => {
            tls["filter_chain_match"] = json!({"transport_protocol": "tls"});
            let mut raw = plain;
            raw["filter_chain_match"] = json!({"transport_protocol": "raw_buffer"});
            listener(address, &json!([tls, raw]), true)
        }
    }
}

/// A client of each kind for each server, chosen by the path.
fn envoy_clients(
    address: SocketAddr,
    folder: &Path,
    servers: &[(String, SocketAddr)],
) -> (Value, Vec<Value>) {
    let (mut clusters, mut routes) = (Vec::new(), Vec::new());
    for client in CLIENTS {
        for (server, to) in servers {
            let name = format!("{client}-{server}");
            let endpoint = json!({"endpoint": {"address": socket(*to)}});
            let mut cluster = json!({
                "name": name,
                "connect_timeout": "5s",
                "load_assignment": {
                    "cluster_name": name,
                    "endpoints": [{"lb_endpoints": [endpoint]}],
                },
            });
            if let Some(tls) = upstream(folder, client) {
                cluster["transport_socket"] = tls;
            }
            clusters.push(cluster);
            routes.push(json!({
                "match": {"path": format!("/{name}")},
                "route": {"cluster": name, "prefix_rewrite": "/"},
            }));
        }
    }
    let chain = json!([{"filters": [http(&Value::Array(routes))]}]);
    (listener(address, &chain, false), clusters)
}

async fn free_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// The caller as a server saw it, of a response of Envoy's or of ours.
async fn seen<R>(response: Option<meshless::client::Response<R>>) -> String
where
    R: http_body::Body<Data = bytes::Bytes>,
    R::Error: Into<meshless::outcome::BoxError>,
{
    let Some(response) = response.filter(|response| response.status() == 200) else {
        return "refused".to_owned();
    };
    let peer = response.headers().get("x-peer").cloned();
    let body = response.text().await.unwrap();
    let peer = peer.map(|peer| peer.to_str().unwrap().to_owned());
    match peer.filter(|peer| peer != "-").unwrap_or(body) {
        plain if plain.is_empty() => "plain text".to_owned(),
        other => other,
    }
}

#[tokio::test]
#[ignore = "needs Envoy: run tests/mtls/run"]
async fn either_side_may_be_an_envoy() {
    let envoy = std::env::var("ENVOY").unwrap();
    let authority = Authority::new();
    let ours = Files::new("envoy-users", &authority, USERS);
    let theirs = Files::new("envoy-cart", &authority, CART);

    // Servers of both kinds in each mode.
    let mut servers = Vec::new();
    let mut listeners = Vec::new();
    let mut workloads = Vec::new();
    for mode in MODES {
        let address = free_address().await;
        listeners.push(envoy_server(mode, address, ours.path()));
        servers.push((format!("envoy-{mode}"), address));
    }
    for mode in MODES {
        let workload = server(mode, &authority).await;
        servers.push((format!("meshless-{mode}"), workload.address()));
        workloads.push(workload);
    }
    let address = free_address().await;
    let (clients, clusters) = envoy_clients(address, theirs.path(), &servers);
    listeners.push(clients);
    let config = json!({"static_resources": {"listeners": listeners, "clusters": clusters}});
    let file = ours.path().join("envoy.json");
    fs::write(&file, config.to_string()).unwrap();
    let mut command = Command::new(envoy);
    command.args([
        "--use-dynamic-base-id",
        "--concurrency",
        "1",
        "-l",
        "error",
        "-c",
    ]);
    let _envoy = Envoy(command.arg(&file).stdin(Stdio::null()).spawn().unwrap());
    let is_up = || std::net::TcpStream::connect(address).is_ok();
    until(is_up).await;
    drop(TcpStream::connect(address).await.unwrap());

    let folder = theirs.path().display();
    let names = format!("caCertificates: {folder}/roots.pem, subjectAltNames: ['{USERS}']");
    let rules = [
        "mode: DISABLE".to_owned(),
        format!("mode: SIMPLE, {names}"),
        format!(
            "mode: MUTUAL, {names}, clientCertificate: {folder}/chain.pem, privateKey: {folder}/key.pem"
        ),
        format!("mode: ISTIO_MUTUAL, subjectAltNames: ['{USERS}']"),
    ];
    let mut different = 0;
    for (kind, rule) in CLIENTS.into_iter().zip(&rules) {
        for (mode, (envoys, ours)) in MODES
            .into_iter()
            .zip(servers[..3].iter().zip(&servers[3..]))
        {
            let mut outcomes = Vec::new();
            for (name, to) in [envoys, ours] {
                let url = format!("http://{address}/{kind}-{name}");
                outcomes.push(seen(unpooled().get(url).send().await.ok()).await);
                let client = client(to.port(), "", &format!("tls: {{{rule}}}"), &authority);
                outcomes.push(seen(called(&client).await).await);
            }
            let is_same = outcomes.iter().all(|outcome| *outcome == outcomes[0]);
            different += usize::from(!is_same);
            println!("{kind:<13} {mode:<11} {outcomes:?}");
        }
    }
    assert_eq!(different, 0);
    for workload in &workloads[1..] {
        strangers_are_refused(workload, theirs.path()).await;
    }
}

/// Runs a program while the server of this thread goes on.
async fn run(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.stdin(Stdio::null()).output());
    output.await.unwrap().unwrap()
}

/// Programs without a certificate.
async fn strangers_are_refused(server: &Workload, folder: &Path) {
    let address = server.address().to_string();
    let mut curl = Command::new("curl");
    curl.args(["-sk", "--max-time", "5", &format!("https://{address}/")]);
    let curl = run(curl).await;
    assert!(!curl.status.success() && curl.stdout.is_empty(), "{curl:?}");
    let mut openssl = Command::new("openssl");
    openssl.args(["s_client", "-quiet", "-verify_quiet", "-connect", &address]);
    openssl.arg("-CAfile").arg(folder.join("roots.pem"));
    let openssl = run(openssl).await;
    let text = String::from_utf8_lossy(&openssl.stderr);
    println!(
        "curl: {}; openssl: {}",
        curl.status,
        text.trim().replace('\n', " | ")
    );
    assert!(text.contains("alert"), "{text}");
    let callers = server.stats.callers();
    let mut callers = callers.iter();
    assert!(callers.any(|(_, caller)| caller.failed_handshakes >= 2));
}
