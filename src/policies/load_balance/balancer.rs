use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Instant;

use arc_swap::Guard;
use http::HeaderValue;

use super::machine::{PickContext, Picker};
use super::single_endpoint::Bypass;
use super::state::BalancerState;
use super::table::{EndpointTable, Mode};
use super::ticket::Observer;
use super::{BalanceTicket, LoadBalancePolicy};
use crate::foundation::endpoints::attempted_hosts::AttemptedHosts;
use crate::foundation::endpoints::{Endpoint, EndpointObserver, Endpoints};
use crate::foundation::events::Emitter;
use crate::foundation::events::request::record::RequestRecord;
use crate::foundation::http::RequestHead;
use crate::foundation::sync::rng::Rng;
use crate::foundation::sync::sharded_arc::ShardedArc;
use crate::foundation::time::clock;

/// State that all clones of a balancer share.
pub(super) struct Balancer<S> {
    state: Arc<BalancerState<S>>,
    rng: Rng,
    pub(super) emitter: Emitter,
}

/// Endpoint chosen for a request.
pub(super) enum Pick<S> {
    Endpoint { service: S, ticket: BalanceTicket },
    NoEndpoint,
}

impl<S: Clone> Balancer<S> {
    pub(super) fn new(
        policy: LoadBalancePolicy,
        endpoints: Endpoints,
        make: impl Fn(&Endpoint) -> S + Send + Sync + 'static,
        emitter: Emitter,
    ) -> Self {
        let state = BalancerState::new(policy, endpoints, Arc::new(make), None, None);
        Self {
            state: Arc::new(state),
            rng: Rng::default(),
            emitter,
        }
    }

    pub(super) fn with_endpoint_observer(&self, observer: Arc<dyn EndpointObserver>) -> Self {
        let state = &*self.state;
        let policy = state.policy().clone();
        let (endpoints, make) = (state.endpoints.clone(), Arc::clone(&state.make));
        let old = state.table.load();
        let observer = Some(ShardedArc::new(observer));
        let state = BalancerState::new(policy, endpoints, make, observer, Some(&old));
        Self {
            state: Arc::new(state),
            ..self.clone()
        }
    }

    pub(super) fn with_seed(&self, seed: u64) -> Self {
        Self {
            rng: Rng::with_seed(seed),
            ..self.clone()
        }
    }

    pub(super) fn reconfigure(&self, policy: LoadBalancePolicy) {
        // Locked until the table is built: `catch_up` must not build one from the old policy after
        // it.
        let mut current = self.state.policy();
        *current = policy;
        self.state.make_table(&current);
    }

    /// Returns the current policy.
    pub(super) fn policy(&self) -> LoadBalancePolicy {
        self.state.policy().clone()
    }

    /// Returns the destination of a request that needs no choice, without reading the table.
    #[inline]
    pub(super) fn bypass(&self) -> Option<Bypass<'_>> {
        self.state.single.find(self.state.endpoints.version())
    }

    /// Chooses an endpoint for a request; a call that is not HTTP has no head, and so no key. With
    /// `asked` the ticket records the endpoint even where it counts nothing there.
    #[inline]
    pub(super) fn choose(&self, head: Option<RequestHead<'_>>, asked: bool) -> Pick<S> {
        // Read at most once for each request, and only where a slow start or an ejection needs it.
        let mut now = None;
        let table = self.table(&mut now);
        if table.mode == Mode::Off {
            return match table.first() {
                Some(first) => {
                    RequestRecord::note_endpoint(&first.endpoint);
                    Pick::Endpoint {
                        service: first.service.clone(),
                        ticket: BalanceTicket::new(first.endpoint.clone(), None, None),
                    }
                }
                None => Pick::NoEndpoint,
            };
        }
        let (key, cookie) = match (&table.picker, head) {
            (Picker::ConsistentHash { key, .. }, Some(head)) => self.key(key, head),
            _ => (None, None),
        };
        let (is_retried, has_tried) = AttemptedHosts::current();
        let mut request = PickRequest {
            balancer: self,
            has_attempted: has_tried && table.goes_elsewhere,
            now,
            table: &table,
            warms_up: table.warms_up(),
        };
        let Some(chosen) = table.picker.pick(key, &mut request) else {
            return Pick::NoEndpoint;
        };
        let entry = table.entry(chosen);
        // For the next attempt, which avoids this endpoint.
        if is_retried {
            AttemptedHosts::record(entry.endpoint.id());
        }
        RequestRecord::note_endpoint(&entry.endpoint);
        let ticket = match table.mode {
            Mode::Only if asked => BalanceTicket::new(entry.endpoint.clone(), None, cookie),
            Mode::Only => BalanceTicket::unchosen(),
            _ => BalanceTicket::new(table.send_to(chosen), self.observer(), cookie),
        };
        let service = entry.service.clone();
        Pick::Endpoint { service, ticket }
    }

    /// Returns the table for the current endpoints, and the time if it had to be read.
    #[inline]
    fn table(&self, now: &mut Option<Instant>) -> Guard<Arc<EndpointTable<S>>> {
        let state = &*self.state;
        let table = state.table.load();
        if table.needs_time() || table.version() != state.endpoints.version() {
            return self.current_table(table, now);
        }
        table
    }

    #[cold]
    fn current_table(
        &self,
        mut table: Guard<Arc<EndpointTable<S>>>,
        now: &mut Option<Instant>,
    ) -> Guard<Arc<EndpointTable<S>>> {
        let state = &*self.state;
        // Also where the endpoints have changed: the change may be an ejection, and its time over.
        if (table.has_ejected() || table.version() != state.endpoints.version())
            && let Some(observer) = &state.observer
        {
            observer.sweep(*now.insert(clock::now()));
        }
        if table.version() != state.endpoints.version() {
            state.catch_up();
            table = state.table.load();
        }
        if table.warms_up() {
            table.observe_time(*now.get_or_insert_with(clock::now));
        }
        table
    }

    #[inline]
    fn observer(&self) -> Option<Observer> {
        self.state.observer.as_ref().map(ShardedArc::local)
    }

    fn key(
        &self,
        key: &crate::foundation::http::HashPolicy,
        head: RequestHead<'_>,
    ) -> (Option<u64>, Option<Box<HeaderValue>>) {
        if let Some(hash) = key.hash(head) {
            return (Some(hash), None);
        }
        match key.new_cookie(self.rng.next_u64()) {
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
            state: Arc::clone(&self.state),
            rng: self.rng.clone(),
            emitter: self.emitter.clone(),
        }
    }
}

impl<S> Debug for Balancer<S> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Balancer")
            .field("endpoints", &self.state.endpoints.len())
            .finish_non_exhaustive()
    }
}

/// One request for which an endpoint is picked.
struct PickRequest<'a, S> {
    balancer: &'a Balancer<S>,
    /// True if endpoints were attempted for this request, and others are preferred.
    has_attempted: bool,
    /// Time of the request; none unless the table needs it.
    now: Option<Instant>,
    table: &'a EndpointTable<S>,
    warms_up: bool,
}

impl<S> PickContext for PickRequest<'_, S> {
    #[inline]
    fn in_flight(&self, index: usize) -> usize {
        self.table.entry(index).endpoint.in_flight_here()
    }

    #[inline]
    fn is_attempted(&self, index: usize) -> bool {
        self.has_attempted && AttemptedHosts::is_current(self.table.entry(index).endpoint.id())
    }

    #[inline]
    fn weight_share(&self, index: usize) -> Option<f64> {
        if !self.warms_up {
            return None;
        }
        self.table.weight_share(index, self.now?)
    }

    #[inline]
    fn warms_up(&self) -> bool {
        self.warms_up
    }

    #[inline]
    fn random(&mut self) -> u64 {
        self.balancer.rng.next_u64()
    }

    #[inline]
    fn next_turn(&mut self, count: usize) -> u64 {
        self.balancer.state.round_robin.next(count)
    }
}
