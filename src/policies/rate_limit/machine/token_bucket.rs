//! The state machine of a token bucket, over one number: the time at which the bucket will be full.
//!
//! That is the theoretical arrival time of the Generic Cell Rate Algorithm (ITU-T I.371): a token
//! taken moves it by the time in which one token is refilled, and the time between now and then is
//! what was used. It fits into one word, so a bucket without a key is one atomic, and a key costs
//! 16 bytes.

use super::Status;

/// Slowest refill in Envoy: one token a year.
const YEAR: u64 = 365 * 24 * 3600 * 1_000_000_000;

/// A token bucket's limits. Times are nanoseconds from the limiter's origin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Bucket {
    burst: u64,
    emission: u64,
    /// Tokens refilled in every `interval`.
    fill: u64,
    /// Interval of a discrete refill; 0 if tokens are refilled continuously.
    grid: u64,
    interval: u64,
    max_tokens: u64,
}

/// A cost that is paid, now or at a later time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Reservation {
    /// Time of admission.
    pub(crate) at: u64,
    pub(crate) full_at: u64,
}

/// A cost that cannot be paid in time, with the wait that it would need; `None` if it never can.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Denied(pub(crate) Option<u64>);

impl Bucket {
    pub(crate) const fn new(max_tokens: u64, fill: u64, interval: u64) -> Self {
        let (fill, interval) = if fill == 0 || interval / fill > YEAR {
            // Also where the fill is 0, as in Envoy.
            (1, YEAR)
        } else {
            (fill, interval)
        };
        let mut bucket = Self {
            burst: 0,
            emission: 0,
            fill,
            grid: 0,
            interval,
            max_tokens,
        };
        bucket.emission = bucket.quotient(1);
        bucket.burst = bucket.quotient(max_tokens);
        bucket
    }

    /// Refills all tokens at once at the end of every `interval`.
    pub(crate) const fn on_grid(mut self, interval: u64) -> Self {
        self.grid = interval;
        self
    }

    /// Returns a bucket of `tokens` of these tokens that is full in the same time; `None` if it
    /// cannot be counted exactly.
    pub(crate) fn part(&self, tokens: u64) -> Option<Self> {
        if self.grid > 0 {
            return None;
        }
        let fill = self.fill.checked_mul(tokens)?;
        let interval = self.interval.checked_mul(self.max_tokens)?;
        // No refill is slower than a token a year, so slower parts would be faster than the whole.
        (interval / fill <= YEAR).then(|| Self::new(tokens, fill, interval))
    }

    /// Pays `cost`, or reserves it if it can be paid within `max_wait`.
    #[inline]
    pub(crate) fn take(
        &self,
        full_at: u64,
        cost: u64,
        now: u64,
        max_wait: u64,
    ) -> Result<Reservation, Denied> {
        if cost == 0 {
            return Ok(Reservation { at: now, full_at });
        }
        if cost > self.max_tokens {
            return Err(Denied(None));
        }
        let full_at = full_at
            .max(self.tick(now))
            .saturating_add(self.emission_interval(cost));
        // GCRA: the call conforms as soon as `full_at` is no more than one burst ahead.
        let at = self.tick_after(full_at.saturating_sub(self.burst));
        if at <= now {
            return Ok(Reservation { at: now, full_at });
        }
        let wait = at - now;
        if wait <= max_wait {
            Ok(Reservation { at, full_at })
        } else {
            Err(Denied(Some(wait)))
        }
    }

    /// Pays `amount` even beyond the limit, so that later calls wait for it.
    pub(crate) fn charge(&self, full_at: u64, amount: u64, now: u64) -> u64 {
        full_at
            .max(self.tick(now))
            .saturating_add(self.emission_interval(amount))
    }

    /// Reserves `cost` once more, after it was promised for the time `promised`: earlier if it can
    /// be paid, never later.
    pub(crate) fn reschedule(
        &self,
        full_at: u64,
        cost: u64,
        promised: u64,
        now: u64,
    ) -> Reservation {
        match self.take(full_at, cost, now, u64::MAX) {
            Ok(Reservation { at, full_at }) => Reservation {
                // A promise is kept even if the new limit has room only later.
                at: at.min(promised),
                full_at,
            },
            Err(_) => Reservation {
                at: promised,
                full_at: self.charge(full_at, cost, now),
            },
        }
    }

    /// Refunds `amount`; a bucket never holds more than its maximum.
    pub(crate) const fn refund(&self, full_at: u64, amount: u64) -> u64 {
        full_at.saturating_sub(self.emission_interval(amount))
    }

    /// Returns the number of used tokens, more than the maximum if the bucket is in debt.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "capped before the cast, at more tokens than a bucket can hold"
    )]
    pub(crate) fn used(&self, full_at: u64, now: u64) -> u64 {
        let debt = u128::from(full_at.saturating_sub(self.tick(now)));
        if self.interval == 0 {
            return 0;
        }
        let used = (debt * u128::from(self.fill)).div_ceil(u128::from(self.interval));
        used.min(u128::from(u64::MAX)) as u64
    }

    /// Returns the state with `used` tokens used, at most all of them.
    pub(crate) fn with_used(&self, used: u64, now: u64) -> u64 {
        let price = self.emission_interval(used.min(self.max_tokens));
        self.tick(now).saturating_add(price)
    }

    pub(crate) fn status(&self, full_at: u64, now: u64) -> Status {
        let remaining = self.max_tokens.saturating_sub(self.used(full_at, now));
        let reset = if self.grid > 0 {
            self.tick(now).saturating_add(self.grid) - now
        } else if remaining > 0 {
            0
        } else {
            let next = full_at.max(now).saturating_add(self.emission);
            next.saturating_sub(self.burst).saturating_sub(now)
        };
        Status::new(
            self.max_tokens,
            remaining,
            reset,
            full_at.saturating_sub(now),
        )
    }

    pub(crate) const fn max_tokens(&self) -> u64 {
        self.max_tokens
    }

    /// Returns the time in which an empty bucket is refilled, in seconds, rounded up.
    pub(crate) const fn window(&self) -> u64 {
        self.burst.div_ceil(1_000_000_000)
    }

    /// Returns the refill time of `cost` tokens: at least a nanosecond, unless the refill is
    /// immediate.
    const fn emission_interval(&self, cost: u64) -> u64 {
        if cost == 1 {
            return self.emission;
        }
        self.quotient(cost)
    }

    /// Rounds down: a bucket may be a nanosecond early for each call, but is never late.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "capped before the cast, at 584 years"
    )]
    #[inline(never)]
    const fn quotient(&self, cost: u64) -> u64 {
        // 128 bits: the product of two 64-bit numbers cannot overflow.
        let nanos = cost as u128 * self.interval as u128 / self.fill as u128;
        if nanos > u64::MAX as u128 {
            u64::MAX
        } else if nanos == 0 && cost > 0 && self.interval > 0 {
            1
        } else {
            nanos as u64
        }
    }

    const fn tick(&self, now: u64) -> u64 {
        if self.grid == 0 {
            now
        } else {
            now - now % self.grid
        }
    }

    const fn tick_after(&self, at: u64) -> u64 {
        if self.grid == 0 {
            at
        } else {
            at.div_ceil(self.grid).saturating_mul(self.grid)
        }
    }
}
