use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;

use super::canary::rollout::Rollout;
use super::change::{Cause, Change, difference};
use super::checks::checked;
use super::checks::security::{enforceable, warn_of_removed};
use super::config_snapshot::{ConfigSnapshot, documented};
use super::refusals::Refusals;
use crate::foundation::events::JoinedObservers;
use crate::foundation::time::clock;
use crate::istio::Documents;
use crate::istio::config::WorkloadId;
use crate::istio::model::load::load_options::LoadOptions;
use crate::istio::translation::Settings;
use crate::mesh::service_mesh::Error;
use crate::mesh::service_mesh::options::Options;
use crate::mesh::service_mesh::proxy::config::config_source::ConfigSource;
use crate::mesh::service_mesh::proxy::role::Role;
use crate::mesh::service_mesh::proxy::state::Proxy;

/// Maximum number of remembered changes.
const MAX_HISTORY: usize = 100;
/// Number of proxies from which unused ones are removed.
const MAX_IDLE: usize = 1_024;

/// State that all clones of a mesh share.
#[derive(Debug)]
pub(in crate::mesh) struct MeshState {
    /// Held during a whole change, from the read of the old version to the end.
    pub(super) changing: Mutex<()>,
    snapshot: ArcSwap<ConfigSnapshot>,
    /// The last rollout of each host.
    pub(in crate::mesh) canaries: Mutex<Vec<Arc<Rollout>>>,
    history: Mutex<VecDeque<Change>>,
    /// Observers of all layers, beside that of the options.
    pub(in crate::mesh) joined: Arc<JoinedObservers>,
    load_options: LoadOptions,
    pub(in crate::mesh) options: Options,
    pub(in crate::mesh) proxies: Mutex<HashMap<(Role, WorkloadId), Arc<Proxy>>>,
    pub(in crate::mesh) refusals: Refusals,
    pub(super) settings: Settings,
}

impl MeshState {
    pub(in crate::mesh) fn new(
        documents: Documents,
        load_options: LoadOptions,
        settings: Settings,
        options: Options,
    ) -> Result<Self, Error> {
        let documents = checked(documents)?;
        let meaning = Arc::new(enforceable(&documents, &settings, &options)?);
        Ok(Self::from_source(
            documents,
            meaning,
            load_options,
            settings,
            options,
        ))
    }

    /// Creates the state from any configuration source.
    pub(in crate::mesh) fn from_source(
        documents: Documents,
        configs: Arc<dyn ConfigSource>,
        load_options: LoadOptions,
        settings: Settings,
        options: Options,
    ) -> Self {
        let (joined, options) = options.with_joined_observers();
        let changed = difference(&Documents::from_yaml(""), &documents);
        let began = Change {
            at: clock::system_time(),
            cause: Cause::Began,
            changed,
            version: 1,
        };
        let current = ConfigSnapshot::new(1, Arc::new(documents), configs, Vec::new());
        Self {
            changing: Mutex::new(()),
            snapshot: ArcSwap::from_pointee(current),
            history: Mutex::new([began].into()),
            canaries: Mutex::default(),
            joined,
            load_options,
            options,
            proxies: Mutex::default(),
            refusals: Refusals::default(),
            settings,
        }
    }

    pub(in crate::mesh) fn snapshot(&self) -> Arc<ConfigSnapshot> {
        self.snapshot.load_full()
    }

    /// Returns the last version that all proxies have applied.
    pub(in crate::mesh) fn version(&self) -> u64 {
        lock(&self.history).back().map_or(1, |last| last.version)
    }

    pub(in crate::mesh) fn history(&self) -> Vec<Change> {
        lock(&self.history).iter().cloned().collect()
    }

    pub(in crate::mesh) fn default_namespace(&self) -> &Arc<str> {
        &self.settings.default_namespace
    }

    fn documents(&self) -> Arc<Documents> {
        Arc::clone(&self.snapshot.load().documents)
    }

    pub(in crate::mesh) fn read_yaml(&self, text: &str) -> Documents {
        Documents::read_yaml(text, self.load_options.clone(), Some(self.documents()))
    }

    pub(in crate::mesh) fn read_path(&self, path: &Path) -> Documents {
        Documents::read_path(path, self.load_options.clone(), Some(self.documents()))
    }

    /// Applies documents without errors.
    pub(in crate::mesh) fn apply(
        &self,
        documents: Documents,
        cause: Cause,
    ) -> Result<Change, Error> {
        let documents = checked(documents).inspect_err(|error| self.refuse(&cause, error))?;
        self.apply_valid(documents, cause)
    }

    /// Applies documents without errors if they differ from the current ones.
    #[cfg(feature = "watch")]
    pub(in crate::mesh) fn apply_if_changed(
        &self,
        documents: Documents,
        cause: Cause,
    ) -> Result<Option<Change>, Error> {
        let documents = checked(documents).inspect_err(|error| self.refuse(&cause, error))?;
        let current = self.snapshot();
        // An editor truncates a file before it writes it: an empty one must not drop its policies.
        if let Some(file) = documents.emptied_since(&current.documents).next() {
            let error = Error::Emptied(file.into());
            self.refuse(&cause, &error);
            return Err(error);
        }
        if difference(&current.documents, &documents).is_empty() {
            self.apply_moved(documents);
            return Ok(None);
        }
        self.apply_valid(documents, cause).map(Some)
    }

    fn apply_valid(&self, documents: Documents, cause: Cause) -> Result<Change, Error> {
        let meaning = enforceable(&documents, &self.settings, &self.options)
            .inspect_err(|error| self.refuse(&cause, error))?;
        warn_of_removed(&self.snapshot().documents, &documents);
        Ok(self.apply_source(documents, Arc::new(meaning), cause))
    }

    /// Applies any configuration source.
    pub(in crate::mesh) fn apply_source(
        &self,
        documents: Documents,
        configs: Arc<dyn ConfigSource>,
        cause: Cause,
    ) -> Change {
        let _changing = lock(&self.changing);
        let old = self.snapshot();
        let changed = difference(&old.documents, &documents);
        let default = self.default_namespace();
        // An override ends as soon as the documents change the weights that it replaced.
        let kept = old.overrides.iter().filter(|overrides| {
            let found = documented(&*configs, &documents, default, overrides);
            found.is_ok_and(|found| found.before == overrides.documented)
        });
        let overrides = kept.cloned().collect();
        let version = old.version + 1;
        let current = ConfigSnapshot::new(version, Arc::new(documents), configs, overrides);
        self.change(current, cause, changed)
    }

    /// Returns the proxy of a workload or a gateway, created on first use.
    pub(in crate::mesh) fn proxy(&self, role: Role, workload: WorkloadId) -> Arc<Proxy> {
        let mut proxies = lock(&self.proxies);
        if let Some(known) = proxies.get(&(role, workload.clone())) {
            return Arc::clone(known);
        }
        // The map holds one reference; a proxy with clients has more.
        if proxies.len() >= MAX_IDLE {
            proxies.retain(|_, proxy| Arc::strong_count(proxy) > 1);
        }
        let current = self.snapshot();
        let proxy_config = current.proxy_config(role, &workload);
        let proxy = Arc::new(Proxy::new(
            role,
            workload.clone(),
            proxy_config,
            self.options.clone(),
        ));
        proxies.insert((role, workload), Arc::clone(&proxy));
        proxy
    }

    /// Publishes a version to all proxies.
    pub(super) fn change(
        &self,
        current: ConfigSnapshot,
        cause: Cause,
        changed: Arc<[Box<str>]>,
    ) -> Change {
        let change = Change {
            at: clock::system_time(),
            cause,
            changed,
            version: current.version,
        };
        self.publish(current);
        let mut history = lock(&self.history);
        if history.len() >= MAX_HISTORY {
            history.pop_front();
        }
        history.push_back(change.clone());
        change
    }

    /// Stores a snapshot, and applies it to all proxies. The caller holds `changing`.
    pub(super) fn publish(&self, mut current: ConfigSnapshot) {
        current.revision = self.snapshot().revision + 1;
        let current = Arc::new(current);
        let proxies: Vec<_> = {
            let proxies = lock(&self.proxies);
            // Under the lock of the proxies: one that is created from here on uses the new version.
            self.snapshot.store(Arc::clone(&current));
            proxies.values().cloned().collect()
        };
        // All configurations are computed before the first is applied, so that proxies switch close together.
        let lives: Vec<_> = proxies
            .iter()
            .map(|proxy| current.proxy_config(proxy.role, &proxy.workload))
            .collect();
        for (proxy, proxy_config) in proxies.iter().zip(lives) {
            proxy.apply_config(proxy_config);
        }
    }
}

pub(in crate::mesh) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is consistent by itself, so a poisoned lock is still usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
