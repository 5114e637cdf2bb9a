#[cfg(feature = "serde")]
mod config;

use std::fmt::{self, Display, Formatter};

/// A share between 0 % and 100 % in steps of 0.0001 %, Envoy's finest denominator.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Percent(u32);

const WHOLE: u32 = 1_000_000;

impl Percent {
    /// 100 %.
    pub const ALL: Self = Self(WHOLE);
    /// 0 %.
    pub const NONE: Self = Self(0);

    /// Creates a share in percent; values above 100 are 100.
    #[must_use]
    pub const fn new(percent: u8) -> Self {
        Self::per_million(percent as u32 * 10_000)
    }

    /// Creates a share in millionths (10 000 are 1 %); values above a million are a million.
    #[must_use]
    pub const fn per_million(millionths: u32) -> Self {
        Self(if millionths < WHOLE {
            millionths
        } else {
            WHOLE
        })
    }

    /// Creates a share from a fractional percentage such as 0.1, rounded to the nearest step; NaN
    /// and values below 0 are 0, values above 100 are 100.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from float saturates, as intended"
    )]
    pub const fn from_f64(percent: f64) -> Self {
        Self::per_million((percent * 10_000.0 + 0.5) as u32)
    }

    /// Creates the ratio of `part` to `whole`, rounded down; 0 % if `whole` is 0.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the quotient is at most a million"
    )]
    pub const fn ratio(part: u64, whole: u64) -> Self {
        if whole == 0 {
            return Self::NONE;
        }
        let part = if part < whole { part } else { whole };
        Self((part as u128 * WHOLE as u128 / whole as u128) as u32)
    }

    /// Returns the share in millionths.
    #[must_use]
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Returns this share of `whole`, rounded down.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a share is at most the whole"
    )]
    pub const fn of(self, whole: u64) -> u64 {
        (whole as u128 * self.0 as u128 / WHOLE as u128) as u64
    }

    /// True if `part` is at least this share of `whole`, without rounding.
    #[must_use]
    pub const fn reached_by(self, part: u64, whole: u64) -> bool {
        // Cross-multiplied in 128 bits: exact, and without a division.
        part as u128 * WHOLE as u128 >= whole as u128 * self.0 as u128
    }

    /// True if an event of this probability happens, given 64 random bits.
    #[must_use]
    pub const fn happens(self, random: u64) -> bool {
        // Multiply and shift instead of modulo: no bias towards small numbers.
        ((random as u128 * WHOLE as u128) >> 64) < self.0 as u128
    }
}

impl Display for Percent {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (percent, rest) = (self.0 / 10_000, self.0 % 10_000);
        if rest == 0 {
            return write!(f, "{percent} %");
        }
        let digits = format!("{rest:04}");
        write!(f, "{percent}.{} %", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentage_is_kept_to_the_ten_thousandth() {
        for (given, shown) in [
            (0.0, "0 %"),
            (0.000_1, "0.0001 %"),
            (12.5, "12.5 %"),
            (100.0, "100 %"),
            (-3.0, "0 %"),
            (250.0, "100 %"),
            (f64::NAN, "0 %"),
        ] {
            assert_eq!(Percent::from_f64(given).to_string(), shown);
        }
    }

    #[test]
    fn nothing_happens_at_none_and_everything_at_all() {
        for random in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(!Percent::NONE.happens(random));
            assert!(Percent::ALL.happens(random));
        }
        assert!(Percent::new(50).happens(u64::MAX / 2));
        assert!(!Percent::new(50).happens(u64::MAX / 2 + 2));
    }
}
