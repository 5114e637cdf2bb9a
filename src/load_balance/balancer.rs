use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::Guard;
use http::HeaderValue;

use super::core::Core;
use super::machine::{Chooser, Scene};
use super::shortcut::Straight;
use super::table::{Mode, Table};
use super::ticket::Observer;
use super::{BalanceTicket, LoadBalancePolicy};
use crate::base::dice::Dice;
use crate::base::spread::Home;
use crate::base::tried::Tried;
use crate::base::{Endpoint, EndpointObserver, Endpoints, Observe, RequestHead, clock};

/// What all clones of a balancer have in common.
pub(super) struct Balancer<S> {
    core: Arc<Core<S>>,
    dice: Dice,
    pub(super) observe: Arc<dyn Observe>,
}

/// Where a request goes.
pub(super) enum Choice<S> {
    Endpoint { service: S, ticket: BalanceTicket },
    Nobody,
}

impl<S: Clone> Balancer<S> {
    pub(super) fn new(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: impl Fn(&Endpoint) -> S + Send + Sync + 'static,
        observe: Arc<dyn Observe>,
    ) -> Self {
        let core = Core::new(policy, endpoints, Arc::new(make), None, None);
        Self {
            core: Arc::new(core),
            dice: Dice::default(),
            observe,
        }
    }

    pub(super) fn with_observer(&self, observer: Arc<dyn EndpointObserver>) -> Self {
        let core = &*self.core;
        let policy = core.policy().clone();
        let (endpoints, make) = (core.endpoints.clone(), Arc::clone(&core.make));
        let old = core.table.load();
        let observer = Some(Home::new(observer));
        let core = Core::new(policy, endpoints, make, observer, Some(&old));
        Self {
            core: Arc::new(core),
            ..self.clone()
        }
    }

    pub(super) fn with_seed(&self, seed: u64) -> Self {
        Self {
            dice: Dice::seeded(seed),
            ..self.clone()
        }
    }

    pub(super) fn reconfigure(&self, policy: LoadBalancePolicy) {
        let mut current = self.core.policy();
        *current = policy;
        self.core.make_table(&current);
    }

    /// Returns where a request goes that nobody has to choose for, without a look at the table.
    #[inline]
    pub(super) fn straight(&self) -> Option<Straight<'_>> {
        self.core.shortcut.find(self.core.endpoints.version())
    }

    /// Chooses an endpoint for a request; what is not HTTP has no head, and so no key. `asked` is
    /// whether the ticket has to know the endpoint, also where it counts nothing there.
    #[inline]
    pub(super) fn choose(&self, head: Option<RequestHead<'_>>, asked: bool) -> Choice<S> {
        let mut now = None;
        let table = self.table(&mut now);
        if table.mode == Mode::Off {
            return match table.first() {
                Some(first) => Choice::Endpoint {
                    service: first.service.clone(),
                    ticket: BalanceTicket::new(first.endpoint.clone(), None, None),
                },
                None => Choice::Nobody,
            };
        }
        let (key, cookie) = match (&table.chooser, head) {
            (Chooser::ConsistentHash { key, .. }, Some(head)) => self.key(key, head),
            _ => (None, None),
        };
        let (is_retried, has_tried) = Tried::current();
        let mut request = Request {
            balancer: self,
            has_tried: has_tried && table.goes_elsewhere,
            now,
            table: &table,
            warms_up: table.warms_up(),
        };
        let Some(chosen) = table.chooser.choose(key, &mut request) else {
            return Choice::Nobody;
        };
        let entry = table.entry(chosen);
        if is_retried {
            Tried::note(entry.endpoint.id());
        }
        let ticket = match table.mode {
            Mode::Only if asked => BalanceTicket::new(entry.endpoint.clone(), None, cookie),
            Mode::Only => BalanceTicket::unchosen(),
            _ => BalanceTicket::new(table.send_to(chosen), self.observer(), cookie),
        };
        let service = entry.service.clone();
        Choice::Endpoint { service, ticket }
    }

    /// Returns the table for the endpoints as they are now, and the time if it had to be read.
    #[inline]
    fn table(&self, now: &mut Option<Instant>) -> Guard<Arc<Table<S>>> {
        let core = &*self.core;
        let table = core.table.load();
        if table.needs_time() || table.version() != core.endpoints.version() {
            return self.current_table(table, now);
        }
        table
    }

    #[cold]
    fn current_table(
        &self,
        mut table: Guard<Arc<Table<S>>>,
        now: &mut Option<Instant>,
    ) -> Guard<Arc<Table<S>>> {
        let core = &*self.core;
        // Also where the endpoints have changed: the change may be an ejection, and its time over.
        if (table.has_ejected() || table.version() != core.endpoints.version())
            && let Some(observer) = &core.observer
        {
            observer.sweep(*now.insert(clock::now()));
        }
        if table.version() != core.endpoints.version() {
            core.catch_up();
            table = core.table.load();
        }
        if table.warms_up() {
            table.note(*now.get_or_insert_with(clock::now));
        }
        table
    }

    #[inline]
    fn observer(&self) -> Option<Observer> {
        self.core.observer.as_ref().map(Home::handle)
    }

    fn key(
        &self,
        key: &crate::base::Sticky,
        head: RequestHead<'_>,
    ) -> (Option<u64>, Option<Box<HeaderValue>>) {
        if let Some(hash) = key.hash(head) {
            return (Some(hash), None);
        }
        match key.give_out(self.dice.roll()) {
            Some((hash, cookie, value)) => {
                let cookie = cookie.set_cookie(value.as_str());
                (Some(hash), cookie.map(Box::new))
            }
            None => (None, None),
        }
    }
}

impl<S> Clone for Balancer<S> {
    fn clone(&self) -> Self {
        Self {
            core: Arc::clone(&self.core),
            dice: self.dice.clone(),
            observe: Arc::clone(&self.observe),
        }
    }
}

impl<S> Debug for Balancer<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer")
            .field("endpoints", &self.core.endpoints)
            .field("policy", &self.core.policy)
            .field("observer", &self.core.observer)
            .finish_non_exhaustive()
    }
}

/// One request that is given an endpoint.
struct Request<'a, S> {
    balancer: &'a Balancer<S>,
    /// Whether any endpoint was tried for it and better is not tried again.
    has_tried: bool,
    /// Read only while it matters.
    now: Option<Instant>,
    table: &'a Table<S>,
    warms_up: bool,
}

impl<S> Scene for Request<'_, S> {
    #[inline]
    fn in_flight(&self, index: usize) -> usize {
        self.table.entry(index).endpoint.travelling()
    }

    #[inline]
    fn is_tried(&self, index: usize) -> bool {
        self.has_tried && Tried::is_current(self.table.entry(index).endpoint.id())
    }

    #[inline]
    fn part(&self, index: usize) -> Option<f64> {
        if !self.warms_up {
            return None;
        }
        self.table.part(index, self.now?)
    }

    #[inline]
    fn warms_up(&self) -> bool {
        self.warms_up
    }

    #[inline]
    fn roll(&mut self) -> u64 {
        self.balancer.dice.roll()
    }

    #[inline]
    fn turn(&mut self, count: usize) -> u64 {
        self.balancer.core.turns.next(count)
    }
}
