//! The proxies of the environment, which a process of its own has for each test.

use std::process::Command;

use ::axum::Router;
use ::axum::http::{HeaderMap, Uri};
use meshless::Mesh;

use crate::support::{Server, destination_rule, service_entry};

/// Where the server of the endpoints listens.
const PORT: &str = "MESHLESS_TEST_PORT";

fn documents(port: &str, pool: &str) -> String {
    let entry = |host: &str| {
        let host = format!("{host}.test");
        let port = format!("protocol: HTTP, targetPort: {port}");
        service_entry(
            &host,
            &port,
            "resolution: STATIC, endpoints: [{address: 127.0.0.1}]",
        ) + &destination_rule(&host, &format!("connectionPool: {{tcp: {{{pool}}}}}"))
    };
    entry("near") + &entry("far")
}

#[tokio::test]
#[ignore = "the other test runs it where there are proxies"]
async fn where_there_are_proxies() {
    let port = std::env::var(PORT).unwrap();
    for pool in ["connectTimeout: 5s", "maxConnections: 9"] {
        let mesh = Mesh::from_yaml(&documents(&port, pool)).unwrap();
        let client = mesh.workload("w", "default").client();
        for (host, expected) in [
            // Named in `NO_PROXY`, and not.
            ("near.test", "direct: / "),
            (
                "far.test",
                &*format!("proxied: http://127.0.0.1:{port}/ Basic dXNlcjpwdw=="),
            ),
        ] {
            let url = format!("http://{host}/");
            let response = client.get(url).send().await.unwrap();
            assert_eq!(response.text().await.unwrap(), expected, "{host} {pool}");
        }
    }
}

async fn tells_its_target(what: &'static str) -> Server {
    let router = Router::new().fallback(async move |uri: Uri, headers: HeaderMap| {
        let credentials = headers.get("proxy-authorization");
        let credentials = credentials.map_or("", |value| value.to_str().unwrap());
        format!("{what}: {uri} {credentials}")
    });
    Server::axum(router).await
}

#[tokio::test]
async fn no_proxy_is_matched_against_the_host_that_is_called() {
    let (server, proxy) = (
        tells_its_target("direct").await,
        tells_its_target("proxied").await,
    );
    let mut child = Command::new(std::env::current_exe().unwrap());
    child
        .args([
            "--exact",
            "mesh_proxies::where_there_are_proxies",
            "--ignored",
        ])
        .env(PORT, server.address().port().to_string())
        .env("NO_PROXY", "near.test,elsewhere.test")
        .env("HTTP_PROXY", format!("http://user:pw@{}", proxy.address()));
    for other in [
        "no_proxy",
        "http_proxy",
        "ALL_PROXY",
        "all_proxy",
        "REQUEST_METHOD",
    ] {
        child.env_remove(other);
    }
    let ended = tokio::task::spawn_blocking(move || child.output())
        .await
        .unwrap();
    let ended = ended.unwrap();
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        ended.status.success() && said.contains("1 passed"),
        "{said}"
    );
    server.stop().await;
    proxy.stop().await;
}
