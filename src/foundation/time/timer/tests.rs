mod runtimes;

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::time::sleep;

use super::*;
use crate::foundation::time::clock::now;

const SECOND: Duration = Duration::from_secs(1);

/// Counts wake-ups.
#[derive(Debug, Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waiting task with its waker.
#[derive(Debug, Default)]
struct Task(Arc<Woken>);

impl Task {
    fn poll(&self, timer: &mut Timer, at: Instant) -> Poll<()> {
        let waker = Waker::from(Arc::clone(&self.0));
        Pin::new(timer).poll_at(at, &Context::from_waker(&waker))
    }

    fn woken(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    /// True if a timer still holds this task's waker.
    fn is_known(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Returns a timer that waits until `at`.
fn waiting(at: Instant) -> Timer {
    let mut timer = Timer::new();
    assert!(Task::default().poll(&mut timer, at).is_pending());
    timer
}

/// Returns the identity of an armed timer.
fn address(timer: &Timer) -> *const ArmedTimer {
    &raw const **timer.armed.as_ref().unwrap()
}

fn is_over(timer: &Timer) -> bool {
    timer.armed.as_ref().unwrap().is_over()
}

async fn wait(timer: &mut Timer, at: Instant) {
    poll_fn(|cx| Pin::new(&mut *timer).poll_at(at, cx)).await;
}

/// Lets tokio process expired timers.
async fn settle() {
    sleep(Duration::ZERO).await;
}

#[tokio::test(start_paused = true)]
async fn what_did_not_go_off_is_taken_by_the_next() {
    let start = now();
    let first = waiting(start + SECOND);
    let kept = address(&first);
    drop(first);

    tokio::time::advance(SECOND / 2).await;
    let mut second = waiting(start + 3 * SECOND / 2);
    assert_eq!(address(&second), kept);
    wait(&mut second, start + 3 * SECOND / 2).await;
    assert_eq!(
        now() - start,
        3 * SECOND / 2,
        "its own deadline, not the first's"
    );
}

#[tokio::test(start_paused = true)]
async fn an_earlier_wait_wakes_once_for_nothing() {
    let start = now();
    drop(waiting(start + SECOND));
    let (task, mut timer, at) = (Task::default(), Timer::new(), start + 5 * SECOND);
    for (second, woken) in [(0, 0), (1, 1), (2, 1), (4, 1), (5, 2)] {
        sleep(start + second * SECOND - now()).await;
        settle().await;
        assert_eq!(task.woken(), woken, "at {second} s");
        assert_eq!(task.poll(&mut timer, at).is_ready(), second == 5);
    }
}

#[tokio::test(start_paused = true)]
async fn what_went_off_is_gone() {
    let start = now();
    let mut first = waiting(start + SECOND);
    let kept = waiting(start + SECOND);
    wait(&mut first, start + SECOND).await;
    assert!(is_over(&first) && is_over(&kept));
    drop((first, kept));

    let mut next = waiting(start + 2 * SECOND);
    assert!(!is_over(&next));
    wait(&mut next, start + 2 * SECOND).await;
    assert_eq!(now() - start, 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_off_while_it_is_kept_is_not_taken() {
    let start = now();
    let (late, soon) = (waiting(start + 9 * SECOND), waiting(start + SECOND));
    let kept = address(&late);
    drop(late);
    drop(soon);
    sleep(2 * SECOND).await;

    let next = waiting(start + 10 * SECOND);
    assert_eq!(address(&next), kept);
}

#[tokio::test(start_paused = true)]
async fn of_several_the_one_that_is_in_time_is_taken() {
    let start = now();
    let timers = [9, 2, 8, 7].map(|second| waiting(start + second * SECOND));
    let kept = address(&timers[1]);
    timers.into_iter().for_each(drop);
    assert_eq!(address(&waiting(start + 3 * SECOND)), kept);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_too_late_is_set_sooner() {
    let start = now();
    let late = waiting(start + 9 * SECOND);
    let kept = address(&late);
    drop(late);

    let mut soon = waiting(start + SECOND);
    assert_eq!(address(&soon), kept);
    wait(&mut soon, start + SECOND).await;
    assert_eq!(now() - start, SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_wait_may_change_its_end_both_ways() {
    let start = now();
    let mut timer = waiting(start + 3 * SECOND);
    for (end, reached) in [(1, 1), (2, 2), (9, 9), (5, 9)] {
        wait(&mut timer, start + end * SECOND).await;
        assert_eq!(now() - start, reached * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn the_one_who_asked_last_is_woken() {
    let at = now() + SECOND;
    let (before, after, mut timer) = (Task::default(), Task::default(), Timer::new());
    assert!(before.poll(&mut timer, at).is_pending());
    assert!(after.poll(&mut timer, at).is_pending());
    assert!(!before.is_known());
    sleep(SECOND).await;
    assert_eq!((before.woken(), after.woken()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_kept_of_a_task_and_nobody_is_woken() {
    let (task, mut timer) = (Task::default(), Timer::new());
    assert!(task.poll(&mut timer, now() + SECOND).is_pending());
    assert!(task.is_known());
    drop(timer);
    assert!(!task.is_known());
    sleep(2 * SECOND).await;
    assert_eq!(task.woken(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_task_without_any_share_left_is_woken_all_the_same() {
    let start = now();
    let mut timer = Timer::new();
    poll_fn(|cx| {
        while tokio::task::coop::has_budget_remaining() {
            let _ = std::pin::pin!(tokio::task::coop::consume_budget()).poll(cx);
        }
        Pin::new(&mut timer).poll_at(start + SECOND, cx)
    })
    .await;
    assert_eq!(now() - start, SECOND);
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_does_not_move_a_paused_clock() {
    let start = now();
    drop(waiting(start + SECOND));
    sleep(10 * SECOND).await;
    assert_eq!(now() - start, 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn a_thread_keeps_a_bounded_number() {
    let at = now() + SECOND;
    let timers: Vec<_> = (0..2 * pool::MOST).map(|_| waiting(at)).collect();
    drop(timers);
    assert_eq!(pool::kept(), pool::MOST);
}
