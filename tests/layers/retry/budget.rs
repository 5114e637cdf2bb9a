//! How many retries there are, all requests together.

use std::time::Duration;

use http::Method;
use http_body_util::BodyExt;
use meshless::Percent;
use meshless::retry::{Backoff, RetryBudget, RetryLayer, RetryPolicy};
use tower::Layer;

use super::server::{Server, Step};
use super::{eager, request};
use crate::support::{call, start};

/// Sends so many requests one after the other; returns how many tries there were for each.
async fn outage(layers: &[RetryLayer], requests: usize) -> f64 {
    let server = Server::always(Step::status(503));
    for i in 0..requests {
        // A service for each request, as axum makes them.
        let mut service = layers[i % layers.len()].layer(server.clone());
        drop(call(&mut service, request(Method::GET)).await);
    }
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let ratio = server.seen() as f64 / requests as f64;
    ratio
}

#[tokio::test(start_paused = true)]
async fn an_outage_costs_a_quarter_more_at_the_most() {
    let ratio = outage(&[RetryLayer::new(eager(3))], 1_000).await;
    assert!(1.2 < ratio && ratio <= 1.25, "{ratio}");
}

#[tokio::test(start_paused = true)]
async fn without_a_budget_an_outage_costs_every_retry() {
    let policy = eager(3).with_budget(RetryBudget::unlimited());
    let ratio = outage(&[RetryLayer::new(policy)], 100).await;
    assert!((ratio - 4.0).abs() < 1e-9, "{ratio}");
}

#[tokio::test(start_paused = true)]
async fn clients_share_a_budget_if_they_are_told_to() {
    let none = RetryBudget::share(Percent::NONE);
    let tries = |budget: RetryBudget| async move {
        let one = RetryLayer::new(eager(1).with_budget(budget.clone()));
        let two = RetryLayer::new(eager(1).with_budget(budget));
        outage(&[one.clone(), two, one], 100).await
    };
    // Ten retries to begin with, for each or for both.
    assert!((tries(none.clone()).await - 1.20).abs() < 1e-9);
    assert!((tries(none.shared()).await - 1.10).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn what_was_spent_stays_spent_when_the_policy_is_replaced() {
    let none = eager(1).with_budget(RetryBudget::share(Percent::NONE));
    let layer = RetryLayer::new(none.clone());
    assert!((outage(std::slice::from_ref(&layer), 20).await - 1.5).abs() < 1e-9);
    layer.reconfigure(none.with_attempts(3));
    assert!((outage(&[layer], 10).await - 1.0).abs() < 1e-9);
}

#[tokio::test(start_paused = true)]
async fn retries_in_parallel_have_a_limit() {
    for (limit, retries) in [(0, 0), (1, 1), (3, 3), (9, 5)] {
        let slow = eager(1)
            .with_max_parallel(limit)
            .with_backoff(Backoff::constant(Duration::from_secs(1)));
        assert_eq!(in_parallel(slow, 5).await, 5 + retries, "{limit}");
    }
}

#[tokio::test(start_paused = true)]
async fn retries_in_parallel_can_be_a_share_of_the_requests_in_flight() {
    for (percent, min, retries) in [(0, 0, 0), (20, 0, 2), (20, 3, 3), (100, 0, 10)] {
        let budget = RetryBudget::concurrent(Percent::new(percent), min);
        let slow = eager(1)
            // Envoy's budget takes the place of its `max_retries`.
            .with_max_parallel(1)
            .with_budget(budget)
            .with_backoff(Backoff::constant(Duration::from_secs(1)));
        assert_eq!(
            in_parallel(slow, 10).await,
            10 + retries,
            "{percent} % {min}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_began_in_the_interval_count_for_the_share_after_their_end() {
    for (interval, tries) in [(0, 1), (10, 2), (1, 1)] {
        let budget = RetryBudget::concurrent(Percent::new(20), 0);
        let budget = budget.with_interval(Duration::from_secs(interval));
        let layer = RetryLayer::new(eager(1).with_budget(budget.shared()));
        let good = Server::always(Step::status(200));
        for _ in 0..5 {
            drop(call(&mut layer.layer(good.clone()), request(Method::GET)).await);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let failing = Server::always(Step::status(503));
        drop(call(&mut layer.layer(failing.clone()), request(Method::GET)).await);
        assert_eq!(failing.seen(), tries, "{interval} s");
    }
}

/// Sends so many requests at the same time; returns how many tries there were.
async fn in_parallel(policy: RetryPolicy, requests: usize) -> usize {
    let server = Server::always(Step::status(503));
    let mut service = RetryLayer::new(policy).layer(server.clone());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..requests {
        tasks.spawn(start(&mut service, request(Method::GET)));
    }
    tasks.join_all().await;
    server.seen()
}

#[tokio::test(start_paused = true)]
async fn a_request_is_in_flight_until_its_body_is_gone() {
    let budget = RetryBudget::concurrent(Percent::new(50), 0);
    let server = Server::new([Step::status(200)]);
    let mut service = RetryLayer::new(eager(1).with_budget(budget)).layer(server.clone());
    let held = call(&mut service, request(Method::GET)).await.unwrap();

    // Two in flight: half of them is one retry.
    let failing = Server::new([Step::status(503)]);
    let layer = RetryLayer::new(
        eager(1).with_budget(RetryBudget::concurrent(Percent::new(50), 0).shared()),
    );
    let lone = call(&mut layer.layer(failing.clone()), request(Method::GET))
        .await
        .unwrap();
    assert_eq!(failing.seen(), 1, "half of one is none");
    let also = Server::new([Step::status(503)]);
    drop(call(&mut layer.layer(also.clone()), request(Method::GET)).await);
    assert_eq!(also.seen(), 2, "the body of the one before is still there");
    drop(lone.into_body().collect().await);
    drop(held);
}
