//! Waiting for one's turn.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::join_all;
use http::{Request, StatusCode};
use meshless::rate_limit::{Key, RateLimitLayer, RateLimitPolicy, RateLimiter};
use meshless::{Deadline, Rejection};
use tokio::time::Instant;
use tower::{Layer, ServiceExt, service_fn};

use crate::support::{Script, Upstream, call, start};

const SECOND: Duration = Duration::from_secs(1);

/// One a second and 10 that wait, in both kinds.
fn policies() -> [RateLimitPolicy; 2] {
    [
        RateLimitPolicy::per_second(1),
        RateLimitPolicy::token_bucket(1, 1, SECOND),
    ]
    .map(|policy| policy.with_max_queue(10))
}

/// Waits for a turn; returns the seconds it took, or the seconds after which to come back.
async fn turn(limiter: &RateLimiter, cost: u64) -> Result<u64, u64> {
    let begin = Instant::now();
    match limiter.until_ready(cost).await {
        Ok(_) => Ok(begin.elapsed().as_secs()),
        Err(rejection) => Err(rejection.retry_after().unwrap().as_secs()),
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_goes_in_the_order_of_arrival() {
    for policy in policies() {
        let limiter = RateLimiter::new(policy);
        let turns = join_all((0..5).map(|_| turn(&limiter, 1))).await;
        assert_eq!(turns, [Ok(0), Ok(1), Ok(2), Ok(3), Ok(4)]);
        assert_eq!(limiter.stats().waiting, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_call_does_not_overtake_a_large_one() {
    for policy in [
        RateLimitPolicy::at_most(5, SECOND * 5),
        RateLimitPolicy::token_bucket(5, 1, SECOND),
    ] {
        let limiter = RateLimiter::new(policy.with_max_queue(10));
        let turns = join_all([3, 4, 1].map(|cost| turn(&limiter, cost))).await;
        let waits: Vec<_> = turns.into_iter().map(Result::unwrap).collect();
        assert!(waits.is_sorted() && waits[1] > 0, "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_cannot_fit_is_refused_at_once() {
    for policy in policies() {
        let limiter = RateLimiter::new(policy.with_max_wait(SECOND * 2));
        let turns = join_all((0..4).map(|_| turn(&limiter, 1))).await;
        assert_eq!(turns, [Ok(0), Ok(1), Ok(2), Err(3)]);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_past_the_deadline_of_his_caller() {
    for policy in policies() {
        let limiter = RateLimiter::new(policy);
        limiter.admit(1).unwrap();
        let begin = Instant::now();
        let short = Deadline::after(SECOND / 2).unwrap();
        assert!(short.scoped(limiter.until_ready(1)).await.is_err());
        assert_eq!(begin.elapsed(), Duration::ZERO);
        let long = Deadline::after(SECOND * 2).unwrap();
        assert!(long.scoped(limiter.until_ready(1)).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_bounded_over_all_keys() {
    let limiter = RateLimiter::new(RateLimitPolicy::per_second(1).with_max_queue(2));
    for key in 0..3 {
        limiter.admit_for(&key, 1).unwrap();
    }
    let turns = (0..3).map(|key| {
        let limiter = &limiter;
        async move { limiter.until_ready_for(&key, 1).await.is_ok() }
    });
    assert_eq!(join_all(turns).await, [true, true, false]);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_gives_his_turn_back_and_those_behind_move_up() {
    for policy in policies() {
        let limiter = RateLimiter::new(policy);
        limiter.admit(1).unwrap();
        let mut waiting: Vec<_> = (0..4).map(|_| Box::pin(turn(&limiter, 1))).collect();
        for turn in &mut waiting {
            assert!(futures_util::FutureExt::now_or_never(turn).is_none());
        }
        assert_eq!(limiter.stats().waiting, 4);
        tokio::time::advance(SECOND / 2).await;
        drop(waiting.remove(1));
        drop(waiting.remove(0));
        assert_eq!(limiter.stats().waiting, 2);
        let late = turn(&limiter, 1);
        let (turns, late) = futures_util::future::join(join_all(waiting), late).await;
        assert_eq!((turns, late), (vec![Ok(1), Ok(2)], Ok(2)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_given_back_lets_those_who_wait_go_on() {
    for policy in [
        RateLimitPolicy::at_most(10, SECOND * 60),
        RateLimitPolicy::token_bucket(10, 1, SECOND * 6),
    ] {
        let limiter = RateLimiter::new(policy.with_max_queue(1));
        let permit = limiter.admit(10).unwrap();
        let wait = turn(&limiter, 5);
        let settle = async {
            tokio::time::sleep(SECOND).await;
            permit.settle(5);
        };
        let (waited, ()) = futures_util::future::join(wait, settle).await;
        assert_eq!(waited, Ok(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_in_its_future_and_blocks_nobody() {
    let by_path = RateLimitPolicy::per_second(1)
        .with_key(Key::path())
        .with_max_queue(9);
    let layer = RateLimitLayer::new(by_path);
    let mut service = layer.layer(Upstream::new());
    let get = |path: &str| Request::builder().uri(path).body(()).unwrap();
    call(&mut service, get("/a")).await.unwrap();
    let waiting = start(&mut service, get("/a"));
    let begin = Instant::now();
    call(&mut service, get("/b")).await.unwrap();
    assert_eq!(begin.elapsed(), Duration::ZERO);
    assert_eq!(waiting.await.unwrap().status(), StatusCode::OK);
    assert_eq!(begin.elapsed(), SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_queued_request_that_is_dropped_leaves_no_trace() {
    let layer = RateLimitLayer::new(RateLimitPolicy::per_second(1).with_max_queue(1));
    let upstream = Upstream::new();
    let mut service = layer.layer(upstream.clone());
    call(&mut service, Request::new(())).await.unwrap();
    // Once before it is polled and once while it waits.
    drop(start(&mut service, Request::new(())));
    let waiting = start(&mut service, Request::new(()));
    assert!(tokio::time::timeout(SECOND / 2, waiting).await.is_err());
    assert_eq!((layer.stats().waiting, upstream.calls()), (0, 1));
    tokio::time::advance(SECOND / 2).await;
    call(&mut service, Request::new(())).await.unwrap();
    assert_eq!(upstream.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_service_that_was_ready_is_the_one_that_is_called_after_the_wait() {
    // tower's limit panics when it is called without having been polled ready.
    let inner = service_fn(|_: Request<()>| async {
        Ok::<_, Infallible>(http::Response::new(Script::default()))
    });
    let inner = tower::limit::ConcurrencyLimit::new(inner, 2);
    let layer = RateLimitLayer::new(RateLimitPolicy::per_second(1).with_max_queue(9));
    let mut service = layer.layer(inner);
    for _ in 0..3 {
        let response = service.ready().await.unwrap();
        let response = tower::Service::call(response, Request::new(()))
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_replaced_while_a_call_waits_keeps_its_promise() {
    for policy in policies() {
        let limiter = RateLimiter::new(policy);
        limiter.admit(1).unwrap();
        let change = async {
            tokio::time::sleep(SECOND / 2).await;
            limiter.reconfigure(RateLimitPolicy::per_minute(1));
        };
        let (waited, ()) = futures_util::future::join(turn(&limiter, 1), change).await;
        assert_eq!(waited, Ok(1));
        assert!(matches!(limiter.admit(1), Err(Rejection::RateLimited(_))));
    }
}

#[tokio::test(start_paused = true)]
async fn run_waits_and_then_works() {
    let limiter = RateLimiter::new(RateLimitPolicy::per_second(1).with_max_queue(1));
    assert_eq!(limiter.run(|| async { 7 }).await, Ok(7));
    let (one, two) = futures_util::future::join(
        limiter.run(|| async { 8 }),
        limiter.run(|| async { panic!("there is no place for this") }),
    )
    .await;
    assert_eq!(one, Ok(8));
    let _: Result<(), Rejection> = two;
    assert!(two.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_policy_that_is_replaced_lets_nobody_overtake_those_who_wait() {
    let bucket = |fill| RateLimitPolicy::token_bucket(2, fill, SECOND).with_max_queue(10);
    let cycles = || bucket(2).with_discrete_refill(true);
    let at_most = |n| RateLimitPolicy::at_most(n, SECOND).with_max_queue(10);
    // The old and the new policy, when the last one of six goes on, and the next one after it.
    for (old, new, last, next) in [
        (bucket(2), bucket(2).with_name("same"), 3_000, 3_500),
        (cycles(), cycles().with_name("same"), 3_000, 4_000),
        (at_most(2), at_most(2).with_name("same"), 3_000, 4_000),
        (bucket(2), bucket(4), 1_500, 1_750),
        // Nobody goes on later than was promised.
        (bucket(2), bucket(1), 3_000, 7_000),
        (bucket(2), at_most(2), 3_000, 3_500),
        (at_most(2), bucket(2), 3_000, 3_500),
        (at_most(2), at_most(4), 1_000, 2_000),
        (at_most(2), at_most(1), 3_000, 4_000),
        (at_most(2), RateLimitPolicy::off(), 0, 0),
    ] {
        let what = format!("{old:?} {new:?}");
        let limiter = RateLimiter::new(old);
        for _ in 0..2 {
            limiter.admit(1).unwrap();
        }
        let begin = Instant::now();
        let turns = async {
            join_all((0..6).map(|_| limiter.until_ready(1))).await;
            begin.elapsed().as_millis()
        };
        let newcomer = async {
            limiter.reconfigure(new);
            let wait = limiter.admit(1).err().and_then(Rejection::retry_after);
            wait.unwrap_or_default().as_millis()
        };
        let found = futures_util::future::join(turns, newcomer).await;
        assert_eq!(found, (last, next), "{what}");
        assert_eq!(limiter.stats().waiting, 0);
    }
}
