use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

type Host = u8;

#[derive(Clone, Copy, Debug)]
enum Step {
    Arrive(Host),
    /// The nth connection attempt succeeds.
    Connect(usize),
    /// The peer closes the nth connection.
    Drop(usize),
    /// The nth request in flight gets its response.
    End(usize),
    Fail(usize),
    GiveUp(usize),
    /// The nth closing connection is closed.
    Gone(usize),
    Reconfigure(u32, u32),
    /// Time passes, and each connection checks its idle timeout and maximum duration.
    Wait,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let nth = || 0_usize..8;
    let step = prop_oneof![
        6 => (0_u8..3).prop_map(Step::Arrive),
        6 => nth().prop_map(Step::Connect),
        1 => nth().prop_map(Step::Drop),
        6 => nth().prop_map(Step::End),
        1 => nth().prop_map(Step::Fail),
        1 => nth().prop_map(Step::GiveUp),
        4 => nth().prop_map(Step::Gone),
        1 => (1_u32..5, 0_u32..4).prop_map(|(max, served)| Step::Reconfigure(max, served)),
        1 => Just(Step::Wait),
    ];
    prop::collection::vec(step, 0..150)
}

/// A simulated pool that carries out the machine's actions.
struct World {
    active: Vec<(PoolId, Host)>,
    closing: Vec<PoolId>,
    connecting: Vec<PoolId>,
    hosts: BTreeMap<PoolId, Host>,
    machine: Machine<Host>,
    now: Instant,
    open: Vec<PoolId>,
    served: BTreeMap<PoolId, u32>,
    streams: u32,
    waiting: BTreeMap<PoolId, Host>,
}

fn policy(max: u32, served: u32) -> PoolPolicy {
    PoolPolicy::new()
        .with_max_connections(max)
        .with_max_requests_per_connection(served)
        .with_max_pending(10)
        .with_max_connection_duration(Duration::from_secs(40))
        .with_idle_timeout(Duration::from_secs(10))
}

impl World {
    fn new(streams: u32) -> Self {
        Self {
            active: Vec::new(),
            closing: Vec::new(),
            connecting: Vec::new(),
            hosts: BTreeMap::new(),
            machine: Machine::new(policy(3, 2)),
            now: crate::foundation::time::clock::now(),
            open: Vec::new(),
            served: BTreeMap::new(),
            streams,
            waiting: BTreeMap::new(),
        }
    }

    fn granted(&mut self, conn: PoolId, host: Host) {
        assert_eq!(self.hosts[&conn], host, "a connection to whom it is for");
        self.active.push((conn, host));
        let served = self.served.entry(conn).or_default();
        *served += 1;
        assert!(*served <= self.machine.max_served());
        let used = self.active.iter().filter(|(id, _)| *id == conn).count();
        assert!(used <= self.streams as usize);
    }

    /// Carries out the machine's actions.
    fn act(&mut self) {
        for action in std::mem::take(&mut self.machine.actions) {
            match action {
                Action::Close(id) => {
                    self.connecting.retain(|other| *other != id);
                    self.open.retain(|other| *other != id);
                    assert!(self.active.iter().all(|(conn, _)| *conn != id));
                    self.closing.push(id);
                }
                Action::Grant { grant, waiter } => {
                    let host = self.waiting.remove(&waiter).expect("it waits");
                    let overtakes = |(id, other): (&PoolId, &Host)| *other == host && *id < waiter;
                    assert!(!self.waiting.iter().any(overtakes), "in order");
                    self.granted(grant.conn, host);
                }
                Action::Open { conn, key } => {
                    self.connecting.push(conn);
                    self.hosts.insert(conn, key);
                    let max = self.machine.policy.max_connections().expect("a limit");
                    assert!(self.machine.conns.len() <= max as usize);
                }
            }
        }
        let stats = self.machine.stats();
        assert_eq!(stats.pending, self.waiting.len());
        assert_eq!(
            stats.open,
            self.connecting.len() + self.open.len() + self.closing.len()
        );
        for host in 0..3 {
            if let Some(books) = self.machine.hosts.get(&host) {
                assert!(books.ready.is_empty() || books.waiting.is_empty());
                assert!(books.usable > 0 || !books.waiting.is_empty());
            }
        }
    }

    fn step(&mut self, step: Step) {
        let now = self.now;
        match step {
            Step::Arrive(host) => match self.machine.arrive(&host, now) {
                Arrival::Granted(grant) => self.granted(grant.conn, host),
                Arrival::Rejected(max) => assert_eq!(max as usize, self.waiting.len()),
                Arrival::Waits(waiter) => drop(self.waiting.insert(waiter, host)),
            },
            Step::Connect(n) if n < self.connecting.len() => {
                let id = self.connecting.remove(n);
                self.open.push(id);
                assert!(self.machine.connected(id, self.streams > 1, now));
                self.act();
                if self.streams > 1 && self.open.contains(&id) {
                    self.machine.widen(id, self.streams, now);
                }
            }
            Step::Drop(n) if n < self.open.len() => {
                let id = self.open.remove(n);
                self.active.retain(|(conn, _)| *conn != id);
                self.machine.closed(id, now);
            }
            Step::End(n) if n < self.active.len() => {
                let (id, _) = self.active.remove(n);
                self.machine.ended(id, now);
            }
            Step::Fail(n) if n < self.connecting.len() => {
                let id = self.connecting.remove(n);
                for told in self.machine.failed(id, false, now) {
                    self.waiting.remove(&told).expect("it waits");
                }
            }
            Step::GiveUp(n) => {
                if let Some((waiter, host)) = self.waiting.iter().nth(n).map(|(w, h)| (*w, *h)) {
                    self.waiting.remove(&waiter);
                    self.machine.give_up(&host, waiter);
                }
            }
            Step::Gone(n) if n < self.closing.len() => {
                let id = self.closing.remove(n);
                self.machine.closed(id, now);
            }
            Step::Reconfigure(max, served) => self.machine.reconfigure(policy(max, served), now),
            Step::Wait => {
                self.now += Duration::from_secs(7);
                for id in self.open.clone() {
                    self.machine.check(id, self.now);
                    self.act();
                }
            }
            _ => {}
        }
        self.act();
    }
}

proptest! {
    #[test]
    fn limits_hold_the_order_is_kept_and_nobody_is_forgotten(
        streams in prop_oneof![Just(1_u32), Just(3)],
        steps in steps(),
    ) {
        let mut world = World::new(streams);
        for step in steps {
            world.step(step);
        }
        // From here on no connection fails, so every waiter is served.
        for _ in 0..60 {
            world.step(Step::Connect(0));
            world.step(Step::End(0));
            world.step(Step::Gone(0));
        }
        prop_assert_eq!(world.waiting.len(), 0);
        prop_assert_eq!(world.active.len(), 0);
        world.machine.shutdown();
        world.act();
        while !world.closing.is_empty() || !world.connecting.is_empty() {
            world.step(Step::Gone(0));
        }
        let stats = world.machine.stats();
        prop_assert_eq!((stats.open, stats.idle, stats.closed), (0, 0, stats.opened));
    }
}

#[test]
fn a_connection_that_ends_before_it_is_reported_fails_those_who_wait_for_it() {
    let now = crate::foundation::time::clock::now();
    let mut machine = Machine::new(PoolPolicy::new());
    let Arrival::Waits(waiter) = machine.arrive(&1, now) else {
        panic!("there is no connection yet");
    };
    let Some(Action::Open { conn, .. }) = machine.actions.pop() else {
        panic!("one is made");
    };
    machine.closed(conn, now);
    assert!(!machine.connected(conn, true, now));
    assert_eq!(machine.failed(conn, false, now), [waiter]);
    assert_eq!(machine.stats().open, 0);
}

/// Answers what comes to one host, on a machine whose connections stand at once.
fn served(machine: &mut Machine<Host>, host: Host, now: Instant) -> Option<PoolId> {
    let granted = match machine.arrive(&host, now) {
        Arrival::Granted(grant) => return Some(grant.conn),
        Arrival::Rejected(_) => return None,
        Arrival::Waits(waiter) => waiter,
    };
    for action in std::mem::take(&mut machine.actions) {
        if let Action::Open { conn, .. } = action {
            assert!(machine.connected(conn, false, now));
        }
    }
    std::mem::take(&mut machine.actions)
        .into_iter()
        .find_map(|action| match action {
            Action::Grant { grant, waiter } if waiter == granted => Some(grant.conn),
            _ => None,
        })
}

#[test]
fn each_authority_may_have_one_connection_and_a_second_only_within_the_limit() {
    let now = crate::foundation::time::clock::now();
    let policy = PoolPolicy::new()
        .with_max_connections(1)
        .with_one_per_authority(true);
    let mut machine = Machine::new(policy);
    let conns: Vec<_> = (0..3)
        .map(|host| served(&mut machine, host, now).expect("one each"))
        .collect();
    assert_eq!(machine.stats().open, 3);
    // The second request of one waits for its first connection, and takes no other's away.
    assert_eq!(served(&mut machine, 0, now), None);
    for conn in &conns[1..] {
        machine.ended(*conn, now);
    }
    assert!(machine.actions.is_empty(), "{:?}", machine.actions);
    machine.ended(conns[0], now);
    let granted = machine.actions.pop();
    let conn = conns[0];
    assert!(matches!(granted, Some(Action::Grant { grant, .. }) if grant.conn == conn));
    machine.ended(conn, now);
    assert_eq!((machine.stats().open, machine.stats().idle), (3, 3));
    // An exact limit closes what is too much.
    machine.reconfigure(policy.with_one_per_authority(false), now);
    assert_eq!(machine.actions.len(), 2);
}

#[cfg(all(feature = "istio", feature = "reqwest"))]
#[test]
fn connections_to_an_authority_that_is_gone_are_closed_when_they_are_idle() {
    let now = crate::foundation::time::clock::now();
    let mut machine = Machine::new(PoolPolicy::new());
    let busy = served(&mut machine, 1, now).expect("a connection");
    let idle = served(&mut machine, 1, now).expect("another one");
    let stays = served(&mut machine, 2, now).expect("of another authority");
    for conn in [idle, stays] {
        machine.ended(conn, now);
    }
    machine.forget_hosts(|host| *host == 1);
    assert_eq!(std::mem::take(&mut machine.actions), [Action::Close(idle)]);
    machine.ended(busy, now);
    assert_eq!(std::mem::take(&mut machine.actions), [Action::Close(busy)]);
    assert_eq!((machine.stats().open, machine.stats().idle), (3, 1));
}

#[test]
fn a_connection_that_is_kept_and_was_just_used_is_not_looked_at() {
    let start = crate::foundation::time::clock::now();
    let mut machine = Machine::new(PoolPolicy::new());
    let conn = served(&mut machine, 1, start).expect("a connection");
    let mut again = |after: Duration| {
        let now = start + after;
        machine.ended(conn, start);
        match machine.arrive(&1, now) {
            Arrival::Granted(grant) => grant.look,
            other => panic!("{other:?}"),
        }
    };
    // It is not known yet that the authority keeps connections.
    assert_eq!(again(Duration::ZERO), Look::Short);
    assert_eq!(again(Duration::ZERO), Look::None);
    assert_eq!(again(Duration::from_millis(499)), Look::None);
    assert_eq!(again(FRESH), Look::Turn);
}
