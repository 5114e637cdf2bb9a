//! What a concurrency limit costs a request with 8 headers: answered at once and after one wait, on a service
//! that lives long and on one cloned for each call.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use meshless::concurrency_limit::{ConcurrencyLimitLayer, ConcurrencyLimitPolicy};
use tower::{Layer, service_fn};

use calls::{measure, pending_once, ready};

mod calls;

fn benches(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (ready, pending) = (service_fn(ready), service_fn(pending_once));
    let limit = ConcurrencyLimitLayer::new(ConcurrencyLimitPolicy::new(100).with_max_pending(10));
    let tower = tower::limit::ConcurrencyLimitLayer::new(100);

    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "bare, ready",
        ready,
    );
    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "limit, ready",
        limit.layer(ready),
    );
    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "tower's, ready",
        tower.layer(ready),
    );
    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "bare, pending once",
        pending,
    );
    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "limit, pending once",
        limit.layer(pending),
    );
    measure(
        criterion,
        &runtime,
        "concurrency_limit",
        "tower's, pending once",
        tower.layer(pending),
    );

    criterion.bench_function("concurrency_limit/permit", |b| {
        b.iter(|| black_box(limit.try_acquire()));
    });
    let full =
        ConcurrencyLimitLayer::observed(ConcurrencyLimitPolicy::new(1), std::sync::Arc::new(()));
    let _permit = full.try_acquire();
    criterion.bench_function("concurrency_limit/refused", |b| {
        b.iter(|| black_box(full.try_acquire()));
    });
}

criterion_group!(concurrency_limit, benches);
criterion_main!(concurrency_limit);
