//! One endpoint fails, in one way each.

use super::*;
use crate::bad::{Bad, Manner};

#[tokio::test]
async fn who_refuses_connections_is_passed_over_and_no_caller_notices() {
    for kind in KINDS {
        let (one, two) = (Good::start().await, Good::start().await);
        let gone = nobody().await;
        let endpoints = Endpoints::fixed([one.address(), gone, two.address()]);
        let stack = Stack::new(kind, endpoints.clone());
        for _ in 0..40 {
            assert_eq!(stack.get().await.text(), "good");
        }
        assert_eq!(one.served() + two.served(), 40);
        let out = endpoints.to_vec()[1].clone();
        assert!(endpoints.is_ejected(&out) && stack.detector.stats().ejected == 1);
        stack.assert_settled(&[]).await;
        drop(stack);
        one.stop().await;
        two.stop().await;
    }
}

#[tokio::test]
async fn who_hangs_after_accept_costs_a_try_and_no_answer() {
    for kind in KINDS {
        let (good, bad) = (Good::start().await, Bad::start(Manner::Hangs).await);
        let endpoints = Endpoints::fixed([good.address(), bad.address()]);
        let policy = RetryPolicy::new(2)
            .with_retry_on(RetryOn::parse("5xx").unwrap())
            .with_backoff(Backoff::constant(Duration::ZERO))
            .with_budget(RetryBudget::unlimited())
            .with_per_try_timeout(Duration::from_millis(300));
        let stack = Stack::with(kind, endpoints.clone(), policy);
        for _ in 0..30 {
            assert_eq!(stack.get().await.text(), "good");
        }
        assert!(endpoints.is_ejected(&endpoints.to_vec()[1]));
        stack.assert_settled(&[]).await;
        drop(stack);
        good.stop().await;
        bad.stop().await;
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_seen_by_its_reader_and_settles() {
    for kind in KINDS {
        let (good, bad) = (Good::start().await, Bad::start(Manner::ResetsMidBody).await);
        let stack = Stack::new(kind, Endpoints::fixed([good.address(), bad.address()]));
        let mut ends = (0, 0);
        for _ in 0..40 {
            match stack.get().await {
                End::Broken => ends.0 += 1,
                end => {
                    assert_eq!(end.text(), "good");
                    ends.1 += 1;
                }
            }
        }
        // What has begun to be answered is not asked for elsewhere.
        assert_eq!(ends, (bad.arrived("GET"), good.served()));
        assert_eq!(ends.0 + ends.1, 40);
        assert!(ends.0 > 0 && ends.1 > 0, "{ends:?}");
        stack.assert_settled(&[]).await;
        drop(stack);
        good.stop().await;
        bad.stop().await;
    }
}

#[tokio::test]
async fn who_answers_slowly_gets_less() {
    for kind in KINDS {
        let quick = Good::start().await;
        let slow = Good::named("slow", Duration::from_millis(30)).await;
        let stack = Stack::new(kind, Endpoints::fixed([quick.address(), slow.address()]));
        let mut callers = JoinSet::new();
        for _ in 0..8 {
            let call = stack.call.clone();
            callers.spawn(async move {
                for _ in 0..25 {
                    let end = send(call.clone(), Method::GET, "/").await;
                    assert!(["good", "slow"].contains(&end.text()));
                }
            });
        }
        callers.join_all().await;
        let (quick_served, slow_served) = (quick.served(), slow.served());
        assert_eq!(quick_served + slow_served, 200);
        assert!(slow_served < 80, "{slow_served} of 200, and by chance 100");
        stack.assert_settled(&[]).await;
        drop(stack);
        quick.stop().await;
        slow.stop().await;
    }
}

#[tokio::test]
async fn a_request_on_a_connection_that_is_closed_when_reused_is_replayed_if_that_is_safe() {
    for kind in KINDS {
        let bad = Bad::start(Manner::ClosesWhenReused).await;
        let stack = Stack::new(kind, Endpoints::fixed([bad.address()]));
        assert_eq!(stack.get().await.text(), "hello");
        pooled().await;
        assert_eq!(stack.get().await.text(), "hello");
        // The one that was closed upon, and its replay on a new connection.
        assert_eq!(bad.arrived("GET"), 3);

        pooled().await;
        let end = stack.send(Method::POST, "/").await;
        assert_eq!(end, End::Failed);
        assert_eq!(bad.arrived("POST"), 1);
        stack.assert_settled(&[]).await;
        drop(stack);
        bad.stop().await;
    }
}

#[tokio::test]
async fn on_connections_that_close_under_it_no_post_arrives_twice_and_every_get_is_answered() {
    for kind in KINDS {
        let bad = Bad::start(Manner::ClosesAfterEach).await;
        let stack = Stack::new(kind, Endpoints::fixed([bad.address()]));
        let mut ends = Vec::new();
        for n in 0..100 {
            assert_eq!(stack.get().await.text(), "hello");
            ends.push(stack.send(Method::POST, &format!("/{n}")).await);
        }
        let mut answered = 0;
        for (n, end) in ends.iter().enumerate() {
            let arrived = bad.arrived_for("POST", &format!("/{n}"));
            if *end == End::Failed {
                // It may have arrived all the same, and its answer be lost.
                assert!(arrived <= 1, "{n} arrived {arrived} times");
            } else {
                assert_eq!((end.text(), arrived), ("hello", 1), "{n}");
                answered += 1;
            }
        }
        assert!(answered > 0);
        stack.assert_settled(&[]).await;
        drop(stack);
        bad.stop().await;
    }
}

/// Lets the client put a connection back into its pool, which it does in a task of its own.
async fn pooled() {
    tokio::time::sleep(Duration::from_millis(10)).await;
}
