use std::fmt::{self, Debug, Formatter};
use std::mem::discriminant;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::release::CanaryRelease;
use super::split::Split;
use super::status::CanaryStatus;
use crate::foundation::events::{Event, EventKind, Observe};
use crate::foundation::outcome::{Failure, Rejection, Source};
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::mesh::service_mesh::state::mesh_state::{MeshState, lock};
use crate::mesh::service_mesh::state::weight_overrides::WeightOverride;
use crate::policies::canary::{Canary, Decision, Sample, Verdict};

/// Interval of the evaluations. Each reads some counts, and only a new weight changes the mesh.
const TICK: Duration = Duration::from_millis(250);

/// Rollout of a release: it observes the attempts of its route, and moves the weights.
pub(in crate::mesh) struct Rollout {
    machine: Mutex<Canary>,
    is_over: AtomicBool,
    pub(super) release: CanaryRelease,
    split: Split,
    state: Weak<MeshState>,
    status: watch::Sender<CanaryStatus>,
    /// Weights that were set last. Held during a change, so that the weights follow the decisions in their order.
    set: Mutex<Option<Vec<u32>>>,
}

impl Rollout {
    pub(super) fn new(release: CanaryRelease, split: Split, state: &Arc<MeshState>) -> Arc<Self> {
        let now = clock::now();
        let mut machine = Canary::new(release.policy.clone(), now);
        let status = CanaryStatus {
            decision: machine.evaluate(now),
            host: release.host.clone(),
            is_superseded: false,
            reports: machine.reports(),
            subset: release.subset.clone(),
        };
        Arc::new(Self {
            machine: Mutex::new(machine),
            is_over: AtomicBool::new(false),
            release,
            split,
            state: Arc::downgrade(state),
            status: watch::Sender::new(status),
            set: Mutex::new(None),
        })
    }

    pub(in crate::mesh) fn status(&self) -> CanaryStatus {
        self.status.borrow().clone()
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<CanaryStatus> {
        self.status.subscribe()
    }

    pub(in crate::mesh) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Evaluates until the rollout or its mesh is over.
    pub(super) async fn run(self: Arc<Self>) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_over() && self.state.strong_count() > 0 {
            ticks.tick().await;
            self.step(|_| {});
        }
    }

    /// Changes the machine, evaluates, and moves the weights as it decides.
    pub(super) fn step(&self, change: impl FnOnce(&mut Canary)) {
        let Some(state) = self.state.upgrade() else {
            return;
        };
        let mut set = lock(&self.set);
        if self.is_over() {
            return;
        }
        let (decision, reports) = {
            // Requests wait for this lock when they end, so a change of the mesh is not made under it.
            let mut machine = lock(&self.machine);
            change(&mut machine);
            (machine.evaluate(clock::now()), machine.reports())
        };
        let weights = self.split.weights(in_steps(&decision));
        let before = self.status();
        let mut status = CanaryStatus {
            decision,
            reports,
            ..before.clone()
        };
        // Before the weights, so that the stacks that are made for these observe no further request.
        self.is_over.store(status.is_over(), Ordering::Relaxed);
        if set.as_ref() != Some(&weights) {
            status.is_superseded = !self.move_weights(&state, set.as_deref(), &weights);
            *set = Some(weights);
        } else if !self.holds(&state, set.as_deref()) {
            status.is_superseded = true;
        }
        self.is_over.store(status.is_over(), Ordering::Relaxed);
        let is_news = is_news(&before, &status);
        self.status.send_replace(status.clone());
        if is_news {
            self.report(&state, &status);
        }
    }

    /// Sets weights unless others than its own are in force; returns false if so.
    fn move_weights(&self, state: &MeshState, before: Option<&[u32]>, weights: &[u32]) -> bool {
        let route = self.split.route.clone();
        let overrides = WeightOverride::new(&self.release.host, route, weights);
        let moved = state.set_weights_if(overrides, |documented, current| {
            self.is_own(documented, current, before)
        });
        match moved {
            Ok(Some(change)) => {
                change.log();
                true
            }
            // The route is gone, or has other weights.
            Ok(None) | Err(_) => false,
        }
    }

    fn is_own(&self, documented: &[u32], current: Option<&[u32]>, before: Option<&[u32]>) -> bool {
        // The first weights replace those that were set by hand.
        documented == self.split.documented && (before.is_none() || current == before)
    }

    /// True if the weights that it has set are in force.
    fn holds(&self, state: &MeshState, set: Option<&[u32]>) -> bool {
        let snapshot = state.snapshot();
        let mut overrides = snapshot.overrides.iter();
        overrides.any(|one| {
            one.host == self.release.host
                && one.route == self.split.route
                && self.is_own(&one.documented, Some(&one.weights), set)
        })
    }

    fn report(&self, state: &MeshState, status: &CanaryStatus) {
        let source = Source::default().with_host(&*self.release.host);
        let canary = self.release.subset.clone();
        let decision = status.decision.to_string().into();
        let kind = match status.decision.verdict() {
            _ if status.is_superseded => EventKind::CanaryAdvanced {
                canary,
                decision: "superseded by other weights of its route".into(),
            },
            Verdict::Aborted(_) => EventKind::CanaryAborted { canary, decision },
            _ => EventKind::CanaryAdvanced { canary, decision },
        };
        let observe = &state.options.observe;
        observe.on_event(&Event::new(&kind, &Arc::new(source)));
    }
}

/// Returns the share of a decision; on a gradual way back in whole percents, so that it takes 100 changes at most.
fn in_steps(decision: &Decision) -> Percent {
    match decision.verdict() {
        Verdict::Aborted(_) => {
            Percent::per_million(decision.weight().millionths() / 10_000 * 10_000)
        }
        _ => decision.weight(),
    }
}

/// True if a reader of the log wants to know of a status: another weight, another verdict, or the end.
fn is_news(before: &CanaryStatus, after: &CanaryStatus) -> bool {
    let verdict = |decision: &Decision| discriminant(decision.verdict());
    in_steps(&before.decision) != in_steps(&after.decision)
        || verdict(&before.decision) != verdict(&after.decision)
        || before.is_superseded != after.is_superseded
}

/// Records the attempts that the route's weights have distributed.
impl Observe for Rollout {
    fn on_event(&self, event: &Event<'_>) {
        let EventKind::AttemptCompleted(done) = event.kind() else {
            return;
        };
        let source = event.source();
        let version = source
            .cluster()
            .and_then(|cluster| self.split.version(cluster, source.route()));
        if let Some(version) = version.filter(|_| !self.is_over()) {
            // A version whose endpoints are all ejected answers nothing: without this it would never be withdrawn.
            let outcome = match done.rejection {
                Some(Rejection::NoHealthyUpstream) => Failure::Connect.into(),
                _ => done.outcome,
            };
            let sample = Sample::new(outcome, done.duration);
            lock(&self.machine).record(version, sample, clock::now());
        }
    }

    fn observes_requests(&self) -> bool {
        !self.is_over()
    }
}

impl Debug for Rollout {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rollout")
            .field("host", &self.release.host)
            .field("subset", &self.release.subset)
            .finish_non_exhaustive()
    }
}
