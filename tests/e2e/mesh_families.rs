//! Names with addresses of both families, one of which leads nowhere.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ::axum::Router;
use ::axum::routing::get;
use meshless::Mesh;
use meshless::dns::{DnsPolicy, Resolver};
use meshless::outcome::Cause;
use tokio::net::TcpListener;

use crate::name_server::NameServer;
use crate::support::{Server, service_entry, virtual_service};

fn documents(port: u16) -> String {
    let port = format!("protocol: HTTP, targetPort: {port}");
    service_entry("users.test", &port, "resolution: DNS")
        + &virtual_service("users.test", "retries: {attempts: 0}", "")
}

fn client(names: &NameServer, port: u16) -> meshless::mesh::MeshClient {
    let policy = DnsPolicy::default().with_timeout(Duration::from_millis(500));
    let resolver = Resolver::new(policy, [names.address()]).unwrap();
    let builder = Mesh::builder().with_resolver(resolver);
    let mesh = builder.read_yaml(&documents(port)).unwrap();
    let make = || reqwest::Client::builder().no_proxy();
    mesh.workload("w", "default").client_with(make).unwrap()
}

#[tokio::test]
async fn a_family_that_leads_nowhere_costs_no_request() {
    let server = Server::axum(Router::new().route("/", get(async || "hello"))).await;
    let names = NameServer::start().await;
    // The one is not routed anywhere (RFC 6666), and on the other there is no listener.
    names.set("users.test", 30, ["127.0.0.1", "100::1", "::1"]);
    let client = client(&names, server.address().port());
    for _ in 0..20 {
        let response = client.get("http://users.test/").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello");
    }
    server.stop().await;
}

#[tokio::test]
async fn it_may_be_the_other_family_that_works() {
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 0));
    let Ok(listener) = TcpListener::bind(v6).await else {
        // A machine without IPv6 has nothing to show.
        return;
    };
    let server = Server::on(listener, |listener, stopped| async move {
        let router = Router::new().route("/", get(async || "hello"));
        let serving = ::axum::serve(listener, router).with_graceful_shutdown(stopped);
        serving.await.unwrap();
    });
    let port = server.address().port();
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .is_err()
    {
        return;
    }
    let names = NameServer::start().await;
    names.set("users.test", 30, ["127.0.0.1", "::1"]);
    let client = client(&names, port);
    for _ in 0..20 {
        let response = client.get("http://users.test/").send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello");
    }
    drop(client);
    server.stop().await;
}

#[tokio::test]
async fn who_is_refused_hears_that_the_name_was_never_resolved() {
    let names = NameServer::start().await;
    let client = client(&names, 80);
    for _ in 0..3 {
        let error = client.get("http://users.test/").send().await.unwrap_err();
        assert!(error.is_rejected());
        let text = error.to_string();
        assert!(text.contains("name does not exist"), "{text}");
        let meshless::client::Error::Rejected { cause, .. } = error else {
            unreachable!("it was refused");
        };
        assert!(matches!(cause, Some(Cause::Name(_))), "{cause:?}");
    }
}
