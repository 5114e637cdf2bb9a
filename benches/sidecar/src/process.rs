//! What the kernel knows about a process.

use std::fs;

/// How long a process has been on a CPU, in nanoseconds, all its threads together.
pub(crate) fn cpu(pid: u32) -> f64 {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return 0.0;
    };
    threads
        .filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("schedstat")).ok())
        .filter_map(|times| times.split(' ').next()?.parse::<f64>().ok())
        .sum()
}

/// How much memory a process has resident, in MiB.
pub(crate) fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1_024.0
}
