use crate::foundation::sync::Percent;

/// A token, so that any [`Percent`] of one is a whole number.
const TOKEN: u64 = 1_000_000;

/// How many tokens there may be, and what a success is worth.
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

    /// The share of all retries that it allows in the long run, for messages.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "it was made of 32 bits, a percentage"
    )]
    pub(super) const fn per_success(self) -> Percent {
        Percent::per_million(self.per_success as u32)
    }

    /// The tokens after a try that failed in a way that the policy names.
    pub(super) fn failure(self, tokens: u64) -> u64 {
        tokens.min(self.most).saturating_sub(TOKEN)
    }

    /// The tokens after a try that succeeded.
    pub(super) fn success(self, tokens: u64) -> u64 {
        tokens.saturating_add(self.per_success).min(self.most)
    }

    /// Says whether a retry may begin: while more than half of the tokens are there.
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
