//! Program that checks Istio's documents as this crate's mesh would take them, and explains them for a request.

mod args;
mod check;
mod explain;
mod format;
mod input;
mod output;

use std::io;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use args::{Args, Command};
use output::Output;

/// Exit code of a run that did not do what was asked: a wrong argument, or something that cannot be read or written.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let output = Output::new(args.color);
    let done = match &args.command {
        Command::Check(check) => check::run(check, output),
        Command::Completions { shell } => completions(*shell, output).map(|()| ExitCode::SUCCESS),
        Command::Explain(explain) => explain::run(explain, output),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::from(FAILED)
    })
}

fn completions(shell: clap_complete::Shell, mut output: Output) -> io::Result<()> {
    // Into memory first: the generator panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "meshless", &mut script);
    output.bytes(&script)?;
    output.finish()
}
