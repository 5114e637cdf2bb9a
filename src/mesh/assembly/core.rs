use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::Error;
use super::change::{Cause, Change, difference};
use super::current::{Current, documented, known};
use super::live::LivePlan;
use super::options::Options;
use super::plans::Plans;
use super::proxy::{Proxy, Role};
use super::weights::Moved;
use crate::base::clock;
use crate::istio::loading::Loading;
use crate::istio::meaning::{Meaning, Settings};
use crate::istio::plan::Subject;
use crate::istio::{Documents, Severity};
use crate::traffic_split::WeightsError;

/// How many versions are remembered.
const MAX_HISTORY: usize = 100;
/// How many proxies are kept that nobody uses any more.
const MAX_IDLE: usize = 1_024;

/// What all clones of a mesh have in common.
#[derive(Debug)]
pub(super) struct Core {
    /// Held by whoever makes a change, from what it is made of to its end.
    changing: Mutex<()>,
    current: ArcSwap<Current>,
    history: Mutex<VecDeque<Change>>,
    loading: Loading,
    options: Options,
    proxies: Mutex<HashMap<(Role, Subject), Arc<Proxy>>>,
    settings: Settings,
}

impl Core {
    pub(super) fn new(
        documents: Documents,
        loading: Loading,
        settings: Settings,
        options: Options,
    ) -> Result<Self, Error> {
        let documents = checked(documents)?;
        let meaning = Arc::new(Meaning::of(&documents, &settings));
        Ok(Self::of(documents, meaning, loading, settings, options))
    }

    /// Begins with plans, wherever they come from.
    pub(super) fn of(
        documents: Documents,
        plans: Arc<dyn Plans>,
        loading: Loading,
        settings: Settings,
        options: Options,
    ) -> Self {
        let changed = difference(&Documents::from_yaml(""), &documents);
        let began = Change {
            at: clock::wall(),
            cause: Cause::Began,
            changed,
            version: 1,
        };
        let current = Current::new(1, Arc::new(documents), plans, Vec::new());
        Self {
            changing: Mutex::new(()),
            current: ArcSwap::from_pointee(current),
            history: Mutex::new([began].into()),
            loading,
            options,
            proxies: Mutex::default(),
            settings,
        }
    }

    pub(super) fn current(&self) -> Arc<Current> {
        self.current.load_full()
    }

    /// The last version that all proxies go by.
    pub(super) fn version(&self) -> u64 {
        lock(&self.history).back().map_or(1, |last| last.version)
    }

    pub(super) fn history(&self) -> Vec<Change> {
        lock(&self.history).iter().cloned().collect()
    }

    pub(super) fn default_namespace(&self) -> &Arc<str> {
        &self.settings.default_namespace
    }

    pub(super) fn read_yaml(&self, text: &str) -> Documents {
        Documents::read_yaml(text, self.loading.clone())
    }

    pub(super) fn read_path(&self, path: &Path) -> Documents {
        Documents::read_path(path, self.loading.clone())
    }

    /// Takes documents in place of those that count, if they have no error.
    pub(super) fn take(&self, documents: Documents, cause: Cause) -> Result<Change, Error> {
        Ok(self.take_checked(checked(documents)?, cause))
    }

    /// Takes documents that say something else than those that count, if they have no error.
    #[cfg(feature = "watch")]
    pub(super) fn take_if_new(
        &self,
        documents: Documents,
        cause: Cause,
    ) -> Result<Option<Change>, Error> {
        let documents = checked(documents)?;
        let current = self.current();
        if let Some(file) = documents.emptied_since(&current.documents).next() {
            return Err(Error::Emptied(file.into()));
        }
        let is_new = !difference(&current.documents, &documents).is_empty();
        Ok(is_new.then(|| self.take_checked(documents, cause)))
    }

    fn take_checked(&self, documents: Documents, cause: Cause) -> Change {
        let meaning = Arc::new(Meaning::of(&documents, &self.settings));
        self.take_plans(documents, meaning, cause)
    }

    /// Takes plans, wherever they come from.
    pub(super) fn take_plans(
        &self,
        documents: Documents,
        plans: Arc<dyn Plans>,
        cause: Cause,
    ) -> Change {
        let _changing = lock(&self.changing);
        let old = self.current();
        let changed = difference(&old.documents, &documents);
        let default = self.default_namespace();
        let kept = old.moved.iter().filter(|moved| {
            let found = documented(&*plans, &documents, default, moved);
            found.is_ok_and(|documented| documented == moved.documented)
        });
        let moved = kept.cloned().collect();
        let version = old.version + 1;
        let current = Current::new(version, Arc::new(documents), plans, moved);
        self.change(current, cause, changed)
    }

    /// Sets weights in place of the documented ones.
    pub(super) fn set_weights(&self, mut moved: Moved) -> Result<Change, Error> {
        let _changing = lock(&self.changing);
        let old = self.current();
        let default = self.default_namespace();
        moved.documented =
            documented(&*old.documented, &old.documents, default, &moved).map_err(|source| {
                let known = match source {
                    WeightsError::NoSuchRoute => {
                        known(&*old.documented, &old.documents, default, &moved)
                    }
                    WeightsError::AllZero | WeightsError::Count { .. } => BTreeSet::new(),
                };
                Error::Weights {
                    host: moved.host.clone(),
                    known: known.into_iter().collect(),
                    source,
                }
            })?;
        let line = format!("{} has the weights {:?}", moved.host, moved.weights);
        let others = old.moved.iter().filter(|other| {
            let is_same = other.host == moved.host && other.route == moved.route;
            !is_same
        });
        let all = others.cloned().chain([moved.clone()]).collect();
        let (documents, plans) = (Arc::clone(&old.documents), Arc::clone(&old.documented));
        let current = Current::new(old.version + 1, documents, plans, all);
        Ok(self.change(current, Cause::Weights, [line.into()].into()))
    }

    /// Returns the proxy of a workload or a gateway, made when it is first asked for.
    pub(super) fn proxy(&self, role: Role, subject: Subject) -> Arc<Proxy> {
        let mut proxies = lock(&self.proxies);
        if let Some(known) = proxies.get(&(role, subject.clone())) {
            return Arc::clone(known);
        }
        if proxies.len() >= MAX_IDLE {
            proxies.retain(|_, proxy| Arc::strong_count(proxy) > 1);
        }
        let current = self.current();
        let plan = role.plan(&*current.plans, &subject);
        let live = LivePlan::new(current.version, Arc::clone(&current.plans), plan);
        let proxy = Arc::new(Proxy::new(
            role,
            subject.clone(),
            live,
            self.options.clone(),
        ));
        proxies.insert((role, subject), Arc::clone(&proxy));
        proxy
    }

    /// Makes a version the one that counts, for all at once.
    fn change(&self, current: Current, cause: Cause, changed: Arc<[Box<str>]>) -> Change {
        let change = Change {
            at: clock::wall(),
            cause,
            changed,
            version: current.version,
        };
        let (proxies, plans) = {
            let proxies = lock(&self.proxies);
            let plans = Arc::clone(&current.plans);
            // Whoever makes a proxy from here on makes it by the new plans.
            self.current.store(Arc::new(current));
            let all: Vec<_> = proxies.values().cloned().collect();
            (all, plans)
        };
        let lives: Vec<_> = proxies
            .iter()
            .map(|proxy| {
                let plan = proxy.role.plan(&*plans, &proxy.subject);
                LivePlan::new(change.version, Arc::clone(&plans), plan)
            })
            .collect();
        for (proxy, live) in proxies.iter().zip(lives) {
            proxy.adopt(live);
        }
        let mut history = lock(&self.history);
        if history.len() >= MAX_HISTORY {
            history.pop_front();
        }
        history.push_back(change.clone());
        change
    }
}

/// Says in the log what is to be known of documents, and lets those without an error pass.
fn checked(documents: Documents) -> Result<Documents, Error> {
    if documents.has_errors() {
        return Err(Error::Documents(documents.diagnostics().to_vec()));
    }
    for found in documents.diagnostics() {
        if found.severity() == Severity::Warning {
            tracing::warn!("{found}");
        }
    }
    Ok(documents)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is whole by itself, whatever panics between two of them.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
