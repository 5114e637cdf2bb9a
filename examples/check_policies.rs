//! Checks Istio's YAML: `cargo run --example check_policies --features istio -- policies/`.
//!
//! Prints every finding with its place, what follows and the mend. Ends with 0 if nothing is an error, 1 if
//! something is, and 2 without an argument to check. **Nothing is enforced by this**: it reads.
//!
//! - `--json` prints one finding a line, for programs.
//! - `--warnings-as-errors` ends with 1 for a warning too.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use meshless::istio::{Documents, Severity};

const USAGE: &str = "usage: check_policies [--json] [--warnings-as-errors] <file or folder>…";

/// What to check, and how to say it.
#[derive(Debug, Default)]
struct Args {
    json: bool,
    strict: bool,
    paths: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let args = match Args::parse(std::env::args_os().skip(1)) {
        Ok(args) => args,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let mut failed = false;
    for path in &args.paths {
        let documents = Documents::from_path(path);
        let warnings = documents.count(Severity::Warning);
        failed |= documents.has_errors() || args.strict && warnings > 0;
        // Who reads no further, such as `head`, is no reason to fail.
        let _ = print(&documents, &args);
    }
    ExitCode::from(u8::from(failed))
}

fn print(documents: &Documents, args: &Args) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for found in documents.diagnostics() {
        if args.json {
            writeln!(out, "{}", found.to_json())?;
        } else {
            writeln!(out, "{found}")?;
        }
    }
    if args.json {
        return Ok(());
    }
    writeln!(
        out,
        "{} of Istio's objects checked (nothing is enforced by checking), {} passed over: {}, {}, {}",
        documents.resources().len(),
        counted(documents.skipped(), "document"),
        counted(documents.count(Severity::Error), "error"),
        counted(documents.count(Severity::Warning), "warning"),
        counted(documents.count(Severity::Note), "note"),
    )
}

fn counted(number: usize, name: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

impl Args {
    fn parse(given: impl Iterator<Item = std::ffi::OsString>) -> Result<Self, String> {
        let mut args = Self::default();
        for arg in given {
            match arg.to_str() {
                Some("--json") => args.json = true,
                Some("--warnings-as-errors") => args.strict = true,
                Some(flag) if flag.starts_with('-') => return Err(format!("no such flag: {flag}")),
                _ => args.paths.push(arg.into()),
            }
        }
        if args.paths.is_empty() {
            return Err("nothing to check".into());
        }
        Ok(args)
    }
}
