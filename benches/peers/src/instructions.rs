//! Instructions a call, counted in processes of their own.

use std::process::{Command, Stdio};

use peers_bench::load::BATCH;

/// Who counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Counter {
    /// `valgrind --tool=callgrind`, inside the calls only. Does not see the kernel's share of a reading of
    /// the clock.
    Callgrind,
    /// Nobody.
    None,
    /// `perf stat -e instructions:u`: the difference between many calls and few.
    Perf,
}

impl Counter {
    /// Takes the one that `INSTRUCTIONS` names, or else perf if it works here, or else callgrind.
    pub(crate) fn choose() -> Self {
        match std::env::var("INSTRUCTIONS").as_deref() {
            Ok("callgrind") => Self::Callgrind,
            Ok("none") => Self::None,
            Ok("perf") => Self::Perf,
            _ if perf(&mut Command::new("true")).is_some() => Self::Perf,
            _ if callgrind(&mut Command::new("true")).is_some() => Self::Callgrind,
            _ => Self::None,
        }
    }

    /// How the table names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Callgrind => "instructions (callgrind)",
            Self::None => "instructions (not counted)",
            Self::Perf => "instructions (perf)",
        }
    }

    /// Counts the instructions of one call, what makes its request included if perf counts.
    pub(crate) fn count(self, case: usize, mode: usize) -> Option<f64> {
        const FEW: u32 = 500;
        const MANY: u32 = 4_500;
        let program = std::env::current_exe().expect("this program");
        let count = |batches: u32, by: fn(&mut Command) -> Option<f64>| {
            let mut command = Command::new(&program);
            command.args(["one", &case.to_string(), &mode.to_string()]);
            by(command.arg(batches.to_string()))
        };
        match self {
            Self::Callgrind => {
                let (few, many) = (count(40, callgrind)?, count(140, callgrind)?);
                Some((many - few) / f64::from(100 * BATCH))
            }
            Self::None => None,
            Self::Perf => {
                let (few, many) = (count(FEW, perf)?, count(MANY, perf)?);
                Some((many - few) / f64::from((MANY - FEW) * BATCH))
            }
        }
    }
}

fn perf(command: &mut Command) -> Option<f64> {
    let output = run("perf", &["stat", "-x,", "-e", "instructions:u"], command)?;
    let line = output.lines().find(|line| line.contains("instructions"))?;
    line.split(',').next()?.parse().ok()
}

fn callgrind(command: &mut Command) -> Option<f64> {
    let arguments = [
        "--tool=callgrind",
        "--callgrind-out-file=/dev/null",
        "--collect-atstart=no",
        "--toggle-collect=*load*measured*",
    ];
    let output = run("valgrind", &arguments, command)?;
    let line = output.lines().find(|line| line.contains("Collected :"))?;
    line.split_whitespace().last()?.parse().ok()
}

/// Runs `command` under `tool` and returns what that has to say.
fn run(tool: &str, arguments: &[&str], command: &Command) -> Option<String> {
    let output = Command::new(tool)
        .args(arguments)
        .arg(command.get_program())
        .args(command.get_args())
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let said = String::from_utf8(output.stderr).ok()?;
    output.status.success().then_some(said)
}
