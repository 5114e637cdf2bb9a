//! The page for operators over sockets, and the pages of several processes on one graph.

use axum::Router;
use axum::routing::get;
use meshless::Mesh;
use meshless::admin::{Peer, Token};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{Server, service_entry};

const TOKEN: &str = "0123456789abcdef-for-tests";

fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

async fn json(url: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let response = client.get(url).send().await.unwrap();
    assert_eq!(response.status(), 200);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn services_of_several_processes_are_one_graph() {
    let users = Server::axum(Router::new().route("/", get(async || "Ann"))).await;
    let host = "users.waste.svc.cluster.local";
    let (address, port) = (users.address().ip(), users.address().port());
    let endpoints =
        format!("resolution: STATIC, endpoints: [{{address: {address}, ports: {{http: {port}}}}}]");
    let documents = service_entry(host, "protocol: HTTP", &endpoints);

    // The process of users, which serves its own page, for which a token is needed.
    let of_users = Mesh::from_yaml(&documents).unwrap();
    let page = of_users.admin().with_token(token()).into_router();
    let users_page = Server::axum(page).await;
    let _layer = of_users.workload("users", "waste").server();

    // The process of shop, which calls users.
    let of_shop = Mesh::from_yaml(&documents).unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let admin = of_shop.admin().with_fleet([
        Peer::new("users", &users_page.url(""))
            .unwrap()
            .with_token(token()),
        Peer::new("without a token", &users_page.url("")).unwrap(),
        Peer::new("gone", &nobody).unwrap(),
    ]);
    let page = Server::axum(admin.into_router()).await;
    let client = of_shop.workload("shop", "default").client();
    for _ in 0..3 {
        let response = client.get(format!("http://{host}/")).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "Ann");
    }
    let fleet = json(&page.url("/fleet")).await;
    let processes = fleet["processes"].as_array().unwrap().iter();
    let statuses: Vec<_> = processes
        .map(|one| {
            (
                one["name"].as_str().unwrap(),
                one["status"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("this process", "ok"),
        ("users", "ok"),
        ("without a token", "failed"),
        ("gone", "failed"),
    ];
    assert_eq!(statuses, expected, "{fleet:#}");
    assert_eq!(
        fleet["processes"][2]["error"],
        "the answer is 401 Unauthorized"
    );
    let nodes = fleet["nodes"].as_array().unwrap().iter();
    let nodes: Vec<_> = nodes
        .map(|node| (node["id"].as_str().unwrap(), node["kind"].as_str().unwrap()))
        .collect();
    // The host that shop calls is the workload that the page of users shows.
    assert_eq!(
        nodes,
        [("default/shop", "workload"), ("waste/users", "workload")]
    );
    let edge = &fleet["edges"][0];
    assert_eq!(
        (&edge["from"], &edge["to"]),
        (&"default/shop".into(), &"waste/users".into())
    );
    assert_eq!(edge["requests"], 3);
    assert!(!fleet.to_string().contains(TOKEN));
    page.stop().await;
    users_page.stop().await;
    users.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_hangs_is_shown_as_slow() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mesh = Mesh::from_yaml("").unwrap();
    let peer = Peer::new("silent", &url).unwrap();
    let page = mesh.admin().with_fleet([peer]).into_router();
    let request = http::Request::get("/fleet").header("host", "localhost");
    let request = request.body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(page, request).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 1 << 20)
        .await
        .unwrap();
    let fleet: Value = serde_json::from_slice(&body).unwrap();
    let silent = &fleet["processes"][1];
    assert_eq!(
        (&silent["status"], &silent["error"]),
        (&"slow".into(), &"no answer within 2 s".into())
    );
}
