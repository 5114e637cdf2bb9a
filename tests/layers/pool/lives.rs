//! How connections come to be, and how they end.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_made_is_an_error_that_says_so() {
    let server = Server::new();
    server.will([Connect::Fails]);
    let pool = server.pool(PoolPolicy::default());
    let error = send(&pool).await.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Connect);
    assert!(Failure::of(&error).never_processed());
    assert_over(pool.stats());
    send(&pool).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_too_long_is_a_failure_to_connect() {
    let server = Server::new();
    server.will([Connect::Hangs]);
    let pool = server.pool(PoolPolicy::default());
    let start = tokio::time::Instant::now();
    let error = send(&pool).await.unwrap_err();
    assert!(matches!(error, Error::ConnectTimeout(_)), "{error:?}");
    assert_eq!(Failure::of(&error), Failure::Connect);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_over(pool.stats());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_connector_that_panicked() {
    let server = Server::new();
    server.will([Connect::Panics]);
    let pool = server.pool(PoolPolicy::default());
    let error = send(&pool).await.unwrap_err();
    assert_eq!(Failure::of(&error), Failure::Connect);
    assert_over(pool.stats());
}

/// Else the hundredth would be told after 100 connect timeouts.
#[tokio::test(start_paused = true)]
async fn all_that_wait_for_nothing_else_hear_of_a_failure() {
    let server = Server::new();
    server.will([Connect::Hangs]);
    let policy = PoolPolicy::default()
        .with_max_connections(1)
        .with_connect_timeout(Duration::from_secs(1));
    let pool = server.pool(policy);
    let start_at = tokio::time::Instant::now();
    let calls: Vec<_> = (0..100).map(|_| start(&pool)).collect();
    for call in calls {
        call.await.unwrap().unwrap_err();
    }
    assert_eq!(start_at.elapsed(), Duration::from_secs(1));
    assert_over(pool.stats());
}

#[tokio::test(start_paused = true)]
async fn one_failure_among_connections_that_stand_is_told_to_one() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default().with_max_connections(2));
    let first = start(&pool);
    settle().await;
    server.will([Connect::Fails, Connect::Hangs]);
    let calls: Vec<_> = (0..3).map(|_| start(&pool)).collect();
    settle().await;
    server.answer(3);
    let mut failed = 0;
    for call in [first].into_iter().chain(calls) {
        match call.await.unwrap() {
            Ok(response) => drop(read(response).await),
            Err(_) => failed += 1,
        }
    }
    assert_eq!(failed, 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_in_time() {
    let server = Server::new();
    let minute = Duration::from_secs(60);
    let pool = server.pool(PoolPolicy::default().with_idle_timeout(minute));
    send(&pool).await.unwrap();
    sleep(minute / 2).await;
    send(&pool).await.unwrap();
    sleep(Duration::from_millis(59_998)).await;
    assert_eq!(server.open(), 1);
    sleep(Duration::from_millis(5)).await;
    assert_eq!(server.open(), 0);
    assert_over(pool.stats());
    assert_eq!(server.requests(), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_shorter_idle_timeout_holds_for_connections_that_are_there() {
    let server = Server::new();
    let pool = server.pool(PoolPolicy::default());
    send(&pool).await.unwrap();
    pool.reconfigure(PoolPolicy::default().with_idle_timeout(Duration::from_secs(1)));
    sleep(Duration::from_millis(1_002)).await;
    assert_over(pool.stats());
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_ends_with_the_request_that_it_carries() {
    let server = Server::new().holding();
    let policy = PoolPolicy::default().with_max_connection_duration(Duration::from_secs(1));
    let pool = server.pool(policy);
    let call = start(&pool);
    sleep(Duration::from_secs(2)).await;
    assert_eq!(server.open(), 1, "the request is not cut off");
    let other = start(&pool);
    settle().await;
    assert_eq!(server.open(), 2, "the old one gets no other request");
    server.answer(2);
    read(call.await.unwrap().unwrap()).await;
    read(other.await.unwrap().unwrap()).await;
    settle().await;
    assert_eq!(server.open(), 1);
    sleep(Duration::from_secs(1)).await;
    assert_over(pool.stats());
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_not_read_to_its_end_costs_its_connection() {
    let server = Server::new();
    let pool = server.pool(PoolPolicy::default());
    drop(start(&pool).await.unwrap().unwrap());
    settle().await;
    assert_over(pool.stats());
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_costs_its_connection() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default());
    let call = start(&pool);
    settle().await;
    call.abort();
    settle().await;
    assert_over(pool.stats());
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_dropped_closes_what_is_idle_and_lets_the_rest_end() {
    let server = Server::new().holding();
    let pool = server.pool(PoolPolicy::default());
    let calls = [start(&pool), start(&pool)];
    settle().await;
    server.answer(1);
    let [first, second] = calls;
    read(first.await.unwrap().unwrap()).await;
    drop(pool);
    settle().await;
    assert_eq!(server.open(), 1);
    server.answer(1);
    let response = second.await.unwrap().unwrap();
    settle().await;
    assert_eq!(server.open(), 1, "its body is not read yet");
    assert_eq!(read(response).await, "hello");
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_nobody_waits_for_any_more_is_not_made_for_a_pool_that_is_gone() {
    let server = Server::new();
    server.will([Connect::Takes(Duration::from_secs(5))]);
    let pool = server.pool(PoolPolicy::default());
    let call = start(&pool);
    settle().await;
    call.abort();
    drop(pool);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.requests(), [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_uri_without_an_authority_is_an_error() {
    let pool = Server::new().pool(PoolPolicy::default());
    let error = pool.oneshot(to("/")).await.unwrap_err();
    assert!(matches!(error, Error::NoAuthority));
}
