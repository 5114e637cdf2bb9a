//! Imports between the files, resolved through `super::` and re-exports.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Formatter};

use crate::source::{Source, Written};

type Module = Vec<String>;

/// Imports of one file, by module.
#[derive(Debug)]
pub(crate) struct Graph {
    arrows: Vec<Arrow>,
}

/// An import: the file it stands in, the folders of both ends, and the path as written.
#[derive(Debug)]
pub(crate) struct Arrow {
    file: String,
    pub(crate) from: Vec<String>,
    path: String,
    pub(crate) to: Vec<String>,
}

struct Modules {
    folders: BTreeMap<Module, Vec<String>>,
    re_exports: BTreeMap<(Module, String), Module>,
}

impl Graph {
    pub(crate) fn of(sources: &[Source]) -> Self {
        let modules = Modules::of(sources);
        let arrows = sources.iter().filter(|source| !source.is_root());
        let arrows = arrows
            .flat_map(|source| modules.arrows_of(source))
            .collect();
        Self { arrows }
    }

    pub(crate) fn arrows(&self) -> impl Iterator<Item = &Arrow> {
        self.arrows.iter()
    }

    /// Folders of the first two levels that import each other in a circle, as text.
    pub(crate) fn circles(&self) -> Vec<String> {
        let pairs = self.arrows.iter();
        circles(pairs.map(|arrow| (room(&arrow.from), room(&arrow.to), arrow)))
    }

    /// Folders of one folder, at any depth, that import each other in a circle, as text.
    pub(crate) fn circles_of_siblings(&self) -> Vec<String> {
        circles(self.arrows.iter().filter_map(|arrow| {
            let (from, to) = (&arrow.from, &arrow.to);
            let shared = from.iter().zip(to).take_while(|(a, b)| a == b).count();
            // A folder and one inside of it are no siblings.
            let (from, to) = (from.get(..=shared)?, to.get(..=shared)?);
            Some((from.join("/"), to.join("/"), arrow))
        }))
    }
}

fn circles<'a>(pairs: impl Iterator<Item = (String, String, &'a Arrow)>) -> Vec<String> {
    let mut next: BTreeMap<String, BTreeMap<String, &Arrow>> = BTreeMap::new();
    for (from, to, arrow) in pairs.filter(|(from, to, _)| from != to) {
        next.entry(from).or_default().entry(to).or_insert(arrow);
    }
    let mut found = Vec::new();
    for (from, targets) in &next {
        for (to, arrow) in targets {
            if reaches(&next, to, from) {
                found.push(format!("{from} -> {to}: {arrow}"));
            }
        }
    }
    found
}

impl Display for Arrow {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.file, self.path, self.to.join("/"))
    }
}

impl Modules {
    fn of(sources: &[Source]) -> Self {
        let folders = sources.iter().map(|s| (s.module(), s.folders())).collect();
        let mut modules = Self {
            folders,
            re_exports: BTreeMap::new(),
        };
        for source in sources {
            let module = source.module();
            for (name, path) in source.re_exports() {
                let segments = path.clone();
                let written = Written {
                    depth: 0,
                    is_re_export: true,
                    segments,
                };
                if let Some(target) = modules.absolute(&module, &written) {
                    modules
                        .re_exports
                        .insert((module.clone(), name.clone()), target);
                }
            }
        }
        modules
    }

    fn arrows_of(&self, source: &Source) -> Vec<Arrow> {
        let module = source.module();
        let is_facade = source.name().ends_with("mod.rs");
        let written = source.written().iter();
        let written = written.filter(|w| !(is_facade && w.is_re_export));
        let arrows = written.filter_map(|written| {
            let target = self.real(self.absolute(&module, written)?);
            Some(Arrow {
                file: source.name(),
                from: source.folders(),
                path: written.segments.join("::"),
                to: self.folders.get(&target)?.clone(),
            })
        });
        arrows.collect()
    }

    /// The path from the crate's root, or `None` where it leads out of the crate.
    fn absolute(&self, module: &[String], written: &Written) -> Option<Module> {
        let mut base = module.to_vec();
        let mut depth = written.depth;
        let mut rest = written.segments.as_slice();
        match rest.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &rest[1..];
            }
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|segment| segment == "super") {
                    if depth == 0 {
                        base.pop()?;
                    } else {
                        depth -= 1;
                    }
                    rest = &rest[1..];
                }
            }
            first => {
                let mut child = base.clone();
                child.push(first.to_owned());
                if depth > 0 || !self.folders.contains_key(&child) {
                    return None;
                }
            }
        }
        base.extend_from_slice(rest);
        Some(base)
    }

    /// The module that defines what a path leads to, past re-exports.
    fn real(&self, mut path: Module) -> Module {
        const MOST_RE_EXPORTS: usize = 8;
        for _ in 0..MOST_RE_EXPORTS {
            let mut module = path.clone();
            while !module.is_empty() && !self.folders.contains_key(&module) {
                module.pop();
            }
            let Some(name) = path.get(module.len()) else {
                return module;
            };
            match self.re_exports.get(&(module.clone(), name.clone())) {
                Some(target) => {
                    let rest = path[module.len() + 1..].to_vec();
                    path = target.iter().cloned().chain(rest).collect();
                }
                None => return module,
            }
        }
        path
    }
}

fn room(folders: &[String]) -> String {
    folders
        .iter()
        .take(2)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join("/")
}

fn reaches(next: &BTreeMap<String, BTreeMap<String, &Arrow>>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(room) = open.pop() {
        if room == to {
            return true;
        }
        if seen.insert(room) {
            open.extend(
                next.get(room)
                    .into_iter()
                    .flat_map(BTreeMap::keys)
                    .map(String::as_str),
            );
        }
    }
    false
}
