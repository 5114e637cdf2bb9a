use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use notify::RecommendedWatcher;

use super::{Error, Mesh, Watch};
use crate::mesh::service_mesh::state::watched_folders::{Places, watcher};

/// Interval of reading the files where the system reports changes; it may miss some.
const SELDOM: Duration = Duration::from_secs(5);
/// Interval where the system reports none.
const OFTEN: Duration = Duration::from_millis(500);

impl Mesh {
    /// Follows a file or a folder: a change of its contents is applied as a whole, or rejected and logged, within
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
        Watch::start(&self.state, path, places.ok(), touched, changes, pause)
    }

    /// Follows a file or a folder as [`watch`](Self::watch) does, by reading it every `pause` and in no
    /// other way: for file systems that tell of no changes, such as those of a network.
    ///
    /// # Errors
    ///
    /// [`Error::Thread`] if no thread can be started.
    pub fn poll(&self, path: impl Into<PathBuf>, pause: Duration) -> Result<Watch, Error> {
        let (touched, changes) = sync_channel(1);
        Watch::start(&self.state, path.into(), None, touched, changes, pause)
    }
}
