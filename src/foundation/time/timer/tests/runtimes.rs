//! Several runtimes, none, and the end of a runtime and of a thread.

use std::cell::RefCell;
use std::mem;

use tokio::runtime::{Builder, Runtime};

use super::*;

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

#[test]
fn a_runtime_takes_no_timer_of_another() {
    let (one, other) = (runtime(), runtime());
    let mut waits = one.block_on(async { waiting(now() + SECOND) });
    let kept = one.block_on(async { waiting(now() + SECOND) });
    let of_one = kept.armed.as_ref().unwrap().runtime();
    drop(kept);
    other.block_on(async {
        let start = now();
        let mut timer = waiting(start + 2 * SECOND);
        assert_ne!(timer.armed.as_ref().unwrap().runtime(), of_one);
        wait(&mut timer, start + 2 * SECOND).await;
        assert_eq!(now() - start, 2 * SECOND);
        // Nor does it keep one.
        let of_other = waiting(start + 9 * SECOND);
        let kept = address(&of_other);
        drop(of_other);
        drop(mem::take(&mut waits));
        assert_eq!(address(&waiting(start + 9 * SECOND)), kept);
    });
}

#[test]
fn a_shutdown_lets_all_timers_go_off() {
    let old = runtime();
    let (held, kept) = old.block_on(async {
        let at = now() + SECOND;
        (waiting(at), waiting(at))
    });
    drop(kept);
    drop(old);
    assert!(is_over(&held));
    drop(held);
    runtime().block_on(async {
        let start = now();
        wait(&mut waiting(start + SECOND), start + SECOND).await;
        assert_eq!(now() - start, SECOND);
    });
}

#[test]
#[should_panic(expected = "shutdown")]
fn a_wait_after_a_shutdown_panics_as_in_tokio() {
    let old = runtime();
    let (mut timer, at) = old.block_on(async {
        let at = now() + SECOND;
        (waiting(at), at)
    });
    drop(old);
    let _ = Task::default().poll(&mut timer, at);
}

#[test]
#[should_panic(expected = "no reactor running")]
fn a_wait_without_a_runtime_panics_as_in_tokio() {
    waiting(now());
}

#[test]
fn a_thread_without_a_runtime_keeps_no_timers() {
    let runtime = runtime();
    let (task, timer) = runtime.block_on(async {
        let (task, mut timer) = (Task::default(), Timer::new());
        assert!(task.poll(&mut timer, now() + SECOND).is_pending());
        (task, timer)
    });
    std::thread::spawn(move || {
        drop(timer);
        assert_eq!(pool::kept(), 0);
    })
    .join()
    .unwrap();
    assert!(!task.is_known());
}

#[test]
fn a_thread_ends_with_timers_of_its_own_before_and_after_the_pool() {
    thread_local! {
        static BEFORE: RefCell<Option<Timer>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Timer>> = const { RefCell::new(None) };
    }
    let runtime = runtime();
    let handle = runtime.handle().clone();
    std::thread::spawn(move || {
        let _guard = handle.enter();
        BEFORE.with_borrow_mut(|before| assert!(before.is_none()));
        let at = now() + SECOND;
        let timers = [waiting(at), waiting(at), waiting(at)];
        let [before, after, kept] = timers;
        AFTER.set(Some(after));
        BEFORE.set(Some(before));
        drop(kept);
    })
    .join()
    .unwrap();
    runtime.block_on(async {
        let start = now();
        wait(&mut Timer::new(), start + 2 * SECOND).await;
        assert_eq!(now() - start, 2 * SECOND);
    });
}
