use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Maximum depth of subfolders.
const MAX_DEPTH: usize = 16;
/// Maximum number of files per load.
const MAX_FILES: usize = 100_000;

/// Path and error of an unreadable file.
pub(crate) type Failed = (PathBuf, String);

/// Finds the files to read, in the order of their names.
pub(crate) fn find(path: &Path) -> Vec<Result<PathBuf, Failed>> {
    if !path.is_dir() {
        return vec![Ok(path.to_owned())];
    }
    let mut found = Vec::new();
    search(path, 0, &mut found);
    if found.is_empty() {
        let reason = "the folder has no .yaml, .yml or .json file";
        found.push(Err((path.to_owned(), reason.into())));
    }
    found
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failed> {
    let fail = |reason: String| (path.to_owned(), reason);
    // Opening a named pipe would block until it has a writer.
    match fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() => return Err(fail("it is not a file".into())),
        Ok(_) => {}
        Err(error) => return Err(fail(error.to_string())),
    }
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    File::open(path)
        // One byte more than the limit, so that the caller detects a larger file.
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| fail(error.to_string()))?;
    Ok(bytes)
}

fn search(folder: &Path, depth: usize, found: &mut Vec<Result<PathBuf, Failed>>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return found.push(Err((folder.to_owned(), error.to_string()))),
    };
    let mut entries: Vec<_> = entries.filter_map(Result::ok).collect();
    // Sorted, since the order of a directory listing differs between file systems.
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        // Links to folders are not followed, since they may form a loop.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if depth < MAX_DEPTH {
                search(&path, depth + 1, found);
            } else {
                found.push(Err((path, "the folders are nested too deep".into())));
            }
        } else if is_yaml(&path) && !path.is_dir() {
            if found.len() == MAX_FILES {
                let reason = format!("more than {MAX_FILES} files");
                found.push(Err((path, reason)));
            } else if found.len() < MAX_FILES {
                found.push(Ok(path));
            }
        }
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    })
}
