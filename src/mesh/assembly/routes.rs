use std::collections::HashMap;
use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};

use super::destination::{DestinationState, Key};
use super::edge::ListenerPort;
use super::options::Options;
use super::proxy::{Follow, Proxy, Role};
use super::reach::{Reach, Reached, ToMirror, Way};
use super::stack::{Host, HostStack};
use super::table::{Ports, Table, passing_plan};
use super::transport::Connector;
use crate::base::authority::Addressed;
use crate::base::dice::Dice;
use crate::base::{Rejection, RequestHead};
use crate::istio::plan::HostPlan;
use crate::mirror::{MirrorLayer, MirrorPolicy};
use crate::telemetry::TraceAttemptLayer;
use crate::traffic_split::Destination;

/// The routes of one client: a stack for each host, made when it is first asked for.
pub(super) struct Routes<S, B> {
    connector: Connector<S>,
    dice: Dice,
    /// Held while one goes over to another plan.
    pub(super) following: Mutex<()>,
    /// Of a gateway.
    listener_port: Option<ListenerPort>,
    /// The way to each destination, which outlives changes of the plan.
    known: Mutex<Known<S, B>>,
    proxy: Arc<Proxy>,
    pub(super) table: ArcSwap<Table<S, B>>,
    trace_try: TraceAttemptLayer,
}

pub(super) struct Known<S, B> {
    pub(super) destinations: HashMap<Key, Reached<S>>,
    /// Those of hosts that no route names: not more than a version has.
    pub(super) unnamed: HashMap<Key, Reached<S>>,
    /// With the id of the way to where they copy.
    pub(super) mirrors: HashMap<MirrorKey, (u64, Copier<S, B>)>,
}

/// A mirror of a route, by the id of its host.
#[derive(Eq, Hash, PartialEq)]
pub(super) struct MirrorKey {
    pub(super) host: Arc<str>,
    port: u16,
    route: usize,
    destination: Destination,
}

pub(super) type Copier<S, B> = MirrorLayer<ToMirror<Reach<S>, B>>;

impl<S: Clone + Send + Sync + 'static, B> Routes<S, B> {
    /// Creates the routes of a client, which follow the plan of the proxy.
    pub(super) fn new(
        proxy: Arc<Proxy>,
        connector: Connector<S>,
        listener_port: Option<ListenerPort>,
    ) -> Arc<Self>
    where
        B: 'static,
    {
        let routes = Arc::new(Self {
            connector,
            dice: proxy.options.dice("split"),
            following: Mutex::default(),
            listener_port,
            known: Mutex::new(Known {
                destinations: HashMap::new(),
                unnamed: HashMap::new(),
                mirrors: HashMap::new(),
            }),
            table: ArcSwap::from_pointee(Table::of(proxy.live())),
            trace_try: TraceAttemptLayer::new(proxy.options.trace.clone()),
            proxy,
        });
        let follower: Weak<Self> = Arc::downgrade(&routes);
        routes.proxy.followed_by(follower);
        // If the plan was replaced before that.
        drop(routes.follow(&[]));
        routes
    }

    /// Returns the routes of the host that a request addresses.
    pub(super) fn host(&self, head: RequestHead<'_>) -> Result<Arc<HostStack<S, B>>, Rejection> {
        let addressed = Addressed::of(&head);
        let table = self.table();
        match table.live.find(addressed.authority) {
            Some((place, plan)) => {
                let port = match self.listener_port {
                    Some(port) => port.of_stacks(&table.live),
                    None => addressed.port(),
                };
                Ok(self.named(&table, place, plan, port))
            }
            None => self.unknown(&table, addressed),
        }
    }

    /// Returns the ports that stand for that of every request; `None` where requests name their own.
    pub(super) fn listener_ports(&self) -> Option<Arc<[u16]>> {
        let port = self.listener_port?;
        Some(port.all(&self.proxy.live()))
    }

    pub(super) fn proxy(&self) -> &Proxy {
        &self.proxy
    }

    pub(super) fn options(&self) -> &Options {
        &self.proxy.options
    }

    pub(super) fn dice(&self) -> Dice {
        self.dice.clone()
    }

    pub(super) const fn trace_try(&self) -> &TraceAttemptLayer {
        &self.trace_try
    }

    /// Returns the way to a destination, if anybody knows what that is.
    pub(super) fn way(&self, host: Host<'_>, destination: &Destination) -> Option<Way<S>> {
        let key = if host.is_unnamed {
            Key::unnamed(destination.host(), host.port)
        } else {
            let is_gateway = self.listener_port.is_some();
            Key::named(destination, (!is_gateway).then_some(host.port))
        };
        let state = self.proxy.destination(&key).unwrap_or_else(|| {
            // Nothing is said of it, so there is nothing to remember.
            Arc::new(DestinationState::passing(key.clone(), self.options()))
        });
        let mut known = self.lock();
        let old = known.of(&key).get(&key);
        if let Some(way) = old.and_then(|reached| reached.current(&state)) {
            return Some(way);
        }
        let reached = Reached::new(&key, state, old, &self.connector, &self.proxy)?;
        let way = reached.way();
        // Dropped when the lock is gone: a detector tells observers whom it takes back.
        let _old = known.of(&key).insert(key, reached);
        drop(known);
        Some(way)
    }

    /// Returns the layer of a route's mirror. It is the one that was there, so that a change of the plan
    /// does not end its copies in flight, as long as its destination is reached in the same way.
    pub(super) fn mirror(
        &self,
        host: Host<'_>,
        route: usize,
        destination: &Destination,
        policy: &MirrorPolicy,
    ) -> Option<Copier<S, B>> {
        let way = self.way(host, destination)?;
        let key = MirrorKey {
            host: Arc::clone(&host.plan.id),
            port: host.port,
            route,
            destination: destination.clone(),
        };
        if let Some((id, layer)) = self.lock().mirrors.get(&key)
            && *id == way.id
        {
            layer.reconfigure(policy.clone());
            return Some(layer.clone());
        }
        let options = self.options();
        let dice = options.dice(&format!("mirror {} {route} {destination}", host.plan.id));
        let observe = Arc::clone(&options.observe);
        let id = way.id;
        let service = ToMirror::new(way.service());
        let layer = MirrorLayer::made(policy.clone(), service, observe, dice);
        self.lock().mirrors.insert(key, (id, layer.clone()));
        Some(layer)
    }

    /// Returns the stacks of the version that counts now.
    fn table(&self) -> Guard<Arc<Table<S, B>>> {
        self.table.load()
    }

    fn named(
        &self,
        table: &Table<S, B>,
        place: usize,
        plan: &HostPlan,
        port: u16,
    ) -> Arc<HostStack<S, B>> {
        let slot = &table.hosts[place];
        if let Some(stack) = slot.load().as_ref().and_then(|all| all.on(port)) {
            return stack;
        }
        let made = Arc::new(HostStack::new(
            Host {
                plan,
                port,
                is_unnamed: false,
                limits: &table.live.outbound.limits,
            },
            self,
        ));
        slot.rcu(|ports| {
            let none = Ports::default();
            let ports = ports.as_deref().unwrap_or(&none);
            Some(Arc::new(ports.with(port, &made)))
        });
        made
    }

    /// Returns the stack of a host that no plan is for.
    fn unknown(
        &self,
        table: &Table<S, B>,
        addressed: Addressed<'_>,
    ) -> Result<Arc<HostStack<S, B>>, Rejection> {
        if self.proxy.role == Role::Gateway {
            return Err(Rejection::NoRoute);
        }
        let (host, port) = (addressed.host, addressed.port());
        if let Some(stack) = table.unnamed.find(host, port) {
            return Ok(stack);
        }
        let outbound = &table.live.outbound;
        let name = host.to_ascii_lowercase();
        let is_known = self.proxy.destination(&Key::unnamed(&name, port)).is_some();
        if outbound.unknown_refused && !is_known {
            return Err(Rejection::UnknownHost);
        }
        let stack = if is_known || !outbound.limits.is_empty() {
            let plan = passing_plan(&name);
            Arc::new(HostStack::new(
                Host::unnamed(&plan, port, &outbound.limits),
                self,
            ))
        } else {
            let passing = || {
                let plan = passing_plan("PassthroughCluster");
                Arc::new(HostStack::new(Host::unnamed(&plan, 0, &[]), self))
            };
            Arc::clone(table.passing.get_or_init(passing))
        };
        self.remember(table, host, port, &stack);
        Ok(stack)
    }

    /// Keeps the stack of a host that no plan is for, in place of another one if there are many.
    fn remember(&self, table: &Table<S, B>, host: &str, port: u16, stack: &Arc<HostStack<S, B>>) {
        // Dropped when the lock is gone: a detector tells observers whom it takes back.
        let mut gone_with = Vec::new();
        let mut known = self.lock();
        let displaced = table.unnamed.insert(host, port, stack);
        if let Some(gone) = &displaced.entry {
            for (port, _) in &gone.ports.0 {
                let key = Key::unnamed(&gone.host.to_ascii_lowercase(), *port);
                gone_with.extend(known.unnamed.remove(&key));
                self.proxy.forget(&key);
            }
        }
        drop(known);
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Known<S, B>> {
        // Each entry is whole by itself, whatever panics between two of them.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S, B> Known<S, B> {
    pub(super) fn of(&mut self, key: &Key) -> &mut HashMap<Key, Reached<S>> {
        if key.is_unnamed() {
            &mut self.unnamed
        } else {
            &mut self.destinations
        }
    }
}

impl<S, B> Debug for Routes<S, B> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes")
            .field("subject", &self.proxy.subject)
            .field("version", &self.proxy.version())
            .finish_non_exhaustive()
    }
}
