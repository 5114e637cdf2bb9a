//! A runtime around calls that are polled by hand.

use std::time::Duration;

/// Runs `work` inside a runtime whose timer is live and parked on an earlier time, as in a service that
/// is busy: else each timer that is set would have to wake the thread that sleeps on it.
pub fn within<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .expect("a runtime");
    runtime.spawn(async {
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
    });
    std::thread::sleep(Duration::from_millis(50));
    let guard = runtime.enter();
    let output = work();
    drop(guard);
    runtime.shutdown_background();
    output
}
