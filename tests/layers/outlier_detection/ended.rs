//! Ejections that an operator looks at, and ends.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_ejection_that_is_ended_by_hand_is_over_at_once_and_counts_for_the_next() {
    let policy = OutlierDetectionPolicy::default()
        .with_consecutive_5xx(1)
        .with_max_ejection_percent(Percent::ALL);
    let world = World::new(2, policy);
    let [one, other] = &world.all.to_vec()[..] else {
        unreachable!("two endpoints");
    };
    assert!(!world.detector.uneject(one));
    world.detector.report(one, BAD);
    let ejections = world.detector.ejections();
    assert_eq!(ejections.len(), 1);
    assert_eq!((&ejections[0].endpoint, ejections[0].times), (one, 1));
    assert_eq!(ejections[0].reason, EjectionReason::Consecutive5xx);
    assert!(!world.detector.uneject(other));
    assert!(world.detector.uneject(one));
    assert!(!world.all.is_ejected(one));
    assert!(world.detector.ejections().is_empty());
    assert_eq!(world.detector.stats().ejected, 0);
    world.detector.report(one, BAD);
    let ejection = &world.detector.ejections()[0];
    assert_eq!(ejection.times, 2);
    assert_eq!(ejection.until.duration_since(ejection.since), 60 * SECOND);
    let names = ["endpoint_ejected", "endpoint_unejected", "endpoint_ejected"];
    let events = world.events.all();
    let found: Vec<_> = events.iter().map(EventKind::name).collect();
    assert_eq!(found, names);
}
