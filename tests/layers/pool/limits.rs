//! How many connections, how many requests on each, and who waits.

use meshless::events::Source;

use super::*;
use crate::support::Events;

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_used_before_a_new_one_is_made() {
    let server = Server::new();
    let pool = server.pool(PoolPolicy::default());
    for _ in 0..3 {
        assert_eq!(send(&pool).await.unwrap(), "hello");
    }
    assert_eq!(server.requests(), [3]);
    assert_eq!((pool.stats().open, pool.stats().idle), (1, 1));
    assert_eq!(server.scene(|scene| scene.seen[0].clone()), "/ users");
}

#[tokio::test(start_paused = true)]
async fn there_are_never_more_connections_than_the_limit() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(2));
    let calls: Vec<_> = (0..5).map(|_| start(&pool)).collect();
    settle().await;
    assert_eq!((server.open(), pool.stats().pending), (2, 3));
    server.answer(5);
    for call in calls {
        assert_eq!(read(call.await.unwrap().unwrap()).await, "hello");
    }
    assert_eq!(server.scene(|scene| scene.most_open), 2);
    assert_eq!(server.requests().iter().sum::<usize>(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_request_too_many_to_wait_is_answered_with_overflow() {
    let server = Server::new().holding();
    let policy = PoolPolicy::default()
        .with_max_connections(1)
        .with_max_pending(1);
    let pool = server.pool(policy);
    let first = start(&pool);
    settle().await;
    let second = start(&pool);
    settle().await;
    let third = start(&pool).await.unwrap().unwrap();
    assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(third.headers()["x-envoy-overloaded"], "true");
    let rejection = *Rejection::of(&third).unwrap();
    assert_eq!(rejection, Rejection::Overflow(Overflow::Connection(1)));
    assert_eq!((rejection.policy(), rejection.flag()), ("pool", "UO"));
    server.answer(2);
    for call in [first, second] {
        read(call.await.unwrap().unwrap()).await;
    }
    assert_eq!(server.requests(), [2], "the third was not sent");
}

#[tokio::test(start_paused = true)]
async fn a_rejection_by_a_pool_names_it() {
    let server = Server::new().holding();
    let policy = PoolPolicy::default()
        .with_max_connections(1)
        .with_max_pending(1);
    let events = Events::default();
    let pool = Pool::with_observer(policy, server.clone(), events.observer()).named("openai");
    let _first = start(&pool);
    settle().await;
    let _second = start(&pool);
    settle().await;
    let rejected = start(&pool).await.unwrap().unwrap();
    let source = Source::of(&rejected).unwrap();
    assert_eq!(source.name(), Some("openai"));
    let observed = events.take_with_sources();
    let (kind, observed) = observed.last().unwrap();
    assert_eq!((kind.policy(), observed), ("pool", source));
}

/// Recorded on Envoy: of 4 at once, with 1 that may wait, one passes.
#[tokio::test(start_paused = true)]
async fn a_request_whose_connection_is_being_made_waits() {
    let server = Server::new();
    let policy = PoolPolicy::default()
        .with_max_connections(10)
        .with_max_pending(1);
    let pool = server.pool(policy);
    let calls: Vec<_> = (0..4).map(|_| start(&pool)).collect();
    let mut statuses = Vec::new();
    for call in calls {
        statuses.push(call.await.unwrap().unwrap().status().as_u16());
    }
    assert_eq!(statuses, [200, 503, 503, 503]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_closed_after_its_last_request() {
    let server = Server::new();
    let pool = server.pool(PoolPolicy::default().with_max_requests_per_connection(2));
    for _ in 0..5 {
        send(&pool).await.unwrap();
        settle().await;
    }
    assert_eq!(server.requests(), [2, 2, 1]);
    assert_eq!((server.open(), pool.stats().open), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_served_in_order() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(1));
    let calls: Vec<_> = (0..4)
        .map(|i| start_to(&pool, &format!("http://users/{i}")))
        .collect();
    server.answer(4);
    for call in calls {
        read(call.await.unwrap().unwrap()).await;
    }
    let seen = server.scene(|scene| scene.seen.clone());
    assert_eq!(seen, ["/0 users", "/1 users", "/2 users", "/3 users"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_waits_and_goes_away_leaves_its_place_to_the_next() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(1));
    let first = start(&pool);
    settle().await;
    let mut gone = pool.clone().call(to("http://users/gone"));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(Pin::new(&mut gone).poll(&mut cx).is_pending());
    let next = start(&pool);
    settle().await;
    assert_eq!(pool.stats().pending, 2);
    server.answer(1);
    // The place has come, and is not taken up.
    read(first.await.unwrap().unwrap()).await;
    assert_eq!(pool.stats().pending, 1);
    drop(gone);
    server.answer(1);
    read(next.await.unwrap().unwrap()).await;
    assert_eq!(server.requests(), [2]);
    let never_polled = pool.clone().call(to("http://users/"));
    drop(never_polled);
    assert_eq!(pool.stats().idle, 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_gives_way_to_another_authority() {
    let server = Server::new();
    let pool = server.pool(PoolPolicy::default().with_max_connections(1));
    for name in ["a", "b", "a"] {
        let call = start_to(&pool, &format!("http://{name}/"));
        read(call.await.unwrap().unwrap()).await;
    }
    assert_eq!(server.requests(), [1, 1, 1]);
    assert_eq!(server.scene(|scene| scene.most_open), 1);
}

#[tokio::test(start_paused = true)]
async fn an_authority_with_no_connection_is_not_kept_waiting_by_a_busy_one() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(1));
    let mut calls = vec![start_to(&pool, "http://a/0")];
    settle().await;
    for uri in ["http://b/", "http://a/1", "http://a/2"] {
        calls.push(start_to(&pool, uri));
        settle().await;
    }
    server.answer(4);
    for call in calls {
        read(call.await.unwrap().unwrap()).await;
    }
    let seen = server.scene(|scene| scene.seen.clone());
    assert_eq!(seen, ["/0 a", "/ b", "/1 a", "/2 a"]);
    assert_eq!(server.scene(|scene| scene.most_open), 1);
}

#[tokio::test(start_paused = true)]
async fn a_higher_limit_lets_those_who_wait_on_and_a_lower_one_closes_what_is_too_much() {
    let server = Server::new().holding();
    let policy = PoolPolicy::default();
    let pool = server.pool(policy.with_max_connections(1));
    let calls: Vec<_> = (0..4).map(|_| start(&pool)).collect();
    settle().await;
    assert_eq!(server.open(), 1);
    pool.reconfigure(policy.with_max_connections(4));
    settle().await;
    assert_eq!(server.open(), 4);
    server.answer(2);
    settle().await;
    pool.reconfigure(policy.with_max_connections(1));
    settle().await;
    server.answer(2);
    for call in calls {
        read(call.await.unwrap().unwrap()).await;
    }
    settle().await;
    assert_eq!((server.open(), pool.stats().open), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn who_waits_is_refused_at_their_deadline_and_leaves_the_queue() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(1));
    let first = start(&pool);
    settle().await;
    let second = Duration::from_secs(1);
    let deadline = Deadline::after(second).unwrap();
    let call = |deadline: Deadline| deadline.scope(|| pool.clone().call(to("http://users/")));
    let (waiting, other) = (tokio::spawn(call(deadline)), start(&pool));
    settle().await;
    assert_eq!(pool.stats().pending, 2);
    let begin = tokio::time::Instant::now();
    let refused = waiting.await.unwrap().unwrap();
    let Some(Rejection::Overflow(Overflow::Wait(waited))) = Rejection::of(&refused) else {
        unreachable!("{refused:?}");
    };
    assert_eq!(
        (*waited, refused.status()),
        (second, StatusCode::SERVICE_UNAVAILABLE)
    );
    assert!(begin.elapsed() <= second + Duration::from_millis(2));
    assert_eq!(pool.stats().pending, 1);
    // Whose time is over does not wait at all.
    let late = call(deadline).await.unwrap();
    assert!(matches!(
        Rejection::of(&late),
        Some(Rejection::Overflow(Overflow::Wait(Duration::ZERO)))
    ));
    assert_eq!(pool.stats().pending, 1);
    server.answer(2);
    for call in [first, other] {
        read(call.await.unwrap().unwrap()).await;
    }
}
