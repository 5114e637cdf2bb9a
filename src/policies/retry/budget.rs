#[cfg(feature = "serde")]
mod config;
mod machine;
mod slot;
mod state;
mod throttle;
mod window;

use std::sync::Arc;
use std::time::Duration;

use crate::foundation::outcome::RetryStopReason;
use crate::foundation::sync::Percent;
use crate::foundation::time::clock;
use crate::foundation::time::clock::LazyNow;

use machine::BudgetConfig;
use slot::Bill;
pub(super) use slot::Slot;
pub(super) use state::{InFlightPermit, State};
use throttle::Throttle;

/// Limit on the retries of all requests of a layer together.
///
/// Retries help against a failure here and there, and while a part of the endpoints fails; against an outage they
/// are more load on what is already down. So the default is a limit for retries that do not help:
///
/// - Each request saves 20 % of a retry, exactly, and each retry spends a whole one.
/// - A retry that helps gives it back, and saves one more: while at least as many help as do not, none is denied.
/// - A retry after a try that reached no server (no connection, `REFUSED_STREAM`, a `GOAWAY` that leaves it out)
///   spends nothing before it has failed itself: the upstream has seen no request twice.
/// - A new budget starts with 10 retries, and can save up 10, or as many as half a second's requests if
///   that is more. What lies above that is forgotten, by a time constant of 2.5 seconds, and so are debts.
///
/// So while everything fails, a layer makes 10 retries more than 20 % of its requests at the most since it began: it
/// settles at 1.2 attempts per request, below 1.25 from 200 requests or 10 seconds on, whichever is
/// later. While one of two endpoints is dead or answers nothing but 503, no retry is missed, nor by a caller
/// that sees fewer than 10 % failures by chance. Time alone earns nothing, so this holds at any rate.
///
/// While everything fails, an upstream receives 1.2 times the load. An upstream with room for that
/// recovers by itself. If it is loaded above 83 %, retry only what it refuses, as the default
/// conditions do, and not attempts that timed out, or set a smaller share.
///
/// A budget is a value like every policy. Its state belongs to the layer and survives a replacement
/// of the policy. [`RetryBudget::shared`] attaches the state to the value, for several clients of
/// one upstream:
/// ```
/// use meshless::retry::{RetryBudget, RetryLayer, RetryPolicy};
///
/// let budget = RetryBudget::default().shared();
/// let one = RetryLayer::new(RetryPolicy::new(2).with_budget(budget.clone()));
/// let two = RetryLayer::new(RetryPolicy::new(5).with_budget(budget));
/// # let _ = (one, two);
/// ```
///
/// # Source
///
/// Finagle's `RetryBudget` (20 % and 10 a second for ten seconds) and linkerd's; the constant rate of
/// both gives slow callers any number of retries, which is why there is none here. Giving back what helped
/// is the AWS SDKs' retry quota.
#[derive(Clone, Debug)]
pub struct RetryBudget {
    kind: Kind,
    shared: Option<Arc<State>>,
}

/// State of a retry budget.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RetryStats {
    /// Number of retries that are saved, negative for a debt; `None` unless the budget is a
    /// [share](RetryBudget::share) of the requests.
    pub balance: Option<f64>,
    /// Number of requests in flight; 0 unless the budget is a share of [those](RetryBudget::concurrent).
    pub requests_in_flight: u32,
    /// Number of retries that wait or run.
    pub retries_in_flight: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Concurrent {
        /// Time for which a request counts; 0 if only while it runs.
        interval: Duration,
        min: u32,
        percent: Percent,
    },
    Share(BudgetConfig),
    Throttle(Throttle),
    Unlimited,
}

impl RetryBudget {
    /// Allows retries for this share of the requests, with a reserve of 10 retries.
    ///
    /// 0 % leaves only the reserve, once.
    #[must_use]
    pub const fn share(percent: Percent) -> Self {
        Self::of(Kind::Share(BudgetConfig::new(percent, 10)))
    }

    /// Limits concurrent retries to this share of the requests in flight, but to no fewer than
    /// `min`: Envoy's `retry_budget`, and Istio's `retryBudget` (20 % and 3 there).
    ///
    /// In an outage this bounds how many retries wait or run at once, not their total number. A
    /// request is in flight until its response body is dropped. This budget replaces
    /// [`RetryPolicy::with_max_parallel`](super::RetryPolicy::with_max_parallel), as in Envoy.
    #[must_use]
    pub const fn concurrent(percent: Percent, min: u32) -> Self {
        let interval = Duration::ZERO;
        Self::of(Kind::Concurrent {
            interval,
            min,
            percent,
        })
    }

    /// Allows retries while more than half of `tokens` are left: an attempt that fails with a
    /// retriable outcome costs one token, a success returns `per_success` of one. This is gRPC's
    /// `retryThrottling` (`maxTokens` and `tokenRatio`).
    #[must_use]
    pub const fn throttle(tokens: u32, per_success: Percent) -> Self {
        Self::of(Kind::Throttle(Throttle::new(tokens, per_success)))
    }

    /// Allows every retry: Istio's behaviour if no budget is set.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self::of(Kind::Unlimited)
    }

    /// Sets how many retries a [`share`](Self::share) can save up at any rate, which a new budget starts
    /// with. The default is 10; 0 starts with nothing, and forgets in seconds what slow
    /// callers save. It changes nothing for the other kinds.
    #[must_use]
    pub fn with_reserve(mut self, retries: u16) -> Self {
        if let Kind::Share(terms) = self.kind {
            self.kind = Kind::Share(BudgetConfig::new(terms.percent(), retries));
        }
        self
    }

    /// Sets the time for which a request counts for a [`concurrent`](Self::concurrent) limit, from its
    /// beginning: Envoy's `budget_interval`, and Istio's. The default is 0, which counts requests
    /// while they run. It changes nothing for the other kinds.
    ///
    /// The limit is a share of the requests that began in the last interval, or of those in flight if they
    /// are more. As in Envoy, a tenth of the interval is forgotten at a time.
    #[must_use]
    pub const fn with_interval(mut self, time: Duration) -> Self {
        if let Kind::Concurrent { interval, .. } = &mut self.kind {
            *interval = time;
        }
        self
    }

    /// Attaches a state to this budget that its clones share, in whichever layers they are used.
    #[must_use]
    pub fn shared(mut self) -> Self {
        self.shared = Some(Arc::new(self.new_state()));
        self
    }

    /// Attaches the state of another, shared budget; the limits of this one stay.
    #[cfg(feature = "istio")]
    #[must_use]
    pub(crate) fn with_state_of(mut self, other: &Self) -> Self {
        self.shared.clone_from(&other.shared);
        self
    }

    const fn of(kind: Kind) -> Self {
        Self { kind, shared: None }
    }

    /// Creates the state of a layer whose first policy has this budget.
    pub(super) fn new_state(&self) -> State {
        let terms = match self.kind {
            Kind::Share(terms) => terms,
            Kind::Concurrent { .. } | Kind::Throttle(_) | Kind::Unlimited => BudgetConfig::DEFAULT,
        };
        State::new(terms, clock::now())
    }

    /// Returns the state in effect: the shared one if there is one, else the layer's.
    pub(super) fn state<'a>(&'a self, own: &'a Arc<State>) -> &'a Arc<State> {
        self.shared.as_ref().unwrap_or(own)
    }

    /// Returns the state in effect; `own` is that of the layer.
    pub(super) fn stats(&self, own: &Arc<State>) -> RetryStats {
        let terms = match self.kind {
            Kind::Share(terms) => Some(terms),
            Kind::Concurrent { .. } | Kind::Throttle(_) | Kind::Unlimited => None,
        };
        self.state(own).stats(terms, clock::now())
    }

    /// Returns the state that is attached to it; zero without one.
    #[cfg(feature = "istio")]
    pub(crate) fn shared_stats(&self) -> RetryStats {
        let state = self.shared.as_ref();
        state.map_or_else(RetryStats::default, |state| self.stats(state))
    }

    /// Returns the share and the minimum of retries as text.
    pub(crate) fn describe(&self) -> String {
        match self.kind {
            Kind::Concurrent { percent, min, .. } => {
                format!("{percent} of the requests in flight, at least {min}")
            }
            Kind::Share(config) => {
                let (percent, reserve) = (config.percent(), config.reserve());
                format!("{percent} of the requests, and {reserve} more")
            }
            Kind::Throttle(_) => "by tokens".to_owned(),
            Kind::Unlimited => "unlimited".to_owned(),
        }
    }

    /// Returns true if no retry can ever be granted.
    pub(super) fn is_nothing(&self) -> bool {
        match self.kind {
            Kind::Concurrent { percent, min, .. } => percent == Percent::NONE && min == 0,
            Kind::Share(terms) => terms.is_nothing(),
            Kind::Throttle(throttle) => !throttle.allows(u64::MAX),
            Kind::Unlimited => false,
        }
    }

    /// Records the start of a request; the permit is held until the request is over.
    pub(super) fn request(&self, own: &Arc<State>, moment: &LazyNow) -> Option<InFlightPermit> {
        let state = self.state(own);
        match self.kind {
            Kind::Concurrent { interval, .. } => {
                if !interval.is_zero() {
                    state.count(interval, moment.now());
                }
                Some(State::start(state))
            }
            Kind::Share(terms) => {
                state.deposit(terms, || moment.now());
                None
            }
            Kind::Throttle(_) | Kind::Unlimited => None,
        }
    }

    /// Records the outcome of an attempt.
    pub(super) fn ended(&self, own: &Arc<State>, failed: bool) {
        if let Kind::Throttle(throttle) = self.kind {
            self.state(own).ended(throttle, failed);
        }
    }

    /// Pays for a retry after a try that reached a server, or did not (`unsent`); what it returns is kept until
    /// the retry has its outcome, which settles it.
    pub(super) fn retry(
        &self,
        own: &Arc<State>,
        max_parallel: Option<u32>,
        unsent: bool,
    ) -> Result<Slot, RetryStopReason> {
        let state = self.state(own);
        let limit = |active: u32| match self.kind {
            Kind::Concurrent {
                interval,
                min,
                percent,
            } => {
                let active = if interval.is_zero() {
                    active
                } else {
                    active.max(state.counted(interval, clock::now()))
                };
                let share = u32::try_from(percent.of(active.into())).unwrap_or(u32::MAX);
                Some(share.max(min))
            }
            Kind::Share(_) | Kind::Throttle(_) | Kind::Unlimited => max_parallel,
        };
        let slot = Slot::take(state, limit).map_err(RetryStopReason::Parallel)?;
        match self.kind {
            Kind::Share(terms) => {
                let (bill, granted) = if unsent {
                    (Bill::Owed, state.affords(terms, clock::now()))
                } else {
                    (Bill::Paid, state.withdraw(terms, clock::now()))
                };
                let paid = granted.then(|| slot.with_bill(bill));
                paid.ok_or_else(|| RetryStopReason::Budget(terms.percent()))
            }
            Kind::Throttle(throttle) if !state.allows(throttle) => {
                Err(RetryStopReason::Budget(throttle.per_success()))
            }
            _ => Ok(slot),
        }
    }
}

/// A share of 20 % with a reserve of 10 retries.
impl Default for RetryBudget {
    fn default() -> Self {
        Self::share(Percent::new(20))
    }
}

/// Budgets are equal if their limits are, and if they share one state or neither has one attached.
impl PartialEq for RetryBudget {
    fn eq(&self, other: &Self) -> bool {
        let shared = match (&self.shared, &other.shared) {
            (None, None) => true,
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            _ => false,
        };
        shared && self.kind == other.kind
    }
}

impl Eq for RetryBudget {}
