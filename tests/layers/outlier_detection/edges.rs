//! Where one more, one less, or another status decides.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_limit_is_reached_by_the_failure_that_equals_it_and_by_no_later_one() {
    let world = World::new(2, policy());
    world.report(0, BAD, 4);
    world.detector.reconfigure(policy().with_consecutive_5xx(3));
    world.report(0, BAD, 20);
    assert!(!world.is_ejected(0), "the third was long ago");
    world.report(0, OK, 1);
    world.report(0, BAD, 2);
    assert!(!world.is_ejected(0));
    world.report(0, BAD, 1);
    assert!(world.is_ejected(0));
}

#[tokio::test(start_paused = true)]
async fn only_500_to_599_are_failures_and_only_502_to_504_of_gateways() {
    let status = |status| Outcome::Status(StatusCode::from_u16(status).unwrap());
    let gateway = policy()
        .with_consecutive_5xx(0)
        .with_consecutive_gateway_errors(2);
    for (policy, code, is_out) in [
        (policy(), 500, true),
        (policy(), 599, true),
        (policy(), 499, false),
        (policy(), 600, false),
        (gateway.clone(), 501, false),
        (gateway.clone(), 502, true),
        (gateway.clone(), 504, true),
        (gateway.clone(), 505, false),
    ] {
        let world = World::new(2, policy);
        world.report(0, status(code), 9);
        assert_eq!(world.is_ejected(0), is_out, "{code}");
    }
    // Nor is another a failure after some.
    for code in [499, 600] {
        let world = World::new(2, policy());
        world.report(0, BAD, 4);
        world.report(0, status(code), 1);
        world.report(0, BAD, 4);
        assert!(!world.is_ejected(0), "{code}");
    }
    // What timed out is a 504, and a success ends a row of these as well.
    let world = World::new(2, gateway);
    let timeout = Outcome::Failed(Failure::Timeout);
    world.report(0, timeout, 1);
    world.report(0, OK, 1);
    world.report(0, timeout, 1);
    assert!(!world.is_ejected(0));
    world.report(0, timeout, 1);
    assert!(world.is_ejected(0));
}

#[tokio::test(start_paused = true)]
async fn ejections_that_cannot_last_longer_are_not_counted_on() {
    let capped = policy()
        .with_interval(SECOND)
        .with_base_ejection_time(10 * SECOND)
        .with_max_ejection_time(25 * SECOND);
    let mut world = World::new(2, capped);
    for _ in 0..8 {
        world.report(0, BAD, 5);
        assert!(world.back_after(0, 100).await.is_some());
    }
    // Envoy counts to the first that would last 35 s or more, the fourth. The sweep that took it back is
    // no interval in good health; three are.
    tokio::time::advance(3 * SECOND).await;
    world.report(0, BAD, 5);
    assert_eq!(world.back_after(0, 100).await, Some(20));
}

#[tokio::test(start_paused = true)]
async fn who_is_out_is_not_compared_with() {
    let three = FailurePercentage::new(Percent::new(50)).with_min_hosts(3);
    let mut world = World::new(3, policy().with_failure_percentage(three));
    world.report(1, OK, 60);
    world.report(1, BAD, 1);
    for _ in 0..60 {
        world.report(2, BAD, 1);
        world.report(2, OK, 1);
    }
    world.report(0, OK, 60);
    world.report(0, BAD, 5);
    assert!(world.is_ejected(0));
    tokio::time::advance(10 * SECOND).await;
    world.send().await;
    assert!(!world.is_ejected(2), "two are too few");
    // All three, and none of them out.
    let three = World::new(3, policy().with_failure_percentage(three));
    for n in 0..3 {
        for _ in 0..60 {
            three.report(n, if n == 2 { BAD } else { OK }, 1);
            three.report(n, OK, 1);
        }
    }
    tokio::time::advance(10 * SECOND).await;
    three.report(0, OK, 1);
    assert!(three.is_ejected(2), "half are enough");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_an_outlier_where_all_are_alike() {
    let by_rate = policy()
        .with_consecutive_5xx(0)
        .with_success_rate(SuccessRate::new());
    let world = World::new(5, by_rate);
    for n in 0..5 {
        world.report(n, BAD, 50);
        world.report(n, OK, 50);
    }
    tokio::time::advance(10 * SECOND).await;
    world.report(0, OK, 1);
    assert_eq!(world.detector.stats().ejections, 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_policy_never_enforces_is_not_told_of() {
    let world = World::new(3, policy());
    world.report(0, Outcome::Status(StatusCode::BAD_GATEWAY), 4);
    world.report(0, OK, 1);
    world.report(0, Outcome::Status(StatusCode::BAD_GATEWAY), 5);
    assert!(world.is_ejected(0));
    assert_eq!(
        world.detector.stats().suppressed,
        0,
        "gateway errors in a row"
    );
    let reason = EjectionReason::Consecutive5xx;
    let endpoint = world.nth(0);
    assert_eq!(
        world.events.all(),
        [EventKind::EndpointEjected { endpoint, reason }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lone_endpoint_serves_again_with_the_first_request_after_its_ejection() {
    let mut world = World::new(1, policy());
    world.fleet.will(0, StatusCode::INTERNAL_SERVER_ERROR);
    for _ in 0..5 {
        assert_eq!(world.send().await.0, StatusCode::INTERNAL_SERVER_ERROR);
    }
    // The balancer has not looked at its endpoints since: the request that comes next is the first
    // that could find out that it is out, and that it is back.
    assert!(world.is_ejected(0));
    tokio::time::advance(3_600 * SECOND).await;
    world.fleet.will(0, StatusCode::OK);
    assert_eq!(world.send().await, (StatusCode::OK, None));
}

#[tokio::test(start_paused = true)]
async fn who_asks_hears_of_a_return_also_while_no_requests_come() {
    let world = World::new(2, policy());
    world.report(0, BAD, 5);
    assert_eq!(
        (world.is_ejected(0), world.detector.stats().ejected),
        (true, 1)
    );
    tokio::time::advance(3_600 * SECOND).await;
    assert!(!world.is_ejected(0));
    world.report(1, BAD, 5);
    tokio::time::advance(3_600 * SECOND).await;
    assert_eq!(world.detector.stats().ejected, 0);
}

#[tokio::test(start_paused = true)]
async fn a_set_that_outlives_its_detector_has_none_ejected() {
    let World {
        all,
        detector,
        layer,
        service,
        ..
    } = {
        let world = World::new(2, policy());
        world.report(0, BAD, 5);
        world
    };
    drop((detector, layer, service));
    assert!(!all.is_ejected(&endpoint(0)));
}
