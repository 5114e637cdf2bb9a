use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RetryStats;
use super::machine::{BudgetConfig, TokenBalance};
use super::throttle::Throttle;
use super::window::RequestWindow;
use crate::foundation::sync::primitives::atomic::{AtomicU64, Ordering};
use crate::foundation::time::clock::ClockOrigin;

/// State that all clients of a budget share, with one word for each kind of budget.
#[derive(Debug)]
pub(in crate::policies::retry) struct State {
    /// Requests in flight in the upper half, concurrent retries in the lower.
    in_flight: AtomicU64,
    origin: ClockOrigin,
    balance: AtomicU64,
    /// Tokens of gRPC's throttle. `u64::MAX` until the first count caps it at the configured
    /// maximum.
    tokens: AtomicU64,
    /// Requests of the last interval, of a budget that has one.
    window: RequestWindow,
}

const REQUEST: u64 = 1 << 32;
const RETRIES: u64 = REQUEST - 1;

impl State {
    pub(super) fn new(terms: BudgetConfig, now: Instant) -> Self {
        Self {
            in_flight: AtomicU64::new(0),
            origin: ClockOrigin::at(now),
            balance: AtomicU64::new(TokenBalance::new(terms, 0).bits()),
            tokens: AtomicU64::new(u64::MAX),
            window: RequestWindow::new(),
        }
    }

    pub(super) fn deposit(&self, terms: BudgetConfig, now: impl FnOnce() -> Instant) {
        let deposit = TokenBalance::deposit(terms);
        // Adding to the word keeps the time in its upper bits: a plain request is one `fetch_add`.
        // The count that follows every so often caps the balance before it can reach those bits.
        let before = self.balance.fetch_add(deposit, Ordering::Relaxed);
        if TokenBalance::from_bits(before).are_due(deposit) {
            let nanos = self.origin.nanos(now());
            update(&self.balance, |bits| {
                Some(TokenBalance::from_bits(bits).count(terms, nanos).bits())
            });
        }
    }

    pub(super) fn withdraw(&self, terms: BudgetConfig, now: Instant) -> bool {
        let nanos = self.origin.nanos(now);
        update(&self.balance, |bits| {
            let rest = TokenBalance::from_bits(bits).withdraw(terms, nanos);
            rest.map(TokenBalance::bits)
        })
    }

    pub(super) fn ended(&self, throttle: Throttle, failed: bool) {
        update(&self.tokens, |tokens| {
            Some(if failed {
                throttle.failure(tokens)
            } else {
                throttle.success(tokens)
            })
        });
    }

    pub(super) fn allows(&self, throttle: Throttle) -> bool {
        throttle.allows(self.tokens.load(Ordering::Relaxed))
    }

    /// Returns the counts, and the balance of a budget that is a share of the requests.
    pub(super) fn stats(&self, terms: Option<BudgetConfig>, now: Instant) -> RetryStats {
        let (requests, retries) = halves(self.in_flight.load(Ordering::Relaxed));
        let balance = TokenBalance::from_bits(self.balance.load(Ordering::Relaxed));
        RetryStats {
            balance: terms.map(|terms| balance.retries(terms, self.origin.nanos(now))),
            requests_in_flight: requests,
            retries_in_flight: retries,
        }
    }

    /// Counts a request as in flight until the permit is dropped.
    pub(super) fn start(this: &Arc<Self>) -> InFlightPermit {
        this.in_flight.fetch_add(REQUEST, Ordering::Relaxed);
        InFlightPermit(Arc::clone(this))
    }

    /// Counts a request in the window of a budget with an interval.
    pub(super) fn count(&self, interval: Duration, now: Instant) {
        self.window.count(interval, self.origin.nanos(now));
    }

    /// Returns how many requests the last interval had.
    pub(super) fn counted(&self, interval: Duration, now: Instant) -> u32 {
        self.window.requests(interval, self.origin.nanos(now))
    }

    /// Says whether a retry could be paid for.
    pub(super) fn affords(&self, terms: BudgetConfig, now: Instant) -> bool {
        let nanos = self.origin.nanos(now);
        update(&self.balance, |bits| {
            let same = TokenBalance::from_bits(bits).affords(terms, nanos);
            same.map(TokenBalance::bits)
        })
    }

    pub(super) fn charge(&self) {
        update(&self.balance, |bits| {
            Some(TokenBalance::from_bits(bits).charge().bits())
        });
    }

    pub(super) fn credit(&self, retries: u64) {
        update(&self.balance, |bits| {
            Some(TokenBalance::from_bits(bits).credit(retries).bits())
        });
    }

    /// Counts a retry until [`left`](Self::left), if the limit that holds for so many requests in flight has
    /// room for it; else returns how many there are.
    pub(super) fn enter(&self, limit: impl Fn(u32) -> Option<u32>) -> Result<(), u32> {
        let granted = update(&self.in_flight, |bits| {
            let (requests, retries) = halves(bits);
            let room = limit(requests).is_none_or(|limit| retries < limit);
            room.then_some(bits + 1)
        });
        if granted {
            Ok(())
        } else {
            Err(halves(self.in_flight.load(Ordering::Relaxed)).1)
        }
    }

    pub(super) fn left(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Permit of a request in flight.
#[derive(Debug)]
pub(in crate::policies::retry) struct InFlightPermit(Arc<State>);

impl Drop for InFlightPermit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(REQUEST, Ordering::Relaxed);
    }
}

const fn halves(bits: u64) -> (u32, u32) {
    ((bits >> 32) as u32, (bits & RETRIES) as u32)
}

/// Applies `next` in one atomic step; returns true if it returned a value.
fn update(word: &AtomicU64, next: impl Fn(u64) -> Option<u64>) -> bool {
    // Relaxed: the word publishes no other memory, so it needs no ordering.
    let relaxed = Ordering::Relaxed;
    word.fetch_update(relaxed, relaxed, next).is_ok()
}

#[cfg(all(test, not(meshless_loom)))]
mod tests {
    use std::thread;

    use super::*;
    use crate::foundation::sync::Percent;

    #[test]
    fn sixty_four_threads_get_ten_retries_out_of_ten() {
        let now = crate::foundation::time::clock::now();
        let terms = BudgetConfig::new(Percent::NONE, 10);
        let state = State::new(terms, now);
        let granted: usize = thread::scope(|scope| {
            let withdraw = || (0..10).filter(|_| state.withdraw(terms, now)).count();
            let threads: Vec<_> = (0..64).map(|_| scope.spawn(withdraw)).collect();
            threads.into_iter().map(|t| t.join().unwrap()).sum()
        });
        assert_eq!(granted, 10);
    }
}

#[cfg(all(test, meshless_loom))]
mod loom_tests {
    use std::time::Duration;

    use loom::thread;

    use super::super::slot::Slot;
    use super::*;
    use crate::foundation::sync::Percent;

    fn now() -> Instant {
        crate::foundation::time::clock::now()
    }

    #[test]
    fn the_last_retry_is_granted_once_and_no_deposit_is_lost_loom() {
        let start = now();
        loom::model(move || {
            let terms = BudgetConfig::new(Percent::new(50), 8);
            let state = Arc::new(State::new(terms, start));
            // Deposits count below the reserve only, so a half of it is spent first.
            assert_eq!((0..4).filter(|_| state.withdraw(terms, start)).count(), 4);
            let threads = [(); 2].map(|()| {
                let state = Arc::clone(&state);
                thread::spawn(move || {
                    state.deposit(terms, || start + Duration::from_secs(1));
                    u32::from(state.withdraw(terms, start))
                })
            });
            let granted: u32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
            // 4 are left, and twice a half, one of which is the one to count them.
            let rest = (0..9).filter(|_| state.withdraw(terms, start)).count();
            assert_eq!(granted as usize + rest, 5);
        });
    }

    #[test]
    fn parallel_retries_never_exceed_their_limit_loom() {
        let start = now();
        loom::model(move || {
            let state = Arc::new(State::new(BudgetConfig::DEFAULT, start));
            let request = State::start(&state);
            let threads = [(); 2].map(|()| {
                let state = Arc::clone(&state);
                thread::spawn(move || Slot::take(&state, Some))
            });
            let slots = threads.map(|t| t.join().unwrap());
            assert_eq!(slots.iter().filter(|slot| slot.is_ok()).count(), 1);
            drop((slots, request));
            assert_eq!(state.in_flight.load(Ordering::Relaxed), 0);
        });
    }
}
