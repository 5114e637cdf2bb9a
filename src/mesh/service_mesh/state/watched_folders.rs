use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::mpsc::SyncSender;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};

/// Maximum number of links that are followed on the way to a path, as in Linux.
const MAX_LINKS: usize = 40;

/// Folders that the system watches, so that a path is followed wherever its links lead.
#[derive(Debug)]
pub(in crate::mesh) struct Places {
    watcher: RecommendedWatcher,
    watched: Vec<Place>,
}

#[derive(Clone, Debug, PartialEq)]
struct Place {
    folder: PathBuf,
    mode: RecursiveMode,
}

/// Creates the watcher, which sends to `touched` for each change.
pub(in crate::mesh) fn watcher(
    _: &Path,
    touched: SyncSender<()>,
) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let is_own_reading = matches!(
            event,
            Ok(notify::Event { kind: EventKind::Access(kind), .. })
                if kind != AccessKind::Close(AccessMode::Write)
        );
        if !is_own_reading {
            // A full channel means that the thread will read anyway.
            let _ = touched.try_send(());
        }
    })
}

impl Places {
    /// Watches the folders to which the path leads now.
    pub(in crate::mesh) fn new(watcher: RecommendedWatcher, path: &Path) -> notify::Result<Self> {
        let mut places = Self {
            watcher,
            watched: Vec::new(),
        };
        for place in places_of(path) {
            places.watcher.watch(&place.folder, place.mode)?;
            places.watched.push(place);
        }
        Ok(places)
    }

    /// Updates the watched folders to the path's present links. A folder that cannot be watched is retried the next
    /// time.
    pub(in crate::mesh) fn follow(&mut self, path: &Path) {
        let wanted = places_of(path);
        if wanted == self.watched {
            return;
        }
        let gone: Vec<_> = self
            .watched
            .extract_if(.., |place| !wanted.contains(place))
            .collect();
        for place in gone {
            // The folder may have been deleted as well.
            let _ = self.watcher.unwatch(&place.folder);
        }
        let mut watched = Vec::with_capacity(wanted.len());
        for place in wanted {
            let is_new = !self.watched.contains(&place);
            match is_new.then(|| self.watcher.watch(&place.folder, place.mode)) {
                None | Some(Ok(())) => watched.push(place),
                Some(Err(error)) => {
                    tracing::debug!("{}: {error}", place.folder.display());
                }
            }
        }
        self.watched = watched;
    }
}

/// Returns the folders to watch: the target or the folder of the target file, and each folder that holds a link on
/// the way there.
///
/// A watch on a file ends when another file takes its name, and so does one on the target of a link. Therefore the
/// folder that holds the name is watched.
fn places_of(path: &Path) -> Vec<Place> {
    let mut places = Vec::new();
    let mut add = |folder: &Path, mode| {
        let folder = if folder == Path::new("") {
            PathBuf::from(".")
        } else {
            folder.to_owned()
        };
        let mut there = places.iter_mut();
        match there.find(|place: &&mut Place| place.folder == folder) {
            Some(place) if mode == RecursiveMode::Recursive => place.mode = mode,
            Some(_) => {}
            None => places.push(Place { folder, mode }),
        }
    };
    let real = resolve(path, |folder| add(folder, RecursiveMode::NonRecursive));
    if real.is_dir() {
        add(&real, RecursiveMode::Recursive);
    } else {
        let folder = real.parent().unwrap_or_else(|| Path::new(""));
        add(folder, RecursiveMode::NonRecursive);
    }
    places
}

/// Resolves the links of a path, part by part; calls `link` with the folder of each link.
fn resolve(path: &Path, mut link: impl FnMut(&Path)) -> PathBuf {
    let mut left: Vec<PathBuf> = parts(path);
    let (mut real, mut links) = (PathBuf::new(), 0);
    while let Some(part) = left.pop() {
        let next = real.join(&part);
        match fs::read_link(&next) {
            Ok(target) if links < MAX_LINKS => {
                link(&real);
                links += 1;
                // The target is relative to the folder of the link, unless it is absolute.
                left.extend(parts(&target));
            }
            _ => real = next,
        }
    }
    real
}

/// Returns the parts of a path, last first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let own = |part: Component<'_>| PathBuf::from(part.as_os_str());
    path.components().rev().map(own).collect()
}
