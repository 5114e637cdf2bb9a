//! A window over the last calls of all threads, which stores failed and slow calls alone.

use std::collections::VecDeque;

use super::counts::{CallSample, SuccessSample};
use crate::policies::circuit_breaker::Counts;
use crate::policies::circuit_breaker::counters::window::{Accumulate, CountWindow};

/// Window over a number of calls that remembers the failed and slow ones.
///
/// Each of these has its number among all calls, so that it leaves the window in time. A success
/// only increments that number: the count of successes, wherever they were counted, is needed only
/// when a failed call arrives. Cost follows from the failed and slow calls, not from the size of
/// the window.
#[derive(Debug)]
pub(in crate::policies::circuit_breaker) struct LastCalls {
    bad: VecDeque<FailureSample>,
    /// Number of calls recorded here, and not in the per-thread counters.
    here: u64,
    /// Latencies of the calls, if they are timed.
    latencies: Option<CountWindow<SuccessSample>>,
    size: u32,
    /// Counts of the failed and slow calls.
    totals: Counts,
}

/// A failed or slow call: its number, and in the two lowest bits the flags for failed and slow.
#[derive(Clone, Copy, Debug)]
struct FailureSample(u64);

/// Maximum size of a window: 8 MB of failed calls, and 4 MB more of latencies if calls are timed.
const MOST: u32 = 1_000_000;

impl LastCalls {
    /// Creates a window over the last `size` calls, at least 1.
    pub(in crate::policies::circuit_breaker) fn new(size: u32, timed: bool) -> Self {
        let mut window = Self {
            bad: VecDeque::new(),
            here: 0,
            latencies: None,
            size: within(size),
            totals: Counts::default(),
        };
        window.time(timed);
        window
    }

    /// True if this is a window over `size` calls.
    pub(in crate::policies::circuit_breaker) fn is_over(&self, size: u32) -> bool {
        self.size == within(size)
    }

    /// Starts or stops to record latencies.
    pub(in crate::policies::circuit_breaker) fn time(&mut self, timed: bool) {
        if !timed {
            self.latencies = None;
        } else if self.latencies.is_none() {
            self.latencies = Some(CountWindow::new(self.size as usize));
        }
    }

    /// True if every call has to be recorded here: a latency leaves the window in order, after all
    /// earlier ones.
    pub(in crate::policies::circuit_breaker) const fn is_timed(&self) -> bool {
        self.latencies.is_some()
    }

    /// Records a call. For a failed or slow one, `elsewhere` is the number of successes counted
    /// elsewhere so far.
    pub(in crate::policies::circuit_breaker) fn record(
        &mut self,
        call: CallSample,
        elsewhere: u64,
    ) {
        // Together with `elsewhere`, the number of this call among all.
        self.here += 1;
        if let Some(latencies) = &mut self.latencies {
            latencies.record(call.micros);
        }
        if call.is_bad() {
            self.bad
                .push_back(FailureSample::new(self.here + elsewhere, call));
            self.totals.add(call);
        }
    }

    /// Returns the counts of the window.
    pub(in crate::policies::circuit_breaker) fn counts(&mut self, elsewhere: u64) -> Counts {
        let (last, size) = (self.here + elsewhere, u64::from(self.size));
        while let Some(bad) = self.bad.front()
            // Older than the last `size` calls.
            && bad.number() + size <= last
        {
            let mut expired = Counts::default();
            expired.add(bad.call());
            self.totals.subtract(expired);
            self.bad.pop_front();
        }
        let latencies = self.latencies.as_ref().map(CountWindow::total);
        let latency_micros = latencies.unwrap_or_default().latency_micros;
        Counts::of(last.min(size), self.totals, latency_micros)
    }

    /// Resets the window, and keeps its memory.
    pub(in crate::policies::circuit_breaker) fn clear(&mut self) {
        self.bad.clear();
        self.here = 0;
        if let Some(latencies) = &mut self.latencies {
            latencies.clear();
        }
        self.totals = Counts::default();
    }
}

impl FailureSample {
    fn new(number: u64, call: CallSample) -> Self {
        // 62 bits for the number suffice for a million calls a second over 100,000 years.
        Self(number << 2 | u64::from(call.failed) << 1 | u64::from(call.slow))
    }

    const fn number(self) -> u64 {
        self.0 >> 2
    }

    const fn call(self) -> CallSample {
        CallSample {
            failed: self.0 & 2 != 0,
            micros: 0,
            slow: self.0 & 1 != 0,
        }
    }
}

const fn within(size: u32) -> u32 {
    if size == 0 {
        1
    } else if size > MOST {
        MOST
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// The oracle stores every call, and sums up from scratch.
        #[test]
        fn it_holds_what_the_last_calls_were_wherever_good_ones_are_counted(
            size in 0..20_u32,
            timed in any::<bool>(),
            calls in prop::collection::vec((0..4_u8, 0..9_u32, any::<bool>()), 0..100),
        ) {
            let mut window = LastCalls::new(size, timed);
            let (mut all, mut elsewhere) = (Vec::new(), 0);
            for (kind, micros, here) in calls {
                let (failed, slow) = (kind & 1 != 0, kind & 2 != 0);
                let call = CallSample { failed, micros, slow };
                if here || timed || call.is_bad() {
                    window.record(call, elsewhere);
                } else {
                    elsewhere += 1;
                }
                all.push(call);
                let first = all.len().saturating_sub(within(size) as usize);
                let mut expected = Counts::default();
                all[first..].iter().for_each(|call| expected.add(*call));
                if !timed {
                    expected = Counts::of(expected.calls(), expected, 0);
                }
                prop_assert_eq!(window.counts(elsewhere), expected);
            }
            window.clear();
            prop_assert_eq!(window.counts(0), Counts::default());
        }
    }
}
