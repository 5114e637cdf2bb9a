//! Connections that take many requests at once.

use super::*;

#[tokio::test(start_paused = true)]
async fn requests_share_a_connection_up_to_what_its_peer_takes() {
    let server = Server::http2(3).holding();
    let pool = server.pool(PoolPolicy::default().with_http2(true));
    let calls: Vec<_> = (0..7).map(|_| start(&pool)).collect();
    settle().await;
    server.answer(7);
    for call in calls {
        assert_eq!(read(call.await.unwrap().unwrap()).await, "hello");
    }
    let requests = server.requests();
    assert_eq!(requests.iter().sum::<usize>(), 7);
    assert_eq!(requests, [3, 3, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_negotiates_http2_is_shared() {
    let server = Server::http2(200).holding();
    let pool = server.pool(PoolPolicy::default());
    let first = start(&pool);
    settle().await;
    let mut calls: Vec<_> = (0..50).map(|_| start(&pool)).collect();
    calls.push(first);
    settle().await;
    assert_eq!(pool.stats().open, 1);
    server.answer(51);
    for call in calls {
        read(call.await.unwrap().unwrap()).await;
    }
    assert_eq!(server.requests(), [51]);
    assert_eq!(pool.stats().idle, 1);
    drop(pool);
    settle().await;
    assert_eq!(server.open(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_limits_hold_for_http2_too() {
    let server = Server::http2(2).holding();
    let policy = PoolPolicy::default()
        .with_http2(true)
        .with_max_connections(2)
        .with_max_requests_per_connection(3);
    let pool = server.pool(policy);
    let calls: Vec<_> = (0..10).map(|_| start(&pool)).collect();
    settle().await;
    assert_eq!((server.open(), pool.stats().pending), (2, 6));
    server.answer(10);
    for call in calls {
        read(call.await.unwrap().unwrap()).await;
    }
    let requests = server.requests();
    assert_eq!(requests.iter().sum::<usize>(), 10);
    assert!(requests.iter().all(|count| *count <= 3), "{requests:?}");
    assert_eq!(server.scene(|scene| scene.most_open), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_leaves_the_connection_to_the_others() {
    let server = Server::http2(200).holding();
    let pool = server.pool(PoolPolicy::default().with_http2(true));
    let call = start(&pool);
    let gone = start(&pool);
    settle().await;
    gone.abort();
    settle().await;
    server.answer(1);
    drop(call.await.unwrap().unwrap());
    settle().await;
    assert_eq!((pool.stats().open, pool.stats().idle), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn the_host_of_a_request_is_its_authority_wherever_it_is_sent() {
    let server = Server::http2(200);
    let pool = server.pool(PoolPolicy::default());
    let mut request = to("http://10.0.0.1:80/path");
    request
        .headers_mut()
        .insert("host", "users".parse().unwrap());
    read(pool.oneshot(request).await.unwrap()).await;
    let seen = server.scene(|scene| scene.seen.clone());
    assert_eq!(seen, ["http://users/path "]);
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_while_it_answers_pings_and_closed_when_it_does_not() {
    let seconds = Duration::from_secs;
    let server = Server::http2(200);
    let pool = server.pool(PoolPolicy::default().with_http2_keep_alive(seconds(10), seconds(2)));
    send(&pool).await.unwrap();
    sleep(seconds(60)).await;
    assert_eq!(pool.stats().open, 1);
    server.fall_silent();
    sleep(seconds(13)).await;
    assert_eq!(pool.stats().open, 0);
    send(&pool).await.unwrap();
    assert_eq!(server.requests(), [1, 1]);
}
