use std::panic;
use std::sync::Arc;
use std::thread::{self, ScopedJoinHandle};

use super::load::Loader;
use crate::istio::diagnostics::code::Code;
use crate::istio::model::load::documents::Documents;
use crate::istio::model::load::load_options::LoadOptions;

/// Stack size of the reading thread in bytes: parts of the reader recurse once for each level of nesting.
const STACK: usize = 16 << 20;

/// Loads documents on a separate thread and joins it: the caller's stack may be too small for the
/// deepest accepted document.
pub(in crate::istio) fn with_large_stack(
    options: LoadOptions,
    known: Option<Arc<Documents>>,
    work: impl FnOnce(&mut Loader) + Send,
) -> Documents {
    thread::scope(|scope| {
        let run = || {
            let mut load = Loader::new(options, known);
            work(&mut load);
            load.finish()
        };
        let thread = thread::Builder::new().stack_size(STACK);
        match thread.spawn_scoped(scope, run).map(ScopedJoinHandle::join) {
            Ok(Ok(documents)) => documents,
            Ok(Err(panic)) => panic::resume_unwind(panic),
            Err(error) => {
                let mut load = Loader::new(LoadOptions::default(), None);
                let message = format!("cannot be read without a thread: {error}");
                load.file_error(None, Code::Unreadable, &message);
                load.finish()
            }
        }
    })
}
