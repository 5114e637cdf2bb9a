//! By load, in turn, by chance; with weights, and slowly at first.

use super::*;

#[tokio::test(start_paused = true)]
async fn chance_keeps_to_the_weights() {
    for weights in [&[1, 1, 1][..], &[5, 3, 2], &[90, 10], &[1, 0, 4]] {
        let shares: Vec<_> = weights.iter().copied().map(f64::from).collect();
        for policy in [
            LoadBalancePolicy::random(),
            LoadBalancePolicy::least_request(),
        ] {
            let layer = LoadBalanceLayer::new(policy, weighted(weights)).with_seed(11);
            // Nothing is in flight when the next is chosen, so there is nothing to compare.
            assert_shares(&send_many(&layer, 20_000).await, &shares);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn turns_are_exact() {
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::round_robin(), weighted(&[3, 1, 2]));
    let counts = send_many(&layer, 600).await;
    assert_eq!(counts.into_values().collect::<Vec<_>>(), [300, 100, 200]);
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::round_robin(), endpoints(3));
    let echo = Echo::default();
    let (mut one, mut other) = (layer.layer(echo.clone()), layer.clone().layer(echo.clone()));
    for _ in 0..3 {
        call(&mut one, request()).await.unwrap();
        call(&mut other, request()).await.unwrap();
    }
    let last: Vec<_> = echo
        .addresses()
        .iter()
        .map(|a| a[7..8].to_owned())
        .collect();
    assert_eq!(
        last,
        ["0", "1", "2", "0", "1", "2"],
        "the services take turns together"
    );
}

#[tokio::test(start_paused = true)]
async fn who_has_fewer_in_flight_gets_the_next() {
    let two = endpoints(2);
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), two.clone()).with_seed(3);
    let echo = Echo::default();
    let mut service = layer.layer(echo.clone());
    let mut open = Vec::new();
    for _ in 0..100 {
        open.push(call(&mut service, request()).await.unwrap());
    }
    let in_flight: Vec<_> = two.to_vec().iter().map(Endpoint::in_flight).collect();
    assert!(in_flight[0].abs_diff(in_flight[1]) <= 4, "{in_flight:?}");
    // The bodies of one end; all that follow go there until it has caught up.
    let counts = echo.counts();
    let first: Vec<_> = echo
        .addresses()
        .iter()
        .map(|a| a == "10.0.0.0:80")
        .collect();
    let mut is_first = first.into_iter();
    open.retain(|_| !is_first.next().unwrap());
    assert_eq!(two.to_vec()[0].in_flight(), 0);
    for _ in 0..20 {
        open.push(call(&mut service, request()).await.unwrap());
    }
    let more = echo.counts()["10.0.0.0:80"] - counts["10.0.0.0:80"];
    assert!(more >= 16, "{more} of 20");
    drop(open);
    assert!(
        two.to_vec()
            .iter()
            .all(|endpoint| endpoint.in_flight() == 0)
    );
}

#[tokio::test(start_paused = true)]
async fn least_request_compares_what_all_threads_have_sent() {
    let two = endpoints(2);
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), two.clone()).with_seed(3);
    let send = |count| {
        (0..count)
            .map(|_| layer.choose().unwrap())
            .collect::<Vec<_>>()
    };
    let mut open = std::thread::scope(|scope| scope.spawn(|| send(100)).join().unwrap());
    open.retain(|ticket| ticket.endpoint() != Some(&two.to_vec()[0]));
    assert_eq!((open.len(), two.to_vec()[0].in_flight()), (50, 0));
    open.extend(send(50));
    assert_eq!(
        two.to_vec()[0].in_flight(),
        50,
        "all, until it had caught up"
    );
}

#[tokio::test(start_paused = true)]
async fn load_is_compared_by_weight() {
    let uneven = weighted(&[1, 4]);
    let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), uneven.clone()).with_seed(3);
    let mut service = layer.layer(Echo::default());
    let mut open = Vec::new();
    for _ in 0..500 {
        open.push(call(&mut service, request()).await.unwrap());
    }
    let light = uneven.to_vec()[0].in_flight();
    assert!((90..=110).contains(&light), "{light} of 500");
}

#[tokio::test(start_paused = true)]
async fn who_joins_gets_its_share_by_and_by() {
    for policy in [
        LoadBalancePolicy::random(),
        LoadBalancePolicy::least_request(),
        LoadBalancePolicy::round_robin(),
    ] {
        let policy = policy.with_slow_start(SlowStart::over(10 * SECOND));
        let all = endpoints(2);
        let layer = LoadBalanceLayer::new(policy, all.clone()).with_seed(5);
        assert_shares(&send_many(&layer, 5_000).await, &[1.0, 1.0]);
        all.update((0..3).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
        for (seconds, part) in [(0, 0.1), (2, 0.2), (3, 0.5), (4, 0.9), (1, 1.0)] {
            tokio::time::advance(seconds * SECOND).await;
            assert_shares(&send_many(&layer, 5_000).await, &[1.0, 1.0, part]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn more_choices_find_the_one_with_the_fewest() {
    let five = endpoints(5);
    // Two of five miss the least loaded three times in five; of forty that chance names, none does.
    let policy = LoadBalancePolicy::default().with_choices(40);
    let layer = LoadBalanceLayer::new(policy, five.clone()).with_seed(3);
    let mut open = Vec::new();
    for sent in 1..=100_u32 {
        open.push(layer.choose().unwrap());
        let most = five.to_vec().iter().map(Endpoint::in_flight).max();
        assert_eq!(most, Some(sent.div_ceil(5)));
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_joins_later_warms_up_for_as_long() {
    let all = endpoints(2);
    let policy = LoadBalancePolicy::random().with_slow_start(SlowStart::over(10 * SECOND));
    let layer = LoadBalanceLayer::new(policy, all.clone()).with_seed(5);
    for (count, shares) in [(3, vec![1.0, 1.0, 0.1]), (4, vec![1.0, 1.0, 0.8, 0.1])] {
        all.update((0..count).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
        assert_shares(&choose_many(&layer, 5_000), &shares);
        tokio::time::advance(8 * SECOND).await;
    }
    assert_shares(&choose_many(&layer, 5_000), &[1.0, 1.0, 1.0, 0.8]);
    tokio::time::advance(2 * SECOND).await;
    assert_shares(&choose_many(&layer, 5_000), &[1.0; 4]);
}

/// Envoy's formula: the weight times `max(min, (time / window) ^ (1 / aggression))`.
#[tokio::test(start_paused = true)]
async fn one_that_joins_many_has_the_share_of_envoys_formula_at_every_moment() {
    let line = SlowStart::over(20 * SECOND);
    let cases = [
        (line, [0.1, 0.1, 0.25, 0.5, 0.9, 1.0]),
        (
            line.with_min_weight(Percent::new(30)),
            [0.3, 0.3, 0.3, 0.5, 0.9, 1.0],
        ),
        (
            line.with_aggression(2.0),
            [0.01, 0.05, 0.25, 0.5, 0.9, 1.0].map(f64::sqrt),
        ),
        (line.with_aggression(0.5), [0.1, 0.1, 0.1, 0.25, 0.81, 1.0]),
    ];
    for (slow, parts) in cases {
        for policy in [
            LoadBalancePolicy::least_request(),
            LoadBalancePolicy::random(),
            LoadBalancePolicy::round_robin(),
        ] {
            let all = endpoints(12);
            let layer = LoadBalanceLayer::new(policy.with_slow_start(slow), all.clone());
            let layer = layer.with_seed(7);
            all.update((0..13).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
            for (seconds, part) in [0, 1, 4, 5, 8, 2].into_iter().zip(parts) {
                tokio::time::advance(seconds * SECOND).await;
                let counts = choose_many(&layer, 6_000);
                let mut shares = [1.0; 13];
                shares[12] = part;
                assert_shares(&counts, &shares);
            }
        }
    }
}

/// Named as often as its part says, it has a chance to win each time: twice its part at the most.
#[tokio::test(start_paused = true)]
async fn one_that_joins_many_under_load_is_not_flooded_for_being_idle() {
    let all = endpoints(12);
    let policy = LoadBalancePolicy::default().with_slow_start(SlowStart::over(20 * SECOND));
    let layer = LoadBalanceLayer::new(policy, all.clone()).with_seed(7);
    let mut open: Vec<_> = (0..1_200).map(|_| layer.choose().unwrap()).collect();
    all.update((0..13).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
    open.extend((0..1_200).map(|_| layer.choose().unwrap()));
    let new = all.to_vec()[12].in_flight();
    // 1,200 × 0.1 / 12.1 is 10; twice that, and chance.
    assert!((8..=34).contains(&new), "{new}");
}

#[tokio::test(start_paused = true)]
async fn slow_start_can_be_switched_off() {
    let all = endpoints(2);
    let policy = LoadBalancePolicy::random().with_slow_start(SlowStart::off());
    let layer = LoadBalanceLayer::new(policy, all.clone()).with_seed(5);
    all.update((0..3).map(|n| endpoint(&format!("10.0.0.{n}:80"))));
    assert_shares(&send_many(&layer, 5_000).await, &[1.0, 1.0, 1.0]);
}

#[tokio::test(start_paused = true)]
async fn a_retry_goes_to_who_was_not_tried() {
    let failures = [StatusCode::SERVICE_UNAVAILABLE; 4];
    for seed in 0..20 {
        let retry = retry(4);
        let policy = LoadBalancePolicy::random();
        let layer = LoadBalanceLayer::new(policy, endpoints(5)).with_seed(seed);
        let echo = Echo::default();
        echo.will(&failures);
        let mut service = retry.layer(layer.layer(echo.clone()));
        let response = call(&mut service, request()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(echo.counts().len(), 5, "{:?}", echo.addresses());

        // The next request starts afresh, and without the preference chance decides.
        call(&mut service, request()).await.unwrap();
        layer.reconfigure(LoadBalancePolicy::random().with_retries_elsewhere(false));
        echo.will(&failures);
        call(&mut service, request()).await.unwrap();
    }
}

/// Recorded on Envoy: six picks, of which the last is taken.
#[tokio::test(start_paused = true)]
async fn when_all_were_tried_the_last_pick_is_taken() {
    for (count, expected) in [(3, "012222"), (2, "011111")] {
        let retry = retry(5);
        let policy = LoadBalancePolicy::round_robin();
        let echo = Echo::default();
        echo.will(&[StatusCode::SERVICE_UNAVAILABLE; 5]);
        let balance = LoadBalanceLayer::new(policy, endpoints(count));
        let mut service = retry.layer(balance.layer(echo.clone()));
        call(&mut service, request()).await.unwrap();
        let order: String = echo
            .addresses()
            .iter()
            .map(|a| a[7..8].to_owned())
            .collect();
        assert_eq!(order, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_to_choose_is_an_answer() {
    let mut cases = [endpoints(0), weighted(&[0, 0])].into_iter();
    for none in cases.by_ref() {
        let echo = Echo::default();
        let layer = LoadBalanceLayer::new(LoadBalancePolicy::default(), none.clone());
        let response = call(&mut layer.layer(echo.clone()), request())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        let rejection = Rejection::of(&response).copied();
        assert_eq!(rejection, Some(Rejection::NoHealthyUpstream));
        assert_eq!(rejection.unwrap().flag(), "UH");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, "no healthy upstream");

        let mut grpc = request();
        let kind = HeaderValue::from_static("application/grpc");
        grpc.headers_mut().insert(header::CONTENT_TYPE, kind);
        let service = LoadBalance::new(LoadBalancePolicy::off(), none, move |_| echo.clone());
        let response = call(&mut service.clone(), grpc).await.unwrap();
        assert_eq!(response.headers()["grpc-status"], "14");
    }
}
