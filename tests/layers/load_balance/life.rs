//! Addresses, services and policies that come and go.

use tokio_stream::wrappers::ReceiverStream;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_host_stays_whom_the_caller_addressed() {
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(1));
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    call(&mut service, request()).await.unwrap();
    let mut written = request();
    written
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_static("users.example"));
    call(&mut service, written).await.unwrap();
    let direct = Request::get("http://10.0.0.0:80/")
        .body(Empty::<Bytes>::new())
        .unwrap();
    call(&mut service, direct).await.unwrap();
    let address = "10.0.0.0:80".to_owned();
    let seen = echo.seen.lock().unwrap().clone();
    assert_eq!(seen[0], (address.clone(), Some("users".to_owned())));
    assert_eq!(seen[1], (address.clone(), Some("users.example".to_owned())));
    assert_eq!(seen[2], (address, None), "nothing to change");
}

#[tokio::test(start_paused = true)]
async fn a_list_is_replaced_while_requests_run() {
    let all = endpoints(2);
    let before = all.to_vec();
    let notes = Notes::default();
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::round_robin(), all.clone())
        .with_endpoint_observer(notes.clone());
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    echo.hang.store(true, Ordering::Relaxed);
    let mut to_first = Box::pin(start(&mut service, request()));
    assert!((&mut to_first).now_or_never().is_none());
    echo.hang.store(false, Ordering::Relaxed);
    let mut to_second = Box::pin(start(&mut service, request()));

    // The one stays what it is, with another weight; of the other only its requests are left.
    all.update([
        endpoint("10.0.0.0:80").with_weight(2),
        endpoint("10.0.0.9:80"),
    ]);
    let after = all.to_vec();
    assert_eq!(after[0], before[0]);
    assert_eq!((after[0].weight(), after[0].in_flight()), (2, 1));
    assert_ne!(after[1], before[1]);
    let response = (&mut to_second).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, "hello");
    assert_eq!(before[1].in_flight(), 0);
    for _ in 0..30 {
        call(&mut service, request()).await.unwrap();
    }
    assert_eq!(echo.counts()["10.0.0.1:80"], 1, "gone for new requests");
    drop(to_first);
    assert_eq!(before[0].in_flight(), 0);
    assert_eq!(
        notes.outcomes(),
        [Outcome::Status(StatusCode::OK); 31],
        "abandoned is no outcome"
    );
}

#[tokio::test(start_paused = true)]
async fn a_new_weight_counts_from_the_next_request_on() {
    for policy in [
        LoadBalancePolicy::random(),
        LoadBalancePolicy::round_robin(),
    ] {
        let all = weighted(&[1, 1]);
        let layer = LoadBalanceLayer::new(policy, all.clone()).with_seed(5);
        assert_shares(&choose_many(&layer, 4_000), &[1.0, 1.0]);
        all.update([
            endpoint("10.0.0.0:80"),
            endpoint("10.0.0.1:80").with_weight(3),
        ]);
        assert_shares(&choose_many(&layer, 4_000), &[1.0, 3.0]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_that_takes_the_place_of_the_only_one_gets_its_requests() {
    let all = endpoints(1);
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), all.clone());
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    let lists: [&[usize]; 5] = [&[0], &[1], &[0], &[], &[2]];
    for list in lists {
        all.update(list.iter().map(|n| endpoint(&format!("10.0.0.{n}:80"))));
        // The first that finds them changed, and the next.
        for _ in 0..2 {
            let response = call(&mut service, request()).await.unwrap();
            assert_eq!(response.status().is_success(), !list.is_empty());
        }
    }
    let expected = [0, 0, 1, 1, 0, 0, 2, 2].map(|n| format!("10.0.0.{n}:80"));
    assert_eq!(echo.addresses(), expected);
    layer.reconfigure(LoadBalancePolicy::off());
    call(&mut service, request()).await.unwrap();
    assert_eq!(echo.addresses()[8], "users");
}

#[tokio::test(start_paused = true)]
async fn what_one_thread_sends_and_another_ends_is_counted_once() {
    for policy in [
        LoadBalancePolicy::least_request(),
        LoadBalancePolicy::random(),
        LoadBalancePolicy::round_robin(),
    ] {
        let all = endpoints(3);
        let in_flight = || -> u32 { all.to_vec().iter().map(Endpoint::in_flight).sum() };
        let layer = LoadBalanceLayer::new(policy, all.clone());
        let send = || -> Vec<_> { (0..30).map(|_| layer.choose().unwrap()).collect() };
        let mut open = send();
        std::thread::scope(|scope| {
            let others = [(); 3].map(|()| scope.spawn(send));
            open.extend(others.into_iter().flat_map(|sent| sent.join().unwrap()));
        });
        assert_eq!(in_flight(), 120);
        // A new table keeps what the old one counts.
        layer.reconfigure(LoadBalancePolicy::random());
        open.extend(send());
        assert_eq!(in_flight(), 150);
        open.truncate(40);
        assert_eq!(in_flight(), 40);
        drop(open);
        assert_eq!(in_flight(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_lists_is_followed_until_the_handle_is_dropped() {
    let all = endpoints(0);
    let (lists, stream) = tokio::sync::mpsc::channel(1);
    let following = all.follow(ReceiverStream::new(stream));
    lists
        .send(vec![endpoint("10.0.0.1:80"), endpoint("10.0.0.1:80")])
        .await
        .unwrap();
    tokio::task::yield_now().await;
    assert_eq!(all.len(), 1, "the same place twice is one");
    assert!(!following.is_finished());
    drop(following);
    tokio::task::yield_now().await;
    assert!(lists.is_closed(), "nobody listens any more");
    assert_eq!(all.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_subset_follows_what_it_is_of() {
    let labelled = |address: &str, version: &str| endpoint(address).with_label("version", version);
    let all = Endpoints::fixed([labelled("10.0.0.0:80", "v1"), labelled("10.0.0.1:80", "v2")]);
    let v2 = all.subset([("version", "v2")]);
    let at_once = LoadBalancePolicy::default().with_slow_start(SlowStart::off());
    let layer = LoadBalanceLayer::new(at_once, v2.clone()).with_seed(5);
    assert_eq!(
        send_many(&layer, 3).await.into_keys().collect::<Vec<_>>(),
        ["10.0.0.1:80"]
    );
    let was = v2.to_vec();
    all.update([labelled("10.0.0.2:80", "v2"), labelled("10.0.0.1:80", "v2")]);
    assert_eq!(v2.len(), 2);
    assert_eq!(v2.to_vec()[1], was[0]);
    assert_eq!(v2.to_vec(), all.to_vec());
    assert_eq!(send_many(&layer, 50).await.len(), 2);
    assert!(all.subset([("version", "v3")]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_is_made_once_for_each_endpoint_and_dropped_with_it() {
    let all = endpoints(2);
    let alive = Arc::new(());
    let made = Arc::new(AtomicUsize::new(0));
    let balance = {
        let (alive, made) = (Arc::clone(&alive), Arc::clone(&made));
        LoadBalance::new(
            LoadBalancePolicy::round_robin(),
            all.clone(),
            move |endpoint| {
                made.fetch_add(1, Ordering::Relaxed);
                (Arc::clone(&alive), endpoint.address().to_string())
            },
        )
    };
    drop(balance.clone());
    assert_eq!(made.load(Ordering::Relaxed), 2);
    let services = |balance: &LoadBalance<_>| {
        balance.reconfigure(LoadBalancePolicy::default());
        Arc::strong_count(&alive) - 2
    };
    assert_eq!(services(&balance), 2);
    all.update([
        endpoint("10.0.0.1:80"),
        endpoint("10.0.0.2:80"),
        endpoint("10.0.0.3:80"),
    ]);
    assert_eq!(services(&balance), 3);
    assert_eq!(made.load(Ordering::Relaxed), 4, "who stayed keeps theirs");
}

/// A service that is ready when it is told, for one endpoint.
#[derive(Clone)]
struct Slow(Arc<AtomicBool>, Echo);

impl Service<Request<Empty<Bytes>>> for Slow {
    type Response = Response<Script>;
    type Error = Infallible;
    type Future = <Echo as Service<Request<Empty<Bytes>>>>::Future;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        if self.0.load(Ordering::Relaxed) {
            Poll::Ready(Ok(()))
        } else {
            Poll::Pending
        }
    }

    fn call(&mut self, request: Request<Empty<Bytes>>) -> Self::Future {
        assert!(self.0.load(Ordering::Relaxed), "called unready");
        self.1.call(request)
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_not_ready_keeps_only_its_own_waiting() {
    let all = endpoints(2);
    let is_ready = Arc::new(AtomicBool::new(false));
    let echo = Echo::default();
    let make = {
        let (is_ready, echo) = (Arc::clone(&is_ready), echo.clone());
        move |endpoint: &Endpoint| {
            let slow = endpoint.address().as_str() == "10.0.0.0:80";
            let ready = if slow {
                Arc::clone(&is_ready)
            } else {
                Arc::new(true.into())
            };
            Slow(ready, echo.clone())
        }
    };
    let mut balance = LoadBalance::new(LoadBalancePolicy::round_robin(), all.clone(), make);
    let mut waits = Box::pin(start(&mut balance, request()));
    assert!((&mut waits).now_or_never().is_none());
    assert_eq!(
        all.to_vec()[0].in_flight(),
        1,
        "whoever waits for it counts"
    );
    assert_eq!(
        start(&mut balance, request()).await.unwrap().status(),
        StatusCode::OK
    );
    drop(start(&mut balance, request()));
    assert_eq!(
        all.to_vec()[0].in_flight(),
        1,
        "dropped before it was polled"
    );
    is_ready.store(true, Ordering::Relaxed);
    assert_eq!(waits.await.unwrap().status(), StatusCode::OK);
    assert_eq!(
        echo.addresses(),
        ["users", "users"],
        "the request is what it was"
    );
    assert!(
        all.to_vec()
            .iter()
            .all(|endpoint| endpoint.in_flight() == 0)
    );
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_reported_once_and_a_broken_body_once_more() {
    let notes = Notes::default();
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(2))
        .with_endpoint_observer(notes.clone());
    let broken = tower::service_fn(|_: Request<Empty<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Script::default().data("hel").fail()))
    });
    let response = call(&mut layer.layer(broken), request()).await.unwrap();
    assert!(response.into_body().collect().await.is_err());
    let ok = Outcome::Status(StatusCode::OK);
    assert_eq!(notes.outcomes(), [ok, Outcome::Failed(Failure::Body)]);

    let refused = tower::service_fn(|_: Request<Empty<Bytes>>| async {
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        Err::<Response<Script>, _>(error)
    });
    assert!(call(&mut layer.layer(refused), request()).await.is_err());
    assert_eq!(notes.outcomes()[2..], [Outcome::Failed(Failure::Connect)]);
}

#[tokio::test(start_paused = true)]
async fn a_policy_is_replaced_and_off_changes_nothing() {
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::random(), endpoints(3));
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    layer.reconfigure(LoadBalancePolicy::round_robin());
    for _ in 0..9 {
        call(&mut service, request()).await.unwrap();
    }
    assert!(echo.counts().into_values().all(|count| count == 3));
    layer.reconfigure(LoadBalancePolicy::off());
    call(&mut service, request()).await.unwrap();
    assert_eq!(echo.addresses()[9], "users");
    layer.reconfigure(LoadBalancePolicy::random().with_min_health_percent(Percent::new(50)));
    call(&mut service, request()).await.unwrap();
    assert_ne!(echo.addresses()[10], "users");
}

#[tokio::test(start_paused = true)]
async fn what_a_timeout_around_it_cuts_off_is_its_endpoints_failure() {
    let notes = Notes::default();
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(2));
    let layer = layer.with_endpoint_observer(notes.clone());
    let echo = Echo::default();
    echo.hang.store(true, Ordering::Relaxed);
    let timeout = TimeoutLayer::new(TimeoutPolicy::total(SECOND));
    let mut service = timeout.layer(layer.layer(echo.clone()));
    let response = call(&mut service, request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(notes.outcomes(), [Outcome::Failed(Failure::Timeout)]);

    let policy = RetryPolicy::new(1).with_per_try_timeout(SECOND);
    let mut service = RetryLayer::new(policy).layer(layer.layer(echo));
    let response = call(&mut service, request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let outcomes = notes.outcomes();
    assert!(outcomes.len() > 1, "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == Outcome::Failed(Failure::Timeout))
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_in_time_is_no_failure_if_its_caller_is_cut_off() {
    let notes = Notes::default();
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(2));
    let balanced = layer
        .with_endpoint_observer(notes.clone())
        .layer(Echo::default());
    // Something between the two that takes its time with the answer.
    let slow = tower::service_fn(move |request: Request<Empty<Bytes>>| {
        let answer = start(&mut balanced.clone(), request);
        async {
            let _answer = answer.await;
            std::future::pending::<Result<Response<Script>, Infallible>>().await
        }
    });
    let timeout = TimeoutLayer::new(TimeoutPolicy::total(SECOND));
    let response = call(&mut timeout.layer(slow), request()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(notes.outcomes(), [Outcome::Status(StatusCode::OK)]);
}

#[test]
fn what_is_not_http_is_given_an_endpoint_and_reports_to_it() {
    let notes = Notes::default();
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(1));
    let watched = layer.clone().with_endpoint_observer(notes.clone());
    let ticket = watched.choose().unwrap();
    let endpoint = ticket.endpoint().unwrap().clone();
    assert_eq!(endpoint.in_flight(), 1);
    ticket.settle(Outcome::SUCCESS);
    drop(watched.choose().unwrap());
    assert_eq!(
        notes.outcomes(),
        [Outcome::SUCCESS],
        "one that is dropped says nothing"
    );
    assert_eq!(endpoint.in_flight(), 0);

    // With nobody to compare it with, and nobody to tell, there is nothing to count.
    let _ticket = layer.choose().unwrap();
    assert_eq!(endpoint.in_flight(), 0);
    let nobody = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(0));
    assert_eq!(nobody.choose().unwrap_err(), Rejection::NoHealthyUpstream);
}

#[tokio::test(start_paused = true)]
async fn no_header_of_a_request_says_how_its_endpoint_is_spoken_to() {
    let scheme = |request: Request<Empty<Bytes>>| {
        let scheme = request.uri().scheme_str().unwrap().parse().unwrap();
        let mut response = Response::new(Script::default());
        response.headers_mut().insert("x-scheme", scheme);
        std::future::ready(Ok::<_, Infallible>(response))
    };
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), endpoints(1));
    let mut service = layer.layer(tower::service_fn(scheme));
    for (uri, expected) in [
        ("/", "http"),
        ("http://a/", "http"),
        ("https://a/", "https"),
    ] {
        let request = Request::get(uri).header("x-forwarded-proto", "https");
        let request = request.header("host", "a").body(Empty::new()).unwrap();
        let response = call(&mut service, request).await.unwrap();
        assert_eq!(response.headers()["x-scheme"], expected, "{uri}");
    }
}
