//! A client for each endpoint of one name.

use std::collections::BTreeSet;

use ::axum::Router;
use ::axum::http::HeaderMap;
use ::axum::routing::get;
use meshless::client::{Client, Transport};
use meshless::load_balance::{LoadBalance, LoadBalancePolicy};
use meshless::{Endpoint, Endpoints};

use crate::support::Server;

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::try_from(server.address().to_string().as_str()).unwrap()
}

async fn server(name: &'static str) -> Server {
    let answer = async move |headers: HeaderMap| {
        let host = headers["host"].to_str().unwrap().to_owned();
        format!("{name} for {host}")
    };
    Server::axum(Router::new().route("/", get(answer))).await
}

#[tokio::test]
async fn each_endpoint_is_asked_by_the_name_that_the_caller_wrote() {
    let servers = [server("a").await, server("b").await];
    let endpoints = Endpoints::fixed(servers.iter().map(endpoint));
    let policy = LoadBalancePolicy::default();
    let balance = LoadBalance::new(policy, endpoints, |endpoint| {
        Transport::to_endpoint(reqwest::Client::builder(), endpoint).unwrap()
    });
    let client = Client::new(balance);
    // The port that a service is known by is not that of its endpoints.
    for (url, host) in [
        ("http://users.example/", "users.example"),
        ("http://users.example:80/", "users.example"),
        ("http://users.example:8000/", "users.example:8000"),
    ] {
        let mut seen = BTreeSet::new();
        while seen.len() < 2 {
            let response = client.get(url).send().await.unwrap();
            seen.insert(response.text().await.unwrap());
        }
        let expected = ["a", "b"].map(|name| format!("{name} for {host}"));
        assert_eq!(seen, BTreeSet::from(expected));
    }
    let [a, b] = servers;
    a.stop().await;
    b.stop().await;
}

#[tokio::test]
async fn an_endpoint_may_have_a_name() {
    let server = server("a").await;
    let address = format!("localhost:{}", server.address().port());
    let endpoint = Endpoint::try_from(address.as_str()).unwrap();
    let transport = Transport::to_endpoint(reqwest::Client::builder(), &endpoint).unwrap();
    let response = Client::new(transport).get("http://users.example/").send();
    let text = response.await.unwrap().text().await.unwrap();
    assert_eq!(text, "a for users.example");
    server.stop().await;
}
