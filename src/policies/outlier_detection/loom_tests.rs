//! Every interleaving of reports on two threads, in which a success may pass without the lock.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::{OutlierDetectionPolicy, OutlierDetector};
use crate::foundation::endpoints::{Endpoint, EndpointObserver, Endpoints};
use crate::foundation::outcome::Outcome;

const BAD: Outcome = Outcome::Status(http::StatusCode::BAD_GATEWAY);
const GOOD: Outcome = Outcome::SUCCESS;

fn detector() -> (OutlierDetector, Endpoint, Endpoints) {
    let endpoint = Endpoint::try_from("10.0.0.1:80").unwrap();
    let all = Endpoints::fixed([endpoint.clone()]);
    let policy = OutlierDetectionPolicy::default().with_consecutive_5xx(2);
    let detector = OutlierDetector::with_observer(policy, all.clone(), std::sync::Arc::new(()));
    (detector, endpoint, all)
}

#[test]
fn loom_a_success_after_a_failure_is_never_taken_for_one_before_it() {
    loom::model(|| {
        let (detector, endpoint, all) = detector();
        let failed = Arc::new(AtomicBool::new(false));
        let other = {
            let (detector, endpoint) = (detector.clone(), endpoint.clone());
            let failed = Arc::clone(&failed);
            thread::spawn(move || {
                detector.report(&endpoint, BAD);
                failed.store(true, Ordering::Release);
            })
        };
        let came_after = failed.load(Ordering::Acquire);
        detector.report(&endpoint, GOOD);
        other.join().unwrap();
        detector.report(&endpoint, BAD);
        if came_after {
            assert!(
                !all.is_ejected(&endpoint),
                "the success stood between the failures"
            );
        }
    });
}

#[test]
fn loom_an_endpoint_is_clean_when_nothing_is_on_the_books() {
    loom::model(|| {
        let (detector, endpoint, all) = detector();
        let report = |outcome| {
            let (detector, endpoint) = (detector.clone(), endpoint.clone());
            thread::spawn(move || detector.report(&endpoint, outcome))
        };
        let threads = [report(BAD), report(GOOD)];
        for thread in threads {
            thread.join().unwrap();
        }
        let was_clean = endpoint.is_clean();
        detector.report(&endpoint, BAD);
        assert_eq!(all.is_ejected(&endpoint), !was_clean);
    });
}
