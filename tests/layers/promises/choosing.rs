//! The services that choose among others, and own them: made of their policy as layers are.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Arc, Mutex};

use meshless::load_balance::{LoadBalance, LoadBalancePolicy};
use meshless::traffic_split::{Destination, TrafficSplit, TrafficSplitPolicy};
use meshless::{Endpoint, Endpoints};
use tower::Layer;

/// Replaces the policy of one service that was made.
type Replace<P> = Box<dyn Fn(P) + Send>;

/// A policy, and every service that was made of it.
struct Made<P>(Mutex<(P, Vec<Replace<P>>)>);

impl<P: Clone> Made<P> {
    fn new(policy: P) -> Arc<Self> {
        Arc::new(Self(Mutex::new((policy, Vec::new()))))
    }

    fn policy(&self) -> P {
        self.0.lock().unwrap().0.clone()
    }

    fn note(&self, replace: impl Fn(P) + Send + 'static) {
        self.0.lock().unwrap().1.push(Box::new(replace));
    }

    fn reconfigure(&self, policy: &P) {
        let mut made = self.0.lock().unwrap();
        made.0 = policy.clone();
        for replace in &made.1 {
            replace(policy.clone());
        }
    }
}

impl<P: Debug> Debug for Made<P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Made").finish_non_exhaustive()
    }
}

/// A split of which both destinations, and what it does not know, are the same service.
#[derive(Clone, Debug)]
pub(super) struct Split(Arc<Made<TrafficSplitPolicy>>);

impl Split {
    pub(super) fn new(policy: TrafficSplitPolicy) -> Self {
        Self(Made::new(policy))
    }

    #[expect(clippy::needless_pass_by_value, reason = "as the layers' own")]
    pub(super) fn reconfigure(&self, policy: TrafficSplitPolicy) {
        self.0.reconfigure(&policy);
    }
}

impl<S: Clone + Send + Sync + 'static> Layer<S> for Split {
    type Service = TrafficSplit<S>;

    fn layer(&self, inner: S) -> TrafficSplit<S> {
        let services = ["v1", "v2"].map(|name| (Destination::new(name), inner.clone()));
        let split = TrafficSplit::new(self.0.policy(), services).with_fallback(inner);
        let same = split.clone();
        self.0.note(move |policy| same.reconfigure(policy));
        split
    }
}

/// A balancer over two endpoints, each with a service of its own.
#[derive(Clone, Debug)]
pub(super) struct Balance(Arc<Made<LoadBalancePolicy>>);

impl Balance {
    pub(super) fn new(policy: LoadBalancePolicy) -> Self {
        Self(Made::new(policy))
    }

    #[expect(clippy::needless_pass_by_value, reason = "as the layers' own")]
    pub(super) fn reconfigure(&self, policy: LoadBalancePolicy) {
        self.0.reconfigure(&policy);
    }
}

impl<S: Clone + Send + Sync + 'static> Layer<S> for Balance {
    type Service = LoadBalance<S>;

    fn layer(&self, inner: S) -> LoadBalance<S> {
        let endpoints = ["10.0.0.1:80", "10.0.0.2:80"];
        let endpoints = endpoints.map(|address| Endpoint::try_from(address).unwrap());
        let make = move |_: &Endpoint| inner.clone();
        let balance = LoadBalance::new(self.0.policy(), Endpoints::fixed(endpoints), make);
        let same = balance.clone();
        self.0.note(move |policy| same.reconfigure(policy));
        balance
    }
}
