use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use super::change::{Cause, difference};
use super::config_snapshot::ConfigSnapshot;
use super::mesh_state::{MeshState, lock};
use super::watched_folders::Places;
use crate::istio::Documents;
use crate::istio::loader::files;
use crate::istio::translation::ConfigModel;
use crate::mesh::service_mesh::Error;

/// Quiet time before files are read: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// The same for a file without a final end of line, which may be half written.
const LONG_QUIET: Duration = Duration::from_millis(500);
/// Maximum number of compared bytes, the same as for a load.
const MAX_TEXT: usize = 64 << 20;
/// Maximum number of further waits for files at rest.
const MAX_STEPS: usize = 10;

/// The thread that follows the files of a mesh; it stops when this is dropped, or the mesh is gone.
#[derive(Debug)]
#[must_use = "watching stops when this is dropped"]
pub struct Watch {
    last_error: Arc<Mutex<Option<Arc<Error>>>>,
    /// System watcher, with a sender in it. The thread borrows it only for a moment, so that a drop here ends it.
    places: Option<Arc<Mutex<Places>>>,
    /// The thread ends when all senders are dropped.
    _touched: SyncSender<()>,
}

impl Watch {
    /// Starts the thread.
    pub(in crate::mesh) fn start(
        state: &Arc<MeshState>,
        path: PathBuf,
        places: Option<Places>,
        touched: SyncSender<()>,
        changes: Receiver<()>,
        pause: Duration,
    ) -> Result<Self, Error> {
        let last_error = Arc::new(Mutex::new(None));
        let places = places.map(|places| Arc::new(Mutex::new(places)));
        let follower = Follower {
            state: Arc::downgrade(state),
            last_error: Arc::clone(&last_error),
            path,
            places: places.as_ref().map(Arc::downgrade),
            seen: None,
        };
        thread::Builder::new()
            .name("meshless watch".to_owned())
            .spawn(move || follower.run(&changes, pause))
            .map_err(Error::Thread)?;
        Ok(Self {
            last_error,
            places,
            _touched: touched,
        })
    }

    /// Returns why the last change was refused; `None` if it was taken.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<Error>> {
        let last_error = self.last_error.lock();
        last_error.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns true if the system reports changes, so that they are applied at once.
    #[must_use]
    pub const fn is_notified(&self) -> bool {
        self.places.is_some()
    }
}

/// State of the watching thread.
struct Follower {
    state: Weak<MeshState>,
    last_error: Arc<Mutex<Option<Arc<Error>>>>,
    path: PathBuf,
    places: Option<Weak<Mutex<Places>>>,
    /// Hash of the contents of the last read.
    seen: Option<u64>,
}

impl Follower {
    fn run(mut self, changes: &Receiver<()>, pause: Duration) {
        while let Some(contents) = self.settled(changes) {
            if self.seen.replace(contents) != Some(contents) && !self.take() {
                return;
            }
            if changes.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Returns the hash of the contents once they are at rest: a half-written file may be
    /// valid and hold less. `None` if the handle is dropped.
    fn settled(&self, changes: &Receiver<()>) -> Option<u64> {
        self.look_where_links_lead();
        let mut found = contents(&self.path);
        if self.seen == Some(found.hash) {
            return Some(found.hash);
        }
        // Bounded: files that never rest are read all the same.
        for _ in 0..MAX_STEPS {
            let quiet = if found.is_whole { QUIET } else { LONG_QUIET };
            let waited = changes.recv_timeout(quiet);
            if waited == Err(RecvTimeoutError::Disconnected) {
                return None;
            }
            let last = std::mem::replace(&mut found, contents(&self.path));
            if waited.is_err() && found.hash == last.hash {
                break;
            }
        }
        Some(found.hash)
    }

    /// Watches the folders behind the path's present links.
    fn look_where_links_lead(&self) {
        let Some(places) = self.places.as_ref().and_then(Weak::upgrade) else {
            return;
        };
        let places = places.lock();
        places
            .unwrap_or_else(PoisonError::into_inner)
            .follow(&self.path);
    }

    /// Applies the files; returns false if the mesh or the handle is gone.
    fn take(&self) -> bool {
        let Some(state) = self.state.upgrade() else {
            return false;
        };
        let documents = state.read_path(&self.path);
        // Checked after the read: files written after the drop of the handle must not apply.
        if Arc::strong_count(&self.last_error) == 1 {
            return false;
        }
        let cause = Cause::Path(self.path.as_path().into());
        let error = match state.apply_if_changed(documents, cause) {
            Ok(change) => {
                if let Some(change) = change {
                    change.log();
                }
                None
            }
            Err(error) => {
                tracing::warn!("policies are unchanged: {error}");
                Some(Arc::new(error))
            }
        };
        let last_error = self.last_error.lock();
        *last_error.unwrap_or_else(PoisonError::into_inner) = error;
        true
    }
}

impl MeshState {
    /// Applies documents that differ from the current ones at most in the lines of their values: the version stays,
    /// and the places that events and explanations name follow.
    pub(super) fn apply_moved(&self, documents: Documents) {
        let _changing = lock(&self.changing);
        let old = self.snapshot();
        // Compared again under the lock: other documents may have been applied since.
        let is_moved = !documents.has_places_of(&old.documents)
            && difference(&old.documents, &documents).is_empty();
        if is_moved {
            let configs = Arc::new(ConfigModel::of(&documents, &self.settings));
            let (documents, overrides) = (Arc::new(documents), old.overrides.clone());
            let current = ConfigSnapshot::new(old.version, documents, configs, overrides);
            self.publish(current);
        }
    }
}

/// Compared properties of the files.
struct Contents {
    hash: u64,
    /// True if every file ends with an end of line, as editors and tools leave it.
    is_whole: bool,
}

fn contents(path: &Path) -> Contents {
    let mut hasher = DefaultHasher::new();
    let (mut left, mut is_whole) = (MAX_TEXT, true);
    for path in files::find(path).into_iter().flatten() {
        let bytes = files::read(&path, left).ok();
        left = left.saturating_sub(bytes.as_ref().map_or(0, Vec::len));
        is_whole &= bytes.as_ref().is_some_and(|bytes| bytes.ends_with(b"\n"));
        (path, bytes).hash(&mut hasher);
    }
    Contents {
        hash: hasher.finish(),
        is_whole,
    }
}
