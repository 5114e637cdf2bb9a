use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crate::istio::{Documents, Resource};

/// One version of a mesh: when it came, by what, and what is different in it.
#[derive(Clone, Debug)]
pub struct Change {
    pub(in crate::mesh) at: SystemTime,
    pub(in crate::mesh) cause: Cause,
    pub(in crate::mesh) changed: Arc<[Box<str>]>,
    pub(in crate::mesh) version: u64,
}

/// What made a [`Change`].
#[non_exhaustive]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cause {
    /// [`Mesh::apply`](crate::mesh::Mesh::apply).
    Applied,
    /// The mesh began with it.
    Began,
    /// The files at this path.
    Path(Arc<Path>),
    /// [`Mesh::set_weights`](crate::mesh::Mesh::set_weights).
    Weights,
}

impl Change {
    /// When it came.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// What made it.
    #[must_use]
    pub const fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What is different, such as `VirtualService waste/waste-service changed`, at most 100 lines.
    #[must_use]
    pub fn changed(&self) -> &[Box<str>] {
        &self.changed
    }

    /// Its number: 1 for what the mesh began with.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }
}

/// `version 3 by apply: VirtualService waste/waste-service changed`.
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

/// How many lines tell what changed; more is no reading any more.
const MAX_LINES: usize = 100;

/// Says what is different between two sets of documents.
pub(in crate::mesh) fn difference(old: &Documents, new: &Documents) -> Arc<[Box<str>]> {
    let key = |one: &Resource| {
        (
            one.kind(),
            Box::<str>::from(one.namespace()),
            Box::<str>::from(one.name()),
        )
    };
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

fn line(resource: &Resource, what: &str) -> Box<str> {
    let (kind, namespace, name) = (resource.kind(), resource.namespace(), resource.name());
    format!("{kind} {namespace}/{name} {what}").into()
}
