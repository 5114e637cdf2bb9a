//! Policy of a layer, prepared for requests.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::Guard;

use super::{Propagation, TracePolicy};
use crate::foundation::sync::{Percent, Reloadable};

/// Replaceable policy, with the settings that most calls need in one word.
///
/// Loading the policy takes 70 instructions, two of them locked; reading the word takes one.
#[derive(Debug)]
pub(super) struct ReloadablePolicy {
    policy: Reloadable<TracePolicy>,
    /// Lock held while both are replaced, so that they belong to one policy.
    replacing: Mutex<()>,
    settings: AtomicU64,
}

impl ReloadablePolicy {
    pub(super) fn new(policy: TracePolicy, is_observed: bool) -> Self {
        let settings = policy.settings().with(Settings::OBSERVED, is_observed);
        Self {
            settings: AtomicU64::new(settings.0),
            policy: Reloadable::new(policy),
            replacing: Mutex::new(()),
        }
    }

    pub(super) fn store(&self, policy: TracePolicy) {
        let _replacing = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let is_observed = self.settings().has(Settings::OBSERVED);
        let settings = policy.settings().with(Settings::OBSERVED, is_observed);
        self.policy.store(policy);
        // Release, with the Acquire of `settings`: a call that sees the new settings also sees the
        // policy that they were made from.
        self.settings.store(settings.0, Ordering::Release);
    }

    /// Sets whether an observer wants the end of each request.
    pub(super) fn set_observed(&self, is_observed: bool) {
        let _replacing = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let settings = self.settings().with(Settings::OBSERVED, is_observed);
        // Release, as in `store`: a relaxed store would cut off a reader from the policy stored before.
        self.settings.store(settings.0, Ordering::Release);
    }

    #[inline]
    pub(super) fn settings(&self) -> Settings {
        Settings(self.settings.load(Ordering::Acquire))
    }

    /// Returns the whole policy, for the parts that are not in the settings.
    pub(super) fn load(&self) -> Guard<Arc<TracePolicy>> {
        self.policy.load()
    }
}

/// Numbers and flags of a policy, packed into one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Settings(u64);

/// Mask of the sampled share in millionths, which needs 20 bits.
const SAMPLED: u32 = (1 << 20) - 1;
// Positions of the formats, three bits each.
const ACCEPTED: u32 = 20;
const PROPAGATED: u32 = 23;

impl Settings {
    /// True unless the policy is off.
    pub(super) const ENABLED: Self = Self(1 << 26);
    /// True if an observer wants the end of each request.
    pub(super) const OBSERVED: Self = Self(1 << 31);
    /// True if further headers are forwarded; the policy has their names.
    pub(super) const FORWARDS: Self = Self(1 << 27);
    pub(super) const PRESERVES_REQUEST_ID: Self = Self(1 << 28);
    /// True if a trace is also propagated in the formats in which it was received.
    pub(super) const SAME_FORMATS: Self = Self(1 << 29);
    /// True if calls carry the request id.
    pub(super) const SENDS_REQUEST_ID: Self = Self(1 << 32);
    /// True if the response of a server carries the request id.
    pub(super) const WRITES_REQUEST_ID: Self = Self(1 << 30);

    pub(super) const fn new(
        accepted: Propagation,
        propagated: Propagation,
        sampled: Percent,
    ) -> Self {
        let numbers =
            sampled.millionths() | accepted.bits() << ACCEPTED | propagated.bits() << PROPAGATED;
        Self(numbers as u64)
    }

    /// Returns the part with the numbers.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the high bits are flags")]
    const fn numbers(self) -> u32 {
        self.0 as u32
    }

    pub(super) const fn with(self, setting: Self, on: bool) -> Self {
        Self(if on {
            self.0 | setting.0
        } else {
            self.0 & !setting.0
        })
    }

    #[inline]
    pub(super) const fn has(self, setting: Self) -> bool {
        self.0 & setting.0 != 0
    }

    /// Returns the formats that are read.
    #[inline]
    pub(super) const fn accepted(self) -> Propagation {
        Propagation::of_bits(self.numbers() >> ACCEPTED)
    }

    /// Returns the formats to write for a trace that was received in `formats`.
    #[inline]
    pub(super) const fn formats_out(self, formats: Propagation) -> Propagation {
        let propagated = Propagation::of_bits(self.numbers() >> PROPAGATED);
        if self.has(Self::SAME_FORMATS) {
            propagated.and(formats)
        } else {
            propagated
        }
    }

    /// Returns true if a trace that starts now is sampled; `random` returns 64 random bits, if
    /// needed.
    #[inline]
    pub(super) fn samples(self, random: impl FnOnce() -> u64) -> bool {
        let sampled = Percent::per_million(self.numbers() & SAMPLED);
        sampled == Percent::ALL || sampled.happens(random())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn each_setting_is_kept_beside_the_others() {
        let settings = TracePolicy::default().settings();
        assert_eq!(settings.accepted(), Propagation::ALL);
        assert_eq!(settings.formats_out(Propagation::B3), Propagation::W3C);
        assert!(settings.has(Settings::ENABLED) && settings.has(Settings::PRESERVES_REQUEST_ID));
        assert!(!settings.has(Settings::FORWARDS) && !settings.has(Settings::WRITES_REQUEST_ID));
        assert!(settings.samples(|| unreachable!("all are")));
        assert!(!settings.has(Settings::SENDS_REQUEST_ID), "asked for only");

        let policy = TracePolicy::default()
            .with_accepted(Propagation::B3_MULTI)
            .with_forwarded([http::header::FROM])
            .with_propagated(Propagation::B3)
            .with_request_id_in_request(true)
            .with_request_id_in_response(true)
            .with_request_id_preserved(false)
            .with_same_formats(false)
            .with_sampled(Percent::new(50));
        let settings = policy.settings();
        assert_eq!(settings.accepted(), Propagation::B3_MULTI);
        assert_eq!(settings.formats_out(Propagation::W3C), Propagation::B3);
        assert!(settings.has(Settings::FORWARDS) && settings.has(Settings::WRITES_REQUEST_ID));
        assert!(settings.has(Settings::SENDS_REQUEST_ID));
        assert!(!settings.has(Settings::PRESERVES_REQUEST_ID));
        assert!(settings.samples(|| 0) && !settings.samples(|| u64::MAX));
        assert!(!TracePolicy::off().settings().has(Settings::ENABLED));
    }

    #[test]
    fn policies_that_replace_each_other_leave_one_whole() {
        let live = Arc::new(ReloadablePolicy::new(TracePolicy::off(), false));
        let threads = (0..4).map(|thread| {
            let live = Arc::clone(&live);
            thread::spawn(move || {
                for share in 0..500 {
                    let sampled = Percent::per_million(thread * 1_000 + share);
                    live.store(TracePolicy::default().with_sampled(sampled));
                }
            })
        });
        for thread in threads.collect::<Vec<_>>() {
            thread.join().unwrap();
        }
        assert_eq!(live.settings(), live.load().settings());
    }
}
