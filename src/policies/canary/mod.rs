//! Releases a new version step by step, and withdraws it as soon as it is worse than the stable one.
//!
//! The [`Canary`] is a pure machine: an application records outcomes of both versions, and each
//! [evaluation](Canary::evaluate) returns the weight of the canary and the reason in numbers. It
//! compares the versions at the same time by a sequential test that holds under any number of looks,
//! so that a canary which is no worse is withdrawn in 1 of 100 rollouts at the most.
//!
//! # Example
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use http::StatusCode;
//! use meshless::Percent;
//! use meshless::canary::{Canary, CanaryPolicy, Sample, Step, Verdict, Version};
//!
//! let policy = CanaryPolicy::new([
//!     Step::SetWeight(Percent::new(10)),
//!     Step::Pause(Duration::from_secs(60)),
//!     Step::SetWeight(Percent::new(50)),
//!     Step::Pause(Duration::from_secs(60)),
//! ]);
//! # #[expect(clippy::disallowed_methods, reason = "the application's own clock")]
//! let mut now = Instant::now();
//! let mut canary = Canary::new(policy, now);
//! let mut decision = canary.evaluate(now);
//! assert_eq!(decision.weight(), Percent::new(10));
//!
//! // 90 requests to the stable version, and 10 to the canary, of which every second fails.
//! let latency = Duration::from_millis(20);
//! for n in 0..100 {
//!     now += latency;
//!     let (version, status) = match n % 20 {
//!         0 => (Version::Canary, StatusCode::INTERNAL_SERVER_ERROR),
//!         10 => (Version::Canary, StatusCode::OK),
//!         _ => (Version::Stable, StatusCode::OK),
//!     };
//!     canary.record(version, Sample::new(status, latency), now);
//!     decision = canary.evaluate(now);
//! }
//! assert!(matches!(decision.verdict(), Verdict::Aborted(_)));
//! assert_eq!(decision.weight(), Percent::NONE);
//! println!("{decision}");
//! ```
//!
//! # Verdicts
//!
//! - The canary is **withdrawn** as soon as one check's e-value reaches the
//!   [threshold](CanaryPolicy::threshold), before each gate, also while paused.
//! - A step is taken when its time is over, and not before the
//!   [evidence](CanaryPolicy::with_detectable_excess) suffices at the current weight. Until then, and
//!   while the evidence is doubtful or the stable version fails as well, it is a [`Hold`].
//! - No time promotes or withdraws a canary without traffic, unless a
//!   [maximum](CanaryPolicy::with_maximum_hold) is set.
//!
//! # Several replicas
//!
//! Each process decides for itself. [`Canary::closed`] returns the counts of the last span, which
//! others [absorb](Canary::absorb), and [`Decision::merge`] the more cautious of two decisions; an
//! application that has a channel between its replicas joins them by these.
//!
//! The formulas, their sources, and a table of simulated rollouts are in `docs/canary.md`.

mod counts;
mod machine;
mod measurement;
mod policy;
mod verdict;

pub use counts::{Counts, Tally, Version};
pub use machine::Canary;
pub use measurement::{MeasurementLimits, Measurements, Phase};
pub use policy::check::Check;
pub use policy::sample::Sample;
pub use policy::step::Step;
pub use policy::{AfterHold, CanaryPolicy};
pub use verdict::{AbortReason, Decision, Hold, Report, Verdict};
