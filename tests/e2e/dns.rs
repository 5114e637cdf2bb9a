//! Endpoints by name, from a name server on loopback.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use meshless::dns::{Backoff, DnsFailure, DnsName, DnsPolicy, Resolver};
use meshless::events::EventKind;
use meshless::{Endpoints, Event, Observe};

use crate::name_server::NameServer;
use crate::support::until;

const LONG: Duration = Duration::from_secs(10);

/// Asks again very soon.
fn eager() -> DnsPolicy {
    let soon = Duration::from_millis(10);
    DnsPolicy::default()
        .with_min_ttl(soon)
        .with_timeout(Duration::from_millis(300))
        .with_backoff(Backoff::constant(soon))
}

/// Takes note of what becomes of names: how many endpoints, or why not.
#[derive(Debug, Default)]
struct Notes(Mutex<Vec<Result<usize, DnsFailure>>>);

impl Notes {
    fn any(&self, expected: Result<usize, DnsFailure>) -> bool {
        self.0.lock().unwrap().contains(&expected)
    }
}

impl Observe for Notes {
    fn on_event(&self, event: &Event<'_>) {
        let note = match event.kind() {
            EventKind::NameResolved { endpoints, .. } => Ok(*endpoints),
            EventKind::NameUnresolved { reason, .. } => Err(*reason),
            _ => return,
        };
        self.0.lock().unwrap().push(note);
    }
}

fn resolver(server: &NameServer, policy: DnsPolicy) -> (Resolver, Arc<Notes>) {
    let notes = Arc::new(Notes::default());
    let resolver = Resolver::new(policy, [server.address()]).unwrap();
    (resolver.with_observer(Arc::clone(&notes) as _), notes)
}

fn seen(endpoints: &Endpoints) -> String {
    let all = endpoints.to_vec();
    let all: Vec<_> = all.iter().map(|e| format!("{e}*{}", e.weight())).collect();
    all.join(" ")
}

#[tokio::test]
async fn both_kinds_of_addresses_are_endpoints() {
    let server = NameServer::start().await;
    server.set("users.test", 30, ["10.0.0.2", "fd00::1", "10.0.0.1"]);
    let (resolver, notes) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    assert_eq!(
        seen(&endpoints),
        "10.0.0.1:80*1 10.0.0.2:80*1 [fd00::1]:80*1"
    );
    assert!(notes.any(Ok(3)));
    assert!(server.asked().iter().all(|asked| !asked.over_tcp));
}

#[tokio::test]
async fn a_service_has_the_ports_and_weights_of_its_records() {
    let server = NameServer::start().await;
    server.set("a.test", 30, ["10.0.0.1"]);
    server.set("b.test", 30, ["10.0.0.2"]);
    let records = [
        (1, 2, 8001, "a.test"),
        (1, 3, 8002, "b.test"),
        (2, 1, 80, "c.test"),
    ];
    server.serve("_http._tcp.users.test", 30, &records);
    let (resolver, _) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow_srv("_http._tcp.users.test").unwrap();
    assert!(following.resolved_within(LONG).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:8001*2 10.0.0.2:8002*3");
    let asked = server.asked();
    assert!(
        asked.iter().all(|asked| asked.name != "c.test"),
        "{asked:?}"
    );
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_over_tcp() {
    let server = NameServer::start().await;
    let addresses: Vec<_> = (0..200).map(|n| format!("10.0.0.{n}")).collect();
    server.set("users.test", 30, addresses.iter().map(String::as_str));
    server.truncate();
    let (resolver, _) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    assert_eq!(endpoints.len(), 200);
    assert!(server.asked().iter().any(|asked| asked.over_tcp));
}

#[tokio::test]
async fn a_name_is_not_asked_for_again_before_its_shortest_time_to_live_is_over() {
    let server = NameServer::start().await;
    server.set("users.test", 30, ["10.0.0.1"]);
    server.alias("alias.test", 1, "users.test");
    let (resolver, _) = resolver(&server, eager().with_ipv4_only());
    let (_endpoints, following) = resolver.follow("alias.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    until(|| server.asked().len() >= 2).await;
    let asked = server.asked();
    let gap = asked[1].at - asked[0].at;
    assert!((1_000..20_000).contains(&gap.as_millis()), "{gap:?}");
}

#[tokio::test]
async fn an_address_that_changes_is_another_endpoint() {
    let server = NameServer::start().await;
    server.set("users.test", 0, ["10.0.0.1", "10.0.0.2"]);
    let (resolver, _) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    let stays = endpoints.to_vec()[1].clone();
    server.set("users.test", 0, ["10.0.0.3", "10.0.0.2"]);
    until(|| seen(&endpoints) == "10.0.0.2:80*1 10.0.0.3:80*1").await;
    assert_eq!(
        endpoints.to_vec()[0],
        stays,
        "and who stays is who they were"
    );
}

#[tokio::test]
async fn a_name_that_vanishes_leaves_nobody_until_it_is_back() {
    let server = NameServer::start().await;
    server.set("users.test", 0, ["10.0.0.1"]);
    let (resolver, notes) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    server.forget("users.test");
    until(|| endpoints.is_empty()).await;
    until(|| notes.any(Err(DnsFailure::NotFound))).await;
    server.set("users.test", 0, ["10.0.0.1"]);
    until(|| endpoints.len() == 1).await;
}

#[tokio::test]
async fn a_name_server_that_is_silent_or_fails_takes_nobody_away() {
    let server = NameServer::start().await;
    server.set("users.test", 0, ["10.0.0.1"]);
    let (resolver, notes) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    server.silence(true);
    until(|| notes.any(Err(DnsFailure::TimedOut))).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80*1");
    server.silence(false);
    server.fail(true);
    until(|| notes.any(Err(DnsFailure::ServerFailure))).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80*1");
    server.set("users.test", 0, ["10.0.0.9"]);
    server.fail(false);
    until(|| seen(&endpoints) == "10.0.0.9:80*1").await;
}

#[tokio::test]
async fn who_starts_while_the_name_server_is_silent_gets_endpoints_later() {
    let server = NameServer::start().await;
    server.set("users.test", 0, ["10.0.0.1"]);
    server.silence(true);
    let (resolver, _) = resolver(&server, eager());
    let names = [
        DnsName::host("users.test", 80).unwrap(),
        DnsName::host("10.0.0.7", 80).unwrap(),
    ];
    let (endpoints, following) = resolver.follow_all(names);
    assert!(!following.resolved_within(Duration::from_millis(20)).await);
    server.silence(false);
    assert!(following.resolved_within(LONG).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:80*1 10.0.0.7:80*1");
}

#[tokio::test]
async fn nothing_is_left_of_a_resolver_that_is_dropped() {
    let server = NameServer::start().await;
    server.set("users.test", 0, ["10.0.0.1"]);
    let metrics = tokio::runtime::Handle::current().metrics();
    let before = metrics.num_alive_tasks();
    let (resolver, _) = resolver(&server, eager());
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    drop((resolver, following));
    until(|| metrics.num_alive_tasks() == before).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80*1");
}

#[tokio::test]
async fn the_system_has_name_servers_or_says_that_it_has_none() {
    match Resolver::system(DnsPolicy::default()) {
        Ok(resolver) => {
            // In the file of hosts, or known to every resolver.
            let (endpoints, following) = resolver.follow("localhost", 80).unwrap();
            assert!(following.resolved_within(LONG).await);
            assert!(seen(&endpoints).contains("127.0.0.1:80"));
        }
        Err(error) => assert_eq!(error.to_string(), "no name servers to ask"),
    }
}

#[tokio::test]
async fn a_name_server_is_heard_for_as_long_as_it_has_time_and_the_first_family_serves() {
    let server = NameServer::start().await;
    server.set("users.test", 30, ["10.0.0.1", "fd00::1"]);
    let policy = eager().with_timeout(Duration::from_millis(900));
    // Later than a third of its time, after which the question is asked again.
    let slow = Duration::from_millis(500);
    server.slow_down(slow, slow);
    let (resolver, notes) = resolver(&server, policy);
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(LONG).await);
    assert_eq!(endpoints.len(), 2);
    assert!(!notes.any(Err(DnsFailure::TimedOut)));

    server.slow_down(Duration::ZERO, LONG);
    let (endpoints, following) = resolver.follow("users.test", 80).unwrap();
    assert!(following.resolved_within(Duration::from_millis(800)).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:80*1");
}
