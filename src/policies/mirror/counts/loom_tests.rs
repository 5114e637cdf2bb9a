//! Every interleaving of two callers, as loom finds them.

use std::sync::Arc;

use loom::thread;

use super::*;

fn counts() -> Arc<Counts> {
    Arc::new(Counts::new(Emitter::new(Arc::new(()))))
}

#[test]
fn no_more_copies_enter_than_may_and_all_leave() {
    loom::model(|| {
        let counts = counts();
        let enter =
            |counts: Arc<Counts>| move || CopyPermit::enter(&counts, 1).map(CopyPermit::mirrored);
        let other = thread::spawn(enter(Arc::clone(&counts)));
        let one = enter(Arc::clone(&counts))().is_ok();
        let other = other.join().unwrap().is_ok();
        assert!(one || other, "one of the two is admitted");
        let stats = counts.stats();
        assert_eq!(stats.in_flight, 0);
        assert_eq!(stats.mirrored, u64::from(one) + u64::from(other));
    });
}

#[test]
fn what_is_held_stays_within_the_limit_and_is_given_back() {
    loom::model(|| {
        let counts = counts();
        let hold = |counts: Arc<Counts>| {
            move || {
                let reason = MirrorDropReason::BufferFull(10);
                let held = counts.buffer(|held| if held > 4 { Err(reason) } else { Ok(held + 6) });
                if held.is_ok() {
                    assert!(counts.stats().buffered <= 10);
                    counts.unbuffer(6);
                }
            }
        };
        let other = thread::spawn(hold(Arc::clone(&counts)));
        hold(Arc::clone(&counts))();
        other.join().unwrap();
        assert_eq!(counts.stats().buffered, 0);
    });
}
