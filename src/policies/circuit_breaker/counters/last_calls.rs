//! The last so many calls, in the order in which all threads made them.

use std::collections::VecDeque;

use super::counts::{CallSample, SuccessSample};
use crate::policies::circuit_breaker::Counts;
use crate::policies::circuit_breaker::counters::window::{Accumulate, CountWindow};

/// Remembers, of the last so many calls, the bad ones.
///
/// Each has the number that it had among all calls, so it leaves the window when it should. A good
/// call only moves that number on: it is enough to know how many there were when a bad one comes,
/// wherever they were counted. What this costs follows from the bad calls alone, not from the
/// window's size.
#[derive(Debug)]
pub(in crate::policies::circuit_breaker) struct LastCalls {
    bad: VecDeque<FailureSample>,
    /// How many calls were recorded here.
    here: u64,
    /// What the calls took, if anybody asks.
    latencies: Option<CountWindow<SuccessSample>>,
    size: u32,
    /// Of the bad calls.
    totals: Counts,
}

/// A bad call: its number, and in the lowest two bits, whether it failed and whether it was slow.
#[derive(Clone, Copy, Debug)]
struct FailureSample(u64);

/// Bounds the memory to 8 MB, and 4 MB more where calls are timed.
const MOST: u32 = 1_000_000;

impl LastCalls {
    /// Creates a window over the last `size` calls, at least one.
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

    /// Says whether this is a window over so many calls.
    pub(in crate::policies::circuit_breaker) fn is_over(&self, size: u32) -> bool {
        self.size == within(size)
    }

    /// Starts or stops to sum up what the calls took.
    pub(in crate::policies::circuit_breaker) fn time(&mut self, timed: bool) {
        if !timed {
            self.latencies = None;
        } else if self.latencies.is_none() {
            self.latencies = Some(CountWindow::new(self.size as usize));
        }
    }

    /// Says whether every call has to be recorded here: what one took leaves the window only after
    /// all that came before it.
    pub(in crate::policies::circuit_breaker) const fn is_timed(&self) -> bool {
        self.latencies.is_some()
    }

    /// Takes note of a call. If it is a bad one, `elsewhere` says how many good ones were counted
    /// elsewhere so far.
    pub(in crate::policies::circuit_breaker) fn record(
        &mut self,
        call: CallSample,
        elsewhere: u64,
    ) {
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

    /// Returns what the window holds.
    pub(in crate::policies::circuit_breaker) fn counts(&mut self, elsewhere: u64) -> Counts {
        let (last, size) = (self.here + elsewhere, u64::from(self.size));
        while let Some(bad) = self.bad.front()
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

    /// Forgets everything, and keeps the memory.
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
        /// The oracle keeps every call, and adds up from scratch.
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
