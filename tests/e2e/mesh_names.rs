//! Endpoints that a document gives by their name, from a name server on loopback.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use ::axum::Router;
use ::axum::routing::get;
use meshless::client::Error;
use meshless::dns::{Backoff, DnsPolicy, Resolver};
use meshless::mesh::MeshClient;
use meshless::{Mesh, Rejection};
use tokio::net::TcpListener;

use crate::name_server::NameServer;
use crate::support::{Server, service_entry, until, virtual_service};

/// Two servers on one port of two addresses, each of which tells its name.
async fn pair() -> [Server; 2] {
    loop {
        let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let Ok(second) = TcpListener::bind(SocketAddr::from(([127, 0, 0, 2], port))).await else {
            continue;
        };
        return [("a", first), ("b", second)].map(|(name, listener)| {
            let router = Router::new().route("/", get(async move || name));
            Server::on(listener, |listener, stopped| async move {
                let serving = ::axum::serve(listener, router).with_graceful_shutdown(stopped);
                serving.await.unwrap();
            })
        });
    }
}

fn entry(port: u16, rest: &str) -> String {
    let port = format!("protocol: HTTP, targetPort: {port}");
    service_entry("users.test", &port, rest)
}

fn route() -> String {
    virtual_service("users.test", "retries: {attempts: 0}", "")
}

fn mesh(server: &NameServer, yaml: &str) -> Mesh {
    let soon = Duration::from_millis(10);
    let policy = DnsPolicy::default()
        .with_min_ttl(soon)
        .with_timeout(Duration::from_millis(500))
        .with_backoff(Backoff::constant(soon));
    let resolver = Resolver::new(policy, [server.address()]).unwrap();
    let builder = Mesh::builder().with_resolver(resolver);
    builder.read_yaml(yaml).unwrap()
}

fn client(mesh: &Mesh) -> MeshClient {
    // Each request has a connection of its own, so that none is sent on one that is being closed.
    let make = || {
        let builder = reqwest::Client::builder().no_proxy();
        builder.pool_max_idle_per_host(0)
    };
    mesh.workload("w", "default").client_with(make).unwrap()
}

async fn ask(client: &MeshClient) -> Result<String, Error> {
    let response = client.get("http://users.test/").send().await?;
    response.text().await
}

/// Who answers of 30 requests.
async fn who(client: &MeshClient) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for _ in 0..30 {
        all.insert(ask(client).await.unwrap());
    }
    all
}

async fn until_only(client: &MeshClient, expected: &str) {
    let waiting = async { while who(client).await != BTreeSet::from([expected.to_owned()]) {} };
    let in_time = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    in_time.expect("it comes about long before");
}

#[tokio::test]
async fn every_address_of_a_name_is_an_endpoint_from_the_first_request_on() {
    let names = NameServer::start().await;
    names.set("users.test", 0, ["127.0.0.1", "127.0.0.2"]);
    let servers = pair().await;
    let mesh = mesh(
        &names,
        &entry(servers[0].address().port(), "resolution: DNS"),
    );
    let client = client(&mesh);
    assert_eq!(who(&client).await, BTreeSet::from(["a".into(), "b".into()]));

    names.set("users.test", 0, ["127.0.0.2"]);
    until_only(&client, "b").await;
    // Nobody answers for the name, and who was there stays.
    names.silence(true);
    assert_eq!(ask(&client).await.unwrap(), "b");
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_refused_and_one_that_comes_later_is_found() {
    let names = NameServer::start().await;
    let servers = pair().await;
    let documents = entry(servers[0].address().port(), "resolution: DNS") + &route();
    let mesh = mesh(&names, &documents);
    let client = client(&mesh);
    let Err(Error::Rejected { rejection, .. }) = ask(&client).await else {
        panic!("there is nobody");
    };
    assert_eq!(rejection, Rejection::NoHealthyUpstream);
    names.set("users.test", 0, ["127.0.0.1"]);
    let waiting = async {
        while ask(&client).await.is_err() {
            // A refusal waits for nothing, so nobody else would have a turn.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    in_time.expect("it is found long before");
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn names_are_followed_through_a_change_and_no_longer_than_they_are_written() {
    let names = NameServer::start().await;
    names.set("users.test", 3_600, ["127.0.0.2"]);
    let servers = pair().await;
    let port = servers[0].address().port();
    let metrics = tokio::runtime::Handle::current().metrics();
    let mesh = mesh(&names, &entry(port, "resolution: DNS"));
    let client = client(&mesh);
    assert_eq!(ask(&client).await.unwrap(), "b");
    let asked = names.asked().len();
    // Whoever asked anew would hear nothing.
    names.silence(true);
    mesh.apply(&(entry(port, "resolution: DNS") + &route()))
        .unwrap();
    assert_eq!(ask(&client).await.unwrap(), "b");
    assert_eq!(
        names.asked().len(),
        asked,
        "the name is not asked for again"
    );

    let fixed = entry(
        port,
        "resolution: STATIC, endpoints: [{address: 127.0.0.1}]",
    );
    mesh.apply(&fixed).unwrap();
    assert_eq!(ask(&client).await.unwrap(), "a");

    names.silence(false);
    mesh.apply(&entry(port, "resolution: DNS")).unwrap();
    assert_eq!(ask(&client).await.unwrap(), "b");
    for server in servers {
        server.stop().await;
    }
    drop((client, mesh));
    // The name server's two are left.
    until(|| metrics.num_alive_tasks() <= 2).await;
}
