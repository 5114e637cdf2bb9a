//! A service that ends: probe, listeners, requests, exporters and tasks, in this order.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use meshless::shutdown::{CutOff, Shutdown};

const SECOND: Duration = Duration::from_secs(1);

/// Lines in the order in which they were written.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn add(&self, line: impl Into<String>) {
        self.0.lock().unwrap().push(line.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// An owner that says when it is dropped.
struct Owner(&'static str, Lines);

impl Drop for Owner {
    fn drop(&mut self) {
        self.1.add(self.0);
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_begins_when_the_one_before_is_over() {
    let lines = Lines::default();
    let mut shutdown = Shutdown::default().with_notice(5 * SECOND);
    let readiness = shutdown.readiness();
    let (draining, seen) = (shutdown.draining(), lines.clone());
    let probe = shutdown.readiness();
    shutdown.server("http", async move {
        draining.await;
        seen.add(format!("draining, ready: {}", probe.is_ready()));
        tokio::time::sleep(3 * SECOND).await;
        seen.add("last response");
    });
    for name in ["traces", "log"] {
        let lines = lines.clone();
        shutdown.flush(name, async move || lines.add(name));
    }
    shutdown.owner("policies", Owner("policies", lines.clone()));
    shutdown.owner("exporter", Owner("exporter", lines.clone()));
    assert!(readiness.is_ready());
    let report = shutdown.run(tokio::time::sleep(SECOND)).await;
    assert!(!readiness.is_ready());
    let expected = [
        "draining, ready: false",
        "last response",
        "traces",
        "log",
        "exporter",
        "policies",
    ];
    assert_eq!(lines.all(), expected);
    assert!(report.is_complete());
    assert_eq!(
        (report.took(), &*report.to_string()),
        (8 * SECOND, "shut down in 8s")
    );
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_is_cut_off_and_named() {
    let lines = Lines::default();
    let mut shutdown = Shutdown::default().with_notice(Duration::ZERO);
    let stream = Owner("stream dropped", lines.clone());
    shutdown.server("http", async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    });
    shutdown.server("grpc", async { panic!("a bug of a server") });
    shutdown.flush("traces", std::future::pending::<()>);
    shutdown.flush("metrics", async || panic!("a bug of an exporter"));
    let seen = lines.clone();
    shutdown.flush("log", async move || seen.add("log"));
    let report = shutdown.run(async {}).await;
    let expected = [
        CutOff::Server("http".into()),
        CutOff::ServerPanicked("grpc".into()),
        CutOff::Flush("traces".into()),
        CutOff::Flush("metrics".into()),
    ];
    assert_eq!(report.cut_off(), expected);
    assert_eq!(report.took(), 22 * SECOND);
    let text = "shut down in 22s; cut off: server http, server grpc (panicked), flush traces, flush metrics";
    assert_eq!(report.to_string(), text);
    assert_eq!(lines.all(), ["stream dropped", "log"]);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_ends_its_servers() {
    let lines = Lines::default();
    let mut shutdown = Shutdown::default();
    let owner = Owner("server dropped", lines.clone());
    shutdown.server("http", async move {
        let _owner = owner;
        std::future::pending::<()>().await;
    });
    let draining = shutdown.draining();
    drop(shutdown);
    draining.await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(lines.all(), ["server dropped"]);
}
