use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use notify::RecommendedWatcher;

use super::change::Cause;
use super::mesh_state::MeshState;
use super::watched_folders::{Places, watcher};
use crate::istio::loader::files;
use crate::mesh::{Error, Mesh};

/// How often the files are looked at where the system tells of changes; it may miss some.
const SELDOM: Duration = Duration::from_secs(5);
/// How often, where it does not.
const OFTEN: Duration = Duration::from_millis(500);
/// How long it has to be quiet: an editor writes a file in several steps.
const QUIET: Duration = Duration::from_millis(50);
/// How long, while a file does not end with the end of a line: it may be half written.
const LONG_QUIET: Duration = Duration::from_millis(500);
/// How much of the files is compared: as much as is loaded.
const MAX_TEXT: usize = 64 << 20;
/// How often a further step is waited for.
const MAX_STEPS: usize = 10;

impl Mesh {
    /// Follows a file or a folder: a change of its contents is taken whole, or refused and told, within
    /// half a second or so.
    ///
    /// A bad change is written to the log and kept in [`Watch::last_error`]; everything stays as it was,
    /// and watching goes on. So does a path where there is no file at all, as between two steps of a
    /// deployment, and a file that became empty: one is, for a moment, while it is written. Editors that write
    /// another file and rename it are followed, and so are the links of a Kubernetes `ConfigMap`, and links on the
    /// way to the path, as git-sync swaps them. Where the system does not tell of changes, the files are read
    /// every half second. A change that only moves lines is none.
    ///
    /// It needs no runtime: a thread does it, until the handle is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if no thread can be started.
    pub fn watch(&self, path: impl Into<PathBuf>) -> Result<Watch, Error> {
        self.watch_with(path.into(), watcher)
    }

    /// Follows with what has the system tell of changes, if that can be had.
    pub(in crate::mesh) fn watch_with(
        &self,
        path: PathBuf,
        tell: impl FnOnce(&Path, SyncSender<()>) -> notify::Result<RecommendedWatcher>,
    ) -> Result<Watch, Error> {
        self.watch_within(path, tell, SELDOM)
    }

    /// Follows so, and looks every `seldom` whether a change was missed.
    pub(in crate::mesh) fn watch_within(
        &self,
        path: PathBuf,
        tell: impl FnOnce(&Path, SyncSender<()>) -> notify::Result<RecommendedWatcher>,
        seldom: Duration,
    ) -> Result<Watch, Error> {
        let (touched, changes) = sync_channel(1);
        let places = tell(&path, touched.clone()).and_then(|watcher| Places::new(watcher, &path));
        if let Err(error) = &places {
            tracing::info!("{}: {error}; it is read every {OFTEN:?}", path.display());
        }
        let pause = if places.is_ok() { seldom } else { OFTEN };
        self.follow(path, places.ok(), touched, changes, pause)
    }

    /// Follows a file or a folder as [`watch`](Self::watch) does, by reading it every `pause` and in no
    /// other way: for file systems that tell of no changes, such as those of a network.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if no thread can be started.
    pub fn poll(&self, path: impl Into<PathBuf>, pause: Duration) -> Result<Watch, Error> {
        let (touched, changes) = sync_channel(1);
        self.follow(path.into(), None, touched, changes, pause)
    }

    fn follow(
        &self,
        path: PathBuf,
        places: Option<Places>,
        touched: SyncSender<()>,
        changes: Receiver<()>,
        pause: Duration,
    ) -> Result<Watch, Error> {
        let last_error = Arc::new(Mutex::new(None));
        let places = places.map(|places| Arc::new(Mutex::new(places)));
        let follower = Follower {
            state: Arc::downgrade(&self.state),
            last_error: Arc::clone(&last_error),
            path,
            places: places.as_ref().map(Arc::downgrade),
            seen: None,
        };
        thread::Builder::new()
            .name("meshless watch".to_owned())
            .spawn(move || follower.run(&changes, pause))
            .map_err(Error::Thread)?;
        Ok(Watch {
            last_error,
            places,
            _touched: touched,
        })
    }
}

/// The thread that follows the files of a mesh; it stops when this is dropped, or the mesh is gone.
#[derive(Debug)]
#[must_use = "watching stops when this is dropped"]
pub struct Watch {
    last_error: Arc<Mutex<Option<Arc<Error>>>>,
    /// What has the system tell of changes, and a sender with it; the thread borrows it.
    places: Option<Arc<Mutex<Places>>>,
    /// The thread ends when all of these are gone.
    _touched: SyncSender<()>,
}

impl Watch {
    /// Returns why the last change was refused; `None` if it was taken.
    #[must_use]
    pub fn last_error(&self) -> Option<Arc<Error>> {
        let last_error = self.last_error.lock();
        last_error.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says whether the system tells of changes, so that they are taken at once.
    #[must_use]
    pub const fn is_notified(&self) -> bool {
        self.places.is_some()
    }
}

/// What the thread knows.
struct Follower {
    state: Weak<MeshState>,
    last_error: Arc<Mutex<Option<Arc<Error>>>>,
    path: PathBuf,
    places: Option<Weak<Mutex<Places>>>,
    /// What the contents were when they were read last.
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

    /// Returns what the contents are when nobody writes them any more: a file that is half written may
    /// be a good one that says less. `None` if the handle is gone.
    fn settled(&self, changes: &Receiver<()>) -> Option<u64> {
        self.look_where_links_lead();
        let mut found = contents(&self.path);
        if self.seen == Some(found.hash) {
            return Some(found.hash);
        }
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

    /// Has the system tell of what is behind the links on the way now.
    fn look_where_links_lead(&self) {
        let Some(places) = self.places.as_ref().and_then(Weak::upgrade) else {
            return;
        };
        let places = places.lock();
        places
            .unwrap_or_else(PoisonError::into_inner)
            .follow(&self.path);
    }

    /// Takes what the files say; says whether there is still somebody to do it for.
    fn take(&self) -> bool {
        let Some(state) = self.state.upgrade() else {
            return false;
        };
        let documents = state.read_path(&self.path);
        // After reading: what is written when the handle is gone is not taken.
        if Arc::strong_count(&self.last_error) == 1 {
            return false;
        }
        let cause = Cause::Path(self.path.as_path().into());
        let error = match state.apply_if_changed(documents, cause) {
            Ok(change) => {
                if let Some(change) = change {
                    tracing::info!("policies: {change}");
                }
                None
            }
            Err(error) => {
                tracing::warn!("policies stay as they were: {error}");
                Some(Arc::new(error))
            }
        };
        let last_error = self.last_error.lock();
        *last_error.unwrap_or_else(PoisonError::into_inner) = error;
        true
    }
}

/// What the files say, as far as it is compared.
struct Contents {
    hash: u64,
    /// Whether every file ends with the end of a line, as editors and tools leave it.
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
