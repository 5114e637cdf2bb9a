use crate::foundation::sync::Percent;

/// Units of one token, so that any [`Percent`] of it is a whole number.
const TOKEN: u64 = 1_000_000;

/// Maximum of tokens, and the refund for a success: gRPC's `retryThrottling`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Throttle {
    most: u64,
    per_success: u64,
}

impl Throttle {
    pub(super) const fn new(tokens: u32, per_success: Percent) -> Self {
        Self {
            most: tokens as u64 * TOKEN,
            per_success: per_success.millionths() as u64,
        }
    }

    #[cfg(feature = "serde")]
    pub(super) fn tokens(self) -> u32 {
        u32::try_from(self.most / TOKEN).unwrap_or(u32::MAX)
    }

    /// Returns the share of retries to requests that it allows in the long run, for messages.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it was made of 32 bits, a percentage"
    )]
    pub(super) const fn per_success(self) -> Percent {
        Percent::per_million(self.per_success as u32)
    }

    /// Returns the tokens after an attempt that failed with a retriable outcome.
    pub(super) fn failure(self, tokens: u64) -> u64 {
        tokens.min(self.most).saturating_sub(TOKEN)
    }

    /// Returns the tokens after an attempt that succeeded.
    pub(super) fn success(self, tokens: u64) -> u64 {
        tokens.saturating_add(self.per_success).min(self.most)
    }

    /// Returns true if a retry may begin: more than half of the tokens are left.
    pub(super) fn allows(self, tokens: u64) -> bool {
        tokens.min(self.most) > self.most / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_are_those_of_grpc() {
        let throttle = Throttle::new(10, Percent::new(50));
        let mut tokens = u64::MAX;
        for (failures, successes, tenths) in [(0, 1, 100), (2, 1, 85), (2, 1, 70), (2, 0, 50)] {
            for _ in 0..failures {
                tokens = throttle.failure(tokens);
            }
            for _ in 0..successes {
                tokens = throttle.success(tokens);
            }
            assert_eq!(tokens, tenths * TOKEN / 10);
        }
        assert!(!throttle.allows(tokens));
        assert!(throttle.allows(throttle.success(tokens)));
    }
}
