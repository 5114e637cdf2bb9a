use std::io::{self, Read};
use std::path::{Path, PathBuf};

use meshless::istio::Input;

/// Bytes of the standard input that are read: one more than any load takes, so that the load reports it.
const MAX_STDIN: u64 = (64 << 20) + 1;

/// Turns the paths of the command line into inputs; the standard input is read here.
pub(crate) fn inputs(paths: &[PathBuf]) -> io::Result<Vec<Input>> {
    let mut inputs = Vec::with_capacity(paths.len());
    let mut is_read = false;
    for path in paths {
        if path != Path::new("-") {
            inputs.push(Input::Path(path.clone()));
        } else if !is_read {
            is_read = true;
            let mut text = Vec::new();
            io::stdin().lock().take(MAX_STDIN).read_to_end(&mut text)?;
            inputs.push(Input::Text(text));
        }
    }
    Ok(inputs)
}
