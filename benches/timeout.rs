//! What a timeout costs a request with 8 headers: answered at once and after one wait, on a service
//! that lives long and on one cloned for each call.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use meshless::timeout::{TimeoutLayer, TimeoutPolicy};
use tower::{Layer, service_fn};

use calls::{measure, pending_once, ready};

mod calls;

fn benches(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (ready, pending) = (service_fn(ready), service_fn(pending_once));
    let second = Duration::from_secs(1);
    let total = TimeoutLayer::new(TimeoutPolicy::total(second));
    let quiet = TimeoutLayer::new(TimeoutPolicy::total(second).with_outgoing(false));
    let off = TimeoutLayer::new(TimeoutPolicy::off());

    measure(criterion, &runtime, "timeout", "bare, ready", ready);
    measure(
        criterion,
        &runtime,
        "timeout",
        "off, ready",
        off.layer(ready),
    );
    measure(
        criterion,
        &runtime,
        "timeout",
        "no header written, ready",
        quiet.layer(ready),
    );
    measure(
        criterion,
        &runtime,
        "timeout",
        "total, ready",
        total.layer(ready),
    );
    measure(
        criterion,
        &runtime,
        "timeout",
        "bare, pending once",
        pending,
    );
    measure(
        criterion,
        &runtime,
        "timeout",
        "total, pending once",
        total.layer(pending),
    );
}

criterion_group!(timeout, benches);
criterion_main!(timeout);
