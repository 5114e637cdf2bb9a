use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::load::{Loader, MAX_TEXT};
use super::report::bare;
use super::{files, split};
use crate::istio::diagnostics::code::Code;
use crate::istio::diagnostics::diagnostic::Diagnostic;

/// A source of documents.
#[derive(Clone, Debug)]
pub enum Input {
    /// A file, or all `.yaml`, `.yml` and `.json` files of a folder and its subfolders.
    Path(PathBuf),
    /// A text of any number of documents, in UTF-8.
    Text(Vec<u8>),
}

impl Loader {
    pub(in crate::istio) fn inputs(&mut self, inputs: Vec<Input>) {
        self.files = (inputs.len() > 1).then(HashSet::new);
        for input in inputs {
            match input {
                Input::Path(path) => self.path(&path),
                Input::Text(text) => self.text(None, &text),
            }
        }
    }

    pub(in crate::istio) fn path(&mut self, path: &Path) {
        for found in files::find(path) {
            // Its objects would be their own duplicates.
            if found.as_ref().is_ok_and(|file| self.is_read(file)) {
                continue;
            }
            match found.and_then(|path| Ok((files::read(&path, self.text)?, path))) {
                Ok((bytes, path)) => self.text(Some(path.into()), &bytes),
                Err((path, reason)) => {
                    let message = format!("cannot be read: {reason}");
                    self.push(Diagnostic {
                        help: "see that it is there, and that this process may read it".into(),
                        ..bare(Some(path.into()), Code::Unreadable, &message)
                    });
                }
            }
        }
    }

    /// Notes that a file is read; returns true if another input has led to it before.
    fn is_read(&mut self, file: &Path) -> bool {
        let real = || fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
        let files = self.files.as_mut();
        files.is_some_and(|files| !files.insert(real()))
    }

    pub(in crate::istio) fn text(&mut self, file: Option<Arc<Path>>, bytes: &[u8]) {
        let Some(left) = self.text.checked_sub(bytes.len()) else {
            let message = format!("there is more text than {MAX_TEXT} bytes");
            return self.file_error(file, Code::TooLarge, &message);
        };
        self.text = left;
        if bytes.trim_ascii().is_empty() {
            self.blank.extend(file.clone());
        }
        let split = split::split(bytes, |text, before| {
            self.yaml_document(file.as_ref(), text, before);
        });
        if let Err(place) = split {
            let message = "is not UTF-8 text";
            let mut diagnostic = bare(file, Code::Unreadable, message);
            (diagnostic.line, diagnostic.column) = place;
            self.push(diagnostic);
        }
    }
}
