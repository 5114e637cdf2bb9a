use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::istio::{Documents, Kind, Resource};

/// One change of a mesh's configuration: its version, time, cause and differences.
#[derive(Clone, Debug)]
pub struct Change {
    pub(in crate::mesh) at: SystemTime,
    pub(in crate::mesh) cause: Cause,
    pub(in crate::mesh) changed: Arc<[Box<str>]>,
    pub(in crate::mesh) version: u64,
}

/// Cause of a [`Change`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// Documents from [`Mesh::apply`](crate::mesh::Mesh::apply).
    Applied,
    /// The first load of the mesh.
    Began,
    /// Files at this path.
    Path(Arc<Path>),
    /// Weights from [`Mesh::set_weights`](crate::mesh::Mesh::set_weights).
    Weights,
}

impl Change {
    /// Returns the time of the change.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// Returns the cause of the change.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Returns the differences, such as `VirtualService waste/waste-service changed`, at most 100 lines.
    #[must_use]
    pub fn changed(&self) -> &[Box<str>] {
        &self.changed
    }

    /// Returns the number of the version, from 1 for the first load.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Writes the change to the log.
    pub(in crate::mesh) fn log(&self) {
        tracing::info!("policies: {self}");
    }
}

/// Formats as `version 3 by apply: VirtualService waste/waste-service changed`.
impl Display for Change {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "version {} by {}: ", self.version, self.cause)?;
        match &*self.changed {
            [] => f.write_str("nothing changed"),
            changed => f.write_str(&changed.join(", ")),
        }
    }
}

impl Display for Cause {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Applied => f.write_str("apply"),
            Self::Began => f.write_str("the first load"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Weights => f.write_str("set_weights"),
        }
    }
}

/// Maximum number of lines of a change, which people are to read.
const MAX_LINES: usize = 100;

/// Returns the differences between two sets of documents.
pub(in crate::mesh) fn difference(old: &Documents, new: &Documents) -> Arc<[Box<str>]> {
    let mut before: HashMap<_, _> = old.resources().iter().map(|one| (key(one), one)).collect();
    let mut lines = Vec::new();
    for resource in new.resources() {
        match before.remove(&key(resource)) {
            None => lines.push(line(resource, "added")),
            Some(old) if !old.semantic_eq(resource) => lines.push(line(resource, "changed")),
            Some(_) => {}
        }
    }
    let gone = old
        .resources()
        .iter()
        .filter(|one| before.contains_key(&key(one)));
    lines.extend(gone.map(|one| line(one, "removed")));
    lines.truncate(MAX_LINES);
    lines.into()
}

fn key(one: &Resource) -> (Kind, &str, &str) {
    (one.kind(), one.namespace(), one.name())
}

fn line(resource: &Resource, what: &str) -> Box<str> {
    let (kind, namespace, name) = (resource.kind(), resource.namespace(), resource.name());
    format!("{kind} {namespace}/{name} {what}").into()
}
