//! DNS refresh over time, with a paused clock and scripted answers.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;

use super::lookup::{Family, Lookup, LookupFuture, LookupResult, Service, Working};
use super::{Backoff, DnsFailure, DnsName, DnsPolicy, DnsTask, Jitter, Resolver};
use crate::foundation::endpoints::{Endpoint, Endpoints};
use crate::foundation::events::{Event, EventKind, Observe};

const SECOND: Duration = Duration::from_secs(1);

/// Recorded queries with their times.
type Asked = (Duration, String);

#[derive(Debug)]
struct Fake {
    asked: Mutex<Vec<Asked>>,
    events: Mutex<Vec<EventKind>>,
    start: Instant,
    zone: Mutex<Zone>,
}

#[derive(Debug, Default)]
struct Zone {
    addresses: HashMap<(String, bool), LookupResult<IpAddr>>,
    services: HashMap<String, LookupResult<Service>>,
    /// Delay of an answer, for IPv4 and for IPv6.
    slow: [Duration; 2],
    silent: bool,
    /// The families that do not work.
    broken: [bool; 2],
    tried: usize,
}

impl Fake {
    #[expect(clippy::disallowed_methods, reason = "a test's own clock")]
    fn new() -> Arc<Self> {
        Arc::new(Self {
            asked: Mutex::default(),
            events: Mutex::default(),
            start: Instant::now(),
            zone: Mutex::default(),
        })
    }

    fn resolver(self: &Arc<Self>, policy: DnsPolicy) -> Resolver {
        let resolver = Resolver::of(policy, Arc::new(Shared(Arc::clone(self))));
        let resolver = resolver.with_observer(Arc::new(Shared(Arc::clone(self))));
        resolver.named("names")
    }

    /// Sets the addresses of a name, all of one family; "" means no addresses.
    fn set(&self, name: &str, addresses: &str, ttl: u64) {
        let records: Vec<IpAddr> = addresses
            .split_whitespace()
            .map(|a| a.parse().unwrap())
            .collect();
        let is_v6 = records.first().is_some_and(IpAddr::is_ipv6);
        let ttl = Duration::from_secs(ttl);
        self.answer(name, is_v6, LookupResult::Found { records, ttl });
    }

    fn answer(&self, name: &str, is_v6: bool, answer: LookupResult<IpAddr>) {
        let mut zone = self.zone.lock().unwrap();
        zone.addresses.insert((name.to_owned(), is_v6), answer);
    }

    fn fail(&self, name: &str) {
        for is_v6 in [false, true] {
            self.answer(name, is_v6, LookupResult::Failed(DnsFailure::ServerFailure));
        }
    }

    fn serve(&self, name: &str, services: &[(u16, u16, u16, &str)]) {
        let services = services.iter();
        let records = services.map(|(priority, weight, port, host)| Service {
            host: (*host).to_owned(),
            port: *port,
            priority: *priority,
            weight: *weight,
        });
        let answer = LookupResult::Found {
            records: records.collect(),
            ttl: 60 * SECOND,
        };
        let mut zone = self.zone.lock().unwrap();
        zone.services.insert(name.to_owned(), answer);
    }

    /// The seconds at which names were asked for.
    fn times(&self) -> Vec<u64> {
        let asked = self.asked.lock().unwrap();
        let mut times: Vec<_> = asked.iter().map(|(at, _)| at.as_secs()).collect();
        times.dedup();
        times
    }

    fn events(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events
            .iter()
            .map(|event| match event {
                EventKind::NameResolved { endpoints, .. } => endpoints.to_string(),
                EventKind::NameUnresolved { reason, .. } => reason.label().to_owned(),
                _ => unreachable!("no other event"),
            })
            .collect()
    }
}

#[derive(Debug)]
struct Shared(Arc<Fake>);

impl Shared {
    fn ask<T: Send + 'static>(
        &self,
        name: &str,
        answer: impl FnOnce(&Zone) -> Option<LookupResult<T>>,
    ) -> LookupFuture<'static, T> {
        let at = self.0.start.elapsed();
        self.0.asked.lock().unwrap().push((at, name.to_owned()));
        let zone = self.0.zone.lock().unwrap();
        let (answer, silent) = (answer(&zone).unwrap_or(LookupResult::Nothing), zone.silent);
        Box::pin(async move {
            if silent {
                tokio::time::sleep(5 * SECOND).await;
                return LookupResult::Failed(DnsFailure::TimedOut);
            }
            answer
        })
    }
}

impl Lookup for Shared {
    fn addresses<'a>(&'a self, name: &'a str, family: Family) -> LookupFuture<'a, IpAddr> {
        let key = (name.to_owned(), family == Family::V6);
        let slow = self.0.zone.lock().unwrap().slow[usize::from(key.1)];
        let asking = self.ask(name, |zone| zone.addresses.get(&key).cloned());
        Box::pin(async move {
            tokio::time::sleep(slow).await;
            asking.await
        })
    }

    fn services<'a>(&'a self, name: &'a str) -> LookupFuture<'a, Service> {
        self.ask(name, |zone| zone.services.get(name).cloned())
    }

    fn working(&self, _families: [Vec<SocketAddr>; 2]) -> Working {
        let mut zone = self.0.zone.lock().unwrap();
        zone.tried += 1;
        let works = zone.broken.map(|broken| !broken);
        Box::pin(async move { works })
    }
}

impl Observe for Shared {
    fn on_event(&self, event: &Event<'_>) {
        assert_eq!(event.source().name(), Some("names"));
        assert_eq!(event.policy(), "dns");
        self.0.events.lock().unwrap().push(event.kind().clone());
    }
}

fn seen(endpoints: &Endpoints) -> String {
    let all = endpoints.to_vec();
    let all: Vec<_> = all.iter().map(ToString::to_string).collect();
    all.join(" ")
}

/// Follows one name and waits for its first answer.
async fn follow(fake: &Arc<Fake>, policy: DnsPolicy) -> (Endpoints, DnsTask) {
    let (endpoints, task) = fake.resolver(policy).follow("users", 80).unwrap();
    assert!(task.resolved_within(SECOND).await);
    (endpoints, task)
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn every_address_is_an_endpoint_whatever_the_order_of_the_answer() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.2 10.0.0.1", 30);
    fake.set("users", "fd00::1", 30);
    let (endpoints, _following) = follow(&fake, DnsPolicy::default()).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80");
    let version = endpoints.version();
    fake.set("users", "10.0.0.1 10.0.0.2", 30);
    pass(40).await;
    assert_eq!(fake.times(), [0, 30]);
    assert_eq!(endpoints.version(), version, "nothing has changed");
    assert_eq!(fake.events(), ["3"]);
}

#[tokio::test(start_paused = true)]
async fn a_name_is_asked_for_again_when_its_time_is_over_within_limits() {
    for (ttl, expected) in [
        (7, vec![0, 7, 14, 21]),
        (0, vec![0, 5, 10, 15, 20]),
        (86_400, vec![0, 20]),
    ] {
        let fake = Fake::new();
        fake.set("users", "10.0.0.1", ttl);
        let policy = DnsPolicy::default().with_max_ttl(20 * SECOND);
        let _following = follow(&fake, policy).await;
        pass(23).await;
        assert_eq!(fake.times(), expected, "{ttl}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_keeps_who_was_there_and_is_waited_out_at_growing_length() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    let steady = Backoff::exponential(SECOND).with_jitter(Jitter::None);
    let policy = DnsPolicy::default().with_backoff(steady.with_cap(4 * SECOND));
    let (endpoints, _following) = follow(&fake, policy).await;
    fake.fail("users");
    pass(21).await;
    assert_eq!(fake.times(), [0, 5, 6, 8, 12, 16, 20]);
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    fake.zone.lock().unwrap().silent = true;
    pass(10).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    fake.zone.lock().unwrap().silent = false;
    fake.set("users", "10.0.0.9", 5);
    fake.answer("users", true, LookupResult::Nothing);
    pass(10).await;
    assert_eq!(seen(&endpoints), "10.0.0.9:80");
    let events = fake.events();
    assert_eq!((&*events[0], &*events[1]), ("1", "server_failure"));
    assert!(events.contains(&"timed_out".to_owned()), "{events:?}");
    assert_eq!(events.last().unwrap(), "1");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_vanishes_leaves_nobody_and_one_that_returns_is_found() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    let (endpoints, _following) = follow(&fake, DnsPolicy::default()).await;
    fake.answer("users", false, LookupResult::Nothing);
    pass(6).await;
    assert!(endpoints.is_empty());
    fake.set("users", "10.0.0.1", 5);
    pass(31).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    let events = fake.events();
    let ends = (events.first(), events.get(1), events.last());
    let [one, none] = ["1", "not_found"].map(ToOwned::to_owned);
    assert_eq!(ends, (Some(&one), Some(&none), Some(&one)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_one_family_counts_while_the_other_fails() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    fake.set("users", "fd00::1", 5);
    let (endpoints, _following) = follow(&fake, DnsPolicy::default()).await;
    fake.set("users", "10.0.0.2", 5);
    fake.answer(
        "users",
        true,
        LookupResult::Failed(DnsFailure::ServerFailure),
    );
    pass(6).await;
    assert_eq!(seen(&endpoints), "10.0.0.2:80 [fd00::1]:80");
    // One family is empty and the other failed: the name is not treated as empty.
    fake.answer("users", false, LookupResult::Nothing);
    pass(6).await;
    assert_eq!(seen(&endpoints), "10.0.0.2:80 [fd00::1]:80");
}

#[tokio::test(start_paused = true)]
async fn only_the_families_that_are_wanted_are_asked_for() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    fake.set("users", "fd00::1", 5);
    let (v4, _following) = follow(&fake, DnsPolicy::default().with_ipv4_only()).await;
    assert_eq!(seen(&v4), "10.0.0.1:80");
    let (v6, _following) = follow(&fake, DnsPolicy::default().with_ipv6_only()).await;
    assert_eq!(seen(&v6), "[fd00::1]:80");
    assert_eq!(fake.asked.lock().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn services_are_those_of_the_lowest_priority_with_their_ports_and_weights() {
    let fake = Fake::new();
    fake.set("a.", "10.0.0.1", 30);
    fake.set("b.", "10.0.0.2 10.0.0.3", 10);
    fake.set("c.", "10.0.0.4", 30);
    let services = [(1, 5, 80, "a."), (1, 0, 81, "b."), (2, 1, 80, "c.")];
    fake.serve("web", &services);
    let resolver = fake.resolver(DnsPolicy::default());
    let (endpoints, task) = resolver.follow_srv("web").unwrap();
    assert!(task.resolved_within(SECOND).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:81 10.0.0.3:81");
    let weights: Vec<_> = endpoints.to_vec().iter().map(Endpoint::weight).collect();
    assert_eq!(weights, [500, 1, 1]);

    // One host fails and one is new: the endpoints of the failed host are kept.
    fake.fail("a.");
    fake.serve("web", &[(1, 1, 80, "a."), (1, 1, 80, "c.")]);
    pass(11).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.4:80");
    fake.serve("web", &[(0, 0, 0, ".")]);
    pass(31).await;
    assert!(endpoints.is_empty(), "decidedly not there");
}

#[tokio::test(start_paused = true)]
async fn several_names_make_one_set_that_begins_when_all_have_been_heard_of() {
    let fake = Fake::new();
    fake.set("one", "10.0.0.1", 30);
    fake.set("two", "10.0.0.2", 30);
    fake.zone.lock().unwrap().silent = true;
    let v2 = DnsName::host("two", 81)
        .unwrap()
        .with_label("version", "v2");
    let names = [
        DnsName::host("one", 80).unwrap(),
        v2.with_weight(3),
        DnsName::host("10.0.0.3", 82).unwrap(),
    ];
    let (endpoints, task) = fake.resolver(DnsPolicy::default()).follow_all(names);
    assert!(!task.resolved_within(SECOND).await);
    assert!(
        endpoints.is_empty(),
        "those that are known wait for the others"
    );
    pass(5).await;
    assert_eq!(
        seen(&endpoints),
        "10.0.0.3:82",
        "but not beyond their first failure"
    );
    fake.zone.lock().unwrap().silent = false;
    assert!(task.resolved_within(20 * SECOND).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:81 10.0.0.3:82");
    let v2 = endpoints.subset([("version", "v2")]).to_vec();
    assert_eq!((v2.len(), v2[0].weight()), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_when_the_handle_is_gone_and_the_endpoints_stay() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    let (endpoints, task) = follow(&fake, DnsPolicy::default()).await;
    assert!(!task.is_finished());
    drop(task);
    pass(60).await;
    assert_eq!(fake.times(), [0]);
    assert_eq!(
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks(),
        0
    );
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
}

#[tokio::test(start_paused = true)]
async fn addresses_alone_need_no_task() {
    let fake = Fake::new();
    let resolver = fake.resolver(DnsPolicy::default());
    let (endpoints, task) = resolver.follow("::1", 80).unwrap();
    assert_eq!(seen(&endpoints), "[::1]:80");
    assert!(task.is_finished() && task.resolved_within(Duration::ZERO).await);
    assert!(fake.times().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_family_that_answers_first_serves_and_the_other_joins_it() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    fake.set("users", "fd00::1", 5);
    fake.zone.lock().unwrap().slow = [Duration::ZERO, 3 * SECOND];
    let (endpoints, task) = fake
        .resolver(DnsPolicy::default())
        .follow("users", 80)
        .unwrap();
    let soon = Duration::from_millis(100);
    assert!(task.resolved_within(soon).await);
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    pass(3).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80 [fd00::1]:80");
    // The next time the first answer takes away nothing of the other family.
    fake.set("users", "10.0.0.2", 5);
    pass(6).await;
    assert_eq!(seen(&endpoints), "10.0.0.2:80 [fd00::1]:80");
}

#[tokio::test(start_paused = true)]
async fn a_family_that_does_not_work_is_left_out_until_it_does() {
    let fake = Fake::new();
    fake.set("users", "10.0.0.1", 5);
    fake.set("users", "fd00::1", 5);
    fake.zone.lock().unwrap().broken = [false, true];
    let (endpoints, _following) =
        follow(&fake, DnsPolicy::default().with_working_family(true)).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    pass(50).await;
    assert_eq!(fake.zone.lock().unwrap().tried, 1, "not for each answer");
    // New addresses are tried at once, and the same ones after a minute.
    fake.set("users", "10.0.0.1 10.0.0.2", 5);
    pass(6).await;
    assert_eq!(fake.zone.lock().unwrap().tried, 2);
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:80");
    fake.zone.lock().unwrap().broken = [false, false];
    pass(70).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:80 [fd00::1]:80");
    // Of one family alone there is nothing to be found out.
    fake.zone.lock().unwrap().broken = [true, true];
    fake.answer("users", true, LookupResult::Nothing);
    pass(6).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80 10.0.0.2:80");
}

#[tokio::test(start_paused = true)]
async fn a_service_whose_first_hosts_have_no_address_is_at_the_next_and_weights_of_one_host_add_up()
{
    let fake = Fake::new();
    fake.set("b.", "10.0.0.2", 30);
    fake.set("c.", "10.0.0.3", 30);
    let services = [
        (1, 9, 80, "a."),
        (2, 2, 80, "b."),
        (2, 3, 80, "b."),
        (2, 1, 80, "c."),
        (3, 1, 80, "d."),
    ];
    fake.serve("web", &services);
    let resolver = fake.resolver(DnsPolicy::default());
    let (endpoints, task) = resolver.follow_srv("web").unwrap();
    assert!(task.resolved_within(SECOND).await);
    assert_eq!(seen(&endpoints), "10.0.0.2:80 10.0.0.3:80");
    let weights: Vec<_> = endpoints.to_vec().iter().map(Endpoint::weight).collect();
    assert_eq!(weights, [5, 1]);
    // The first is back.
    fake.set("a.", "10.0.0.1", 30);
    pass(31).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
    // A failure says nothing about who is there.
    fake.fail("a.");
    pass(31).await;
    assert_eq!(seen(&endpoints), "10.0.0.1:80");
}
