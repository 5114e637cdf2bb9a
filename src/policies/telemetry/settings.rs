//! The policy of a layer while requests run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::Guard;

use super::{Propagation, TracePolicy};
use crate::foundation::sync::{Percent, Reloadable};

/// A policy that can be replaced, and all of it that most calls ask for, in one word.
///
/// Loading the policy takes 70 instructions, two of them locked; reading the word takes one.
#[derive(Debug)]
pub(super) struct ReloadablePolicy {
    policy: Reloadable<TracePolicy>,
    /// Held while both are replaced, so that they stay those of one policy.
    replacing: Mutex<()>,
    settings: AtomicU32,
}

impl ReloadablePolicy {
    pub(super) fn new(policy: TracePolicy) -> Self {
        Self {
            settings: AtomicU32::new(policy.settings().0),
            policy: Reloadable::new(policy),
            replacing: Mutex::new(()),
        }
    }

    pub(super) fn store(&self, policy: TracePolicy) {
        let _replacing = self
            .replacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let settings = policy.settings();
        self.policy.store(policy);
        self.settings.store(settings.0, Ordering::Release);
    }

    #[inline]
    pub(super) fn settings(&self) -> Settings {
        Settings(self.settings.load(Ordering::Acquire))
    }

    /// Returns all of it, for what does not fit into the settings.
    pub(super) fn load(&self) -> Guard<Arc<TracePolicy>> {
        self.policy.load()
    }
}

/// What a policy says in numbers and in yes or no.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Settings(u32);

/// The share of samples in millionths, which 20 bits hold.
const SAMPLED: u32 = (1 << 20) - 1;
/// Where the formats begin, three bits each.
const ACCEPTED: u32 = 20;
const PROPAGATED: u32 = 23;

impl Settings {
    /// Whether anything is done at all.
    pub(super) const ENABLED: Self = Self(1 << 26);
    /// Whether there are further headers to be passed on: the policy itself has their names.
    pub(super) const FORWARDS: Self = Self(1 << 27);
    pub(super) const PRESERVES_REQUEST_ID: Self = Self(1 << 28);
    /// Whether a trace also goes on in the formats in which it came.
    pub(super) const SAME_FORMATS: Self = Self(1 << 29);
    /// Whether the response of a server tells the request id.
    pub(super) const WRITES_REQUEST_ID: Self = Self(1 << 30);

    pub(super) const fn new(
        accepted: Propagation,
        propagated: Propagation,
        sampled: Percent,
    ) -> Self {
        Self(sampled.millionths() | accepted.bits() << ACCEPTED | propagated.bits() << PROPAGATED)
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
        Propagation::of_bits(self.0 >> ACCEPTED)
    }

    /// Returns the formats to write for a trace that came in `formats`.
    #[inline]
    pub(super) const fn formats_out(self, formats: Propagation) -> Propagation {
        let propagated = Propagation::of_bits(self.0 >> PROPAGATED);
        if self.has(Self::SAME_FORMATS) {
            propagated.and(formats)
        } else {
            propagated
        }
    }

    /// Says whether a trace that begins now is recorded; `roll` gives 64 random bits, if they count.
    #[inline]
    pub(super) fn samples(self, random: impl FnOnce() -> u64) -> bool {
        let sampled = Percent::per_million(self.0 & SAMPLED);
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
        assert_eq!(settings.formats_out(Propagation::B3).bits(), 3);
        assert!(settings.has(Settings::ENABLED) && settings.has(Settings::PRESERVES_REQUEST_ID));
        assert!(!settings.has(Settings::FORWARDS) && !settings.has(Settings::WRITES_REQUEST_ID));
        assert!(settings.samples(|| unreachable!("all are")));

        let policy = TracePolicy::default()
            .with_accepted(Propagation::B3_MULTI)
            .with_forwarded([http::header::FROM])
            .with_propagated(Propagation::B3)
            .with_request_id_in_response(true)
            .with_request_id_preserved(false)
            .with_same_formats(false)
            .with_sampled(Percent::new(50));
        let settings = policy.settings();
        assert_eq!(settings.accepted(), Propagation::B3_MULTI);
        assert_eq!(settings.formats_out(Propagation::W3C), Propagation::B3);
        assert!(settings.has(Settings::FORWARDS) && settings.has(Settings::WRITES_REQUEST_ID));
        assert!(!settings.has(Settings::PRESERVES_REQUEST_ID));
        assert!(settings.samples(|| 0) && !settings.samples(|| u64::MAX));
        assert!(!TracePolicy::off().settings().has(Settings::ENABLED));
    }

    #[test]
    fn policies_that_replace_each_other_leave_one_whole() {
        let live = Arc::new(ReloadablePolicy::new(TracePolicy::off()));
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
