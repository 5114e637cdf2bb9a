use crate::foundation::sync::Percent;

/// Cost of one retry: a million units, so that any [`Percent`] of it is a whole number.
const RETRY: u64 = 1_000_000;
/// The most that is ever saved, by the bits there are for it: 34,359 retries.
const MOST: u64 = (1 << (BALANCE_BITS - 1)) - 1;
/// A balance of nothing. What lies below is owed, and never more than as much again.
const NOTHING: u64 = 1 << (BALANCE_BITS - 2);
/// One more than the most needs, for what is saved until it is counted.
const BALANCE_BITS: u32 = 37;
/// Size of the step between counts, as a power of two: 4.2 retries, or 21 requests at 20 %. The
/// balance is counted each time that it passes a multiple of this step. Requests in between read no
/// clock, which would cost as much as the rest of the budget; the decay skipped for so few requests
/// is below the reserve or below one second's worth.
const DUE_BITS: u32 = 22;
// A tick is 2^26 nanoseconds, 67 milliseconds. The 27 bits left for ticks wrap around after 104
// days.
const BALANCE: u64 = (1 << BALANCE_BITS) - 1;
const TICK_BITS: u32 = 26;
const TICKS: u64 = 1 << (64 - BALANCE_BITS);
/// Limit in ticks (19 hours) between an old clock reading and a wrap-around: a time less than this
/// ahead of the last count is a reading older than that count; further ahead, the ticks have
/// wrapped. ahead of the last count is a reading older than that count; further ahead, the ticks
/// have wrapped.
const OLDER: u64 = 1 << 20;
/// Time constant of the decay: 2.5 seconds, in ticks. A steady 20 % of the requests of 2.5 seconds
/// is half a second's worth of requests, and so 5 % of the requests of an outage of ten seconds.
const FORGET: u64 = 2_500_000_000 >> TICK_BITS;

/// Limits of a budget that is a share of the requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct BudgetConfig {
    percent: Percent,
    /// Balance below which nothing decays.
    reserve: u64,
}

impl BudgetConfig {
    pub(super) const DEFAULT: Self = Self::new(Percent::new(20), 10);

    pub(super) const fn new(percent: Percent, reserve: u16) -> Self {
        Self {
            percent,
            reserve: reserve as u64 * RETRY,
        }
    }

    pub(super) const fn percent(self) -> Percent {
        self.percent
    }

    /// Returns the reserve in retries.
    pub(super) fn reserve(self) -> u16 {
        u16::try_from(self.reserve / RETRY).unwrap_or(u16::MAX)
    }

    pub(super) const fn is_nothing(self) -> bool {
        self.percent.millionths() == 0 && self.reserve == 0
    }
}

/// Balance of a budget and the tick of its last count, in one word.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TokenBalance(u64);

impl TokenBalance {
    /// Starts with the reserve, `nanos` after the origin.
    pub(super) const fn new(terms: BudgetConfig, nanos: u64) -> Self {
        Self::pack(NOTHING + terms.reserve, ticks(nanos))
    }

    pub(super) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the number to add to the bits for one request.
    pub(super) const fn deposit(terms: BudgetConfig) -> u64 {
        terms.percent.millionths() as u64
    }

    /// Returns true if adding `deposit` to these bits makes a count due.
    pub(super) const fn are_due(self, deposit: u64) -> bool {
        (self.0 + deposit) >> DUE_BITS != self.0 >> DUE_BITS
    }

    /// Applies the decay until `nanos`.
    pub(super) fn count(self, terms: BudgetConfig, nanos: u64) -> Self {
        let (balance, tick) = self.at(terms, nanos);
        Self::pack(balance, tick)
    }

    /// Withdraws one retry; returns none if the balance is too low.
    pub(super) fn withdraw(self, terms: BudgetConfig, nanos: u64) -> Option<Self> {
        let (balance, tick) = self.at(terms, nanos);
        let is_there = balance >= NOTHING + RETRY;
        is_there.then(|| Self::pack(balance - RETRY, tick))
    }

    /// Says that a retry is there, and takes none.
    pub(super) fn affords(self, terms: BudgetConfig, nanos: u64) -> Option<Self> {
        let (balance, tick) = self.at(terms, nanos);
        (balance >= NOTHING + RETRY).then_some(Self::pack(balance, tick))
    }

    /// Spends a retry that has been made already, whether one is there or not.
    pub(super) fn charge(self) -> Self {
        let (balance, tick) = (self.0 & BALANCE, self.0 >> BALANCE_BITS);
        Self::pack(balance.saturating_sub(RETRY), tick)
    }

    /// Saves so many retries at once.
    pub(super) fn credit(self, retries: u64) -> Self {
        let (balance, tick) = (self.0 & BALANCE, self.0 >> BALANCE_BITS);
        Self::pack(balance + retries * RETRY, tick)
    }

    /// Returns the number of retries that are saved, negative for a debt, after the decay until `nanos`.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a balance has 37 bits, and a float 53"
    )]
    pub(super) fn retries(self, terms: BudgetConfig, nanos: u64) -> f64 {
        let (balance, _) = self.at(terms, nanos);
        (balance as f64 - NOTHING as f64) / RETRY as f64
    }

    /// Returns the balance after the decay until `nanos`, and the tick of that count.
    fn at(self, terms: BudgetConfig, nanos: u64) -> (u64, u64) {
        let (balance, last) = (self.0 & BALANCE, self.0 >> BALANCE_BITS);
        let tick = ticks(nanos);
        let elapsed = tick.wrapping_sub(last) % TICKS;
        if elapsed == 0 || elapsed > TICKS - OLDER {
            return (balance, last);
        }
        let kept = match balance.checked_sub(NOTHING) {
            Some(saved) => NOTHING + kept(saved, elapsed).max(saved.min(terms.reserve)),
            None => NOTHING - kept(NOTHING - balance, elapsed),
        };
        (kept, tick)
    }

    const fn pack(balance: u64, tick: u64) -> Self {
        let balance = if balance < MOST { balance } else { MOST };
        Self(tick << BALANCE_BITS | balance)
    }
}

/// Returns the part of savings, or of a debt, that remains after `elapsed`.
fn kept(amount: u64, elapsed: u64) -> u64 {
    // `b * T / (T + t)` follows `b * exp(-t / T)` closely enough, needs no table, and is the same
    // work for a tick and for a year.
    let kept = u128::from(amount) * u128::from(FORGET) / u128::from(FORGET + elapsed);
    u64::try_from(kept).unwrap_or(amount)
}

const fn ticks(nanos: u64) -> u64 {
    (nanos >> TICK_BITS) % TICKS
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn deposit(balance: TokenBalance, terms: BudgetConfig, nanos: u64) -> TokenBalance {
        let deposit = TokenBalance::deposit(terms);
        let after = TokenBalance(balance.0 + deposit);
        if balance.are_due(deposit) {
            after.count(terms, nanos)
        } else {
            after
        }
    }

    fn none(percent: Percent) -> (BudgetConfig, TokenBalance) {
        let terms = BudgetConfig::new(percent, 0);
        (terms, TokenBalance::new(terms, 0))
    }

    /// Runs `requests`, evenly over time, of which `fails` says which fail and want one retry; returns
    /// how many retries were granted and how many denied.
    fn run(
        terms: BudgetConfig,
        mut balance: TokenBalance,
        requests: u64,
        per_second: u64,
        mut fails: impl FnMut(u64) -> bool,
    ) -> (u64, u64, TokenBalance) {
        let (mut granted, mut denied) = (0, 0);
        for i in 0..requests {
            let nanos = i * SECOND / per_second;
            balance = deposit(balance, terms, nanos);
            if fails(i) {
                match balance.withdraw(terms, nanos) {
                    Some(rest) => {
                        balance = rest;
                        granted += 1;
                    }
                    None => denied += 1,
                }
            }
        }
        (granted, denied, balance)
    }

    #[test]
    fn any_ratio_is_exact() {
        for (millionths, expected) in [
            (100_000, 1_000),
            (250_000, 2_500),
            (990_000, 9_900),
            (999_900, 9_999),
            (1_000, 10),
            (333_333, 3_333),
            (0, 0),
        ] {
            let (terms, balance) = none(Percent::per_million(millionths));
            let granted = (0..10_000).fold((balance, 0), |(balance, granted), _| {
                let balance = deposit(balance, terms, 0);
                match balance.withdraw(terms, 0) {
                    Some(rest) => (rest, granted + 1),
                    None => (balance, granted),
                }
            });
            assert_eq!(granted.1, expected, "{millionths}");
        }
    }

    #[test]
    fn an_outage_costs_a_quarter_more_at_the_most() {
        let terms = BudgetConfig::DEFAULT;
        for per_second in [1, 5, 20, 100, 1_000, 50_000] {
            let healthy = 60 * per_second;
            let outage = (10 * per_second).max(200);
            let fresh = TokenBalance::new(terms, 0);
            let (granted, ..) = run(terms, fresh, outage, per_second, |_| true);
            assert!(granted * 4 <= outage, "fresh, {per_second}/s: {granted}");

            let (granted, ..) = run(terms, fresh, healthy + outage, per_second, |i| i >= healthy);
            assert!(
                granted * 4 <= outage,
                "{per_second}/s: {granted} of {outage}"
            );
        }
    }

    #[test]
    fn a_blip_of_half_a_second_loses_nothing_at_any_rate() {
        let terms = BudgetConfig::DEFAULT;
        for per_second in [20, 100, 1_000, 50_000] {
            let healthy = 60 * per_second;
            let blip = healthy..healthy + per_second / 2;
            let (_, denied, _) = run(
                terms,
                TokenBalance::new(terms, 0),
                healthy * 2,
                per_second,
                |i| blip.contains(&i),
            );
            assert_eq!(denied, 0, "{per_second}/s");
        }
    }

    #[test]
    fn idle_time_earns_nothing_and_forgets_all_but_the_reserve() {
        let terms = BudgetConfig::DEFAULT;
        let (_, _, rich) = run(terms, TokenBalance::new(terms, 0), 100_000, 10_000, |_| {
            false
        });
        let (_, _, poor) = run(terms, TokenBalance::new(terms, 0), 100, 10_000, |_| true);
        for hours in [1, 24, 24 * 365 * 50] {
            let nanos = hours * 3_600 * SECOND;
            assert_eq!(rich.at(terms, nanos).0, NOTHING + 10 * RETRY, "{hours}");
            assert!(poor.at(terms, nanos).0 < NOTHING + RETRY, "{hours}");
        }
    }

    #[test]
    fn a_debt_is_paid_by_requests_and_forgotten_like_savings() {
        let (terms, balance) = none(Percent::new(50));
        let owing = balance.charge().charge();
        let after = |requests| (0..requests).fold(owing, |owing, _| deposit(owing, terms, 0));
        assert!(after(5).withdraw(terms, 0).is_none());
        assert!(after(6).affords(terms, 0).is_some());
        assert_eq!(after(6).withdraw(terms, 0), Some(balance));
        let later = owing.at(terms, 5 * SECOND / 2).0;
        assert!((NOTHING - RETRY).abs_diff(later) < RETRY / 20);

        let deepest = (0..100_000).fold(balance, |balance, _| balance.charge());
        assert_eq!(deepest.at(terms, 0).0, 0);
        let highest = deepest.credit(1 << 20).credit(1 << 20);
        assert_eq!(highest.at(terms, 0).0, MOST);
    }

    #[test]
    fn an_older_reading_of_the_clock_changes_no_time() {
        let terms = BudgetConfig::DEFAULT;
        let later = TokenBalance::new(terms, 9 * SECOND);
        assert_eq!(
            later.count(terms, 8 * SECOND),
            later.count(terms, 9 * SECOND)
        );
    }

    proptest! {
        #[test]
        fn there_are_never_more_retries_than_the_share_and_the_start(
            percent in 0..=100_u8,
            gaps in proptest::collection::vec((0..5 * SECOND, 0..3_usize), 1..300),
        ) {
            let terms = BudgetConfig::new(Percent::new(percent), 10);
            let mut balance = TokenBalance::new(terms, 0);
            let (mut nanos, mut granted, mut requests) = (0, 0, 0);
            for (gap, wanted) in gaps {
                nanos += gap;
                requests += 1;
                balance = deposit(balance, terms, nanos);
                for _ in 0..wanted {
                    if let Some(rest) = balance.withdraw(terms, nanos) {
                        balance = rest;
                        granted += 1;
                    }
                }
                prop_assert!(granted * 100 <= requests * u64::from(percent) + 1_000);
            }
        }
    }

    #[test]
    fn no_retry_is_lost_below_ten_percent_of_failures() {
        let terms = BudgetConfig::DEFAULT;
        for seed in 0..100 {
            let rng = crate::foundation::sync::rng::Rng::with_seed(seed);
            let fails = |_| Percent::new(9).happens(rng.next_u64());
            let per_second = [1, 10, 100, 10_000][usize::try_from(seed % 4).unwrap()];
            let (_, denied, _) = run(terms, TokenBalance::new(terms, 0), 5_000, per_second, fails);
            assert_eq!(denied, 0, "{per_second}/s, seed {seed}");
        }
    }
}
