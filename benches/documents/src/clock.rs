//! Processor time: what others on the machine take is not in it.

use std::time::Duration;

/// Time that all threads of this process have run.
pub fn of_process() -> Duration {
    read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Time that this thread has run.
pub fn of_thread() -> Duration {
    read(libc::CLOCK_THREAD_CPUTIME_ID)
}

fn read(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is to a value of this frame.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    Duration::from_secs(number(time.tv_sec)) + Duration::from_nanos(number(time.tv_nsec))
}
