//! Explores every interleaving of the permits: no permit is lost or granted twice, and every
//! wake-up arrives.

use std::sync::Arc;
use std::task::Waker;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use super::*;

/// Work under a permit, which asserts that no other runs at the same time.
fn work(permits: &Permits, busy: &AtomicBool) {
    assert!(!busy.swap(true, Ordering::SeqCst), "one at a time");
    busy.store(false, Ordering::SeqCst);
    permits.release();
}

/// Waits as a task does: polls, and sleeps until it is woken. loom reports a missing wake-up.
fn wait(permits: &Permits, place: QueueEntry) {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    while !permits.poll(place, &waker) {
        thread::park();
    }
}

struct Unpark(thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn shared(max_in_flight: u32) -> Arc<(Permits, AtomicBool)> {
    let permits = Permits::new(Bounds::new(max_in_flight, 8));
    Arc::new((permits, AtomicBool::new(false)))
}

#[test]
fn loom_two_who_ask_at_once_get_the_permit_one_after_the_other() {
    loom::model(|| {
        let shared = shared(1);
        let ask = |shared: Arc<(Permits, AtomicBool)>| {
            move || {
                let (permits, busy) = &*shared;
                match permits.enter() {
                    Entered::Admitted => {}
                    Entered::Queued(place) => wait(permits, place),
                    Entered::Rejected(_) => unreachable!("the queue has room"),
                }
                work(permits, busy);
            }
        };
        let other = thread::spawn(ask(Arc::clone(&shared)));
        ask(Arc::clone(&shared))();
        other.join().unwrap();
        assert_eq!(shared.0.load(), Occupancy::default());
    });
}

#[test]
fn loom_one_who_leaves_the_queue_loses_no_permit() {
    loom::model(|| {
        let shared = shared(1);
        assert_eq!(shared.0.enter(), Entered::Admitted);
        let Entered::Queued(first) = shared.0.enter() else {
            unreachable!("the permit is in use");
        };
        let Entered::Queued(second) = shared.0.enter() else {
            unreachable!("the permit is in use");
        };
        let leaver = Arc::clone(&shared);
        let other = thread::spawn(move || {
            if leaver.0.leave_queue(first) {
                leaver.0.release();
            }
        });
        shared.0.release();
        wait(&shared.0, second);
        other.join().unwrap();
        work(&shared.0, &shared.1);
        assert_eq!(shared.0.load(), Occupancy::default());
    });
}

#[test]
fn loom_a_raised_limit_and_a_returned_permit_let_both_in() {
    loom::model(|| {
        let shared = shared(1);
        assert_eq!(shared.0.enter(), Entered::Admitted);
        let asker = Arc::clone(&shared);
        let other = thread::spawn(move || {
            match asker.0.enter() {
                Entered::Admitted => {}
                Entered::Queued(place) => wait(&asker.0, place),
                Entered::Rejected(_) => unreachable!("the queue has room"),
            }
            asker.0.release();
        });
        shared.0.set_bounds(Bounds::new(2, 8), || {});
        other.join().unwrap();
        shared.0.release();
        assert_eq!(shared.0.load(), Occupancy::default());
    });
}
