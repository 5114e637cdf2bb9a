//! Weighted choice among destinations, at random or by hash.

use crate::foundation::sync::hash::hash;
use crate::foundation::sync::rng::mix;
use crate::policies::traffic_split::WeightedDestination;

/// Error in the weights of a route.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// Every weight is 0, so that no request has a destination; or there is no destination at all.
    #[error("all weights are 0")]
    AllZero,
    /// There are more or fewer weights than destinations.
    #[error("{} for {}", count(*given, "weight"), count(*expected, "destination"))]
    Count {
        /// Number of the route's destinations.
        expected: usize,
        /// Number of weights given.
        given: usize,
    },
    /// There is no such route, or it has no destinations.
    #[error("no such route with destinations")]
    NoSuchRoute,
}

fn count(number: usize, name: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {name}{plural}")
}

/// The weights of a route's destinations, prepared for choosing.
#[derive(Clone, Debug)]
pub(in crate::policies::traffic_split) struct Weights {
    shares: Box<[Share]>,
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Share {
    /// Hash of the destination, equal in every process.
    identity: u64,
    weight: u32,
}

impl Weights {
    pub(in crate::policies::traffic_split) fn single() -> Self {
        let share = Share {
            identity: 0,
            weight: 1,
        };
        Self {
            shares: Box::new([share]),
            total: 1,
        }
    }

    pub(in crate::policies::traffic_split) fn of(
        destinations: &[WeightedDestination],
    ) -> Result<Self, WeightsError> {
        if destinations.len() == 1 {
            // As in Istio, a single destination gets everything.
            return Ok(Self::single());
        }
        let mut shares: Vec<Share> = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let mut identity = hash(destination.destination().to_string().as_bytes());
            // A destination listed twice would otherwise draw the same number twice.
            while shares.iter().any(|share| share.identity == identity) {
                identity = mix(identity);
            }
            shares.push(Share {
                identity,
                weight: destination.weight(),
            });
        }
        let total = shares.iter().map(|share| u64::from(share.weight)).sum();
        if total == 0 {
            return Err(WeightsError::AllZero);
        }
        let shares = shares.into();
        Ok(Self { shares, total })
    }

    /// Chooses at random, as Envoy does: `random % total`, counted through the weights in order.
    ///
    /// The sum of weights is far below 2^64, so the bias of each share is below 2^-31 of itself.
    pub(in crate::policies::traffic_split) fn by_random(&self, random: u64) -> usize {
        let mut left = random % self.total;
        for (index, share) in self.shares.iter().enumerate() {
            match left.checked_sub(u64::from(share.weight)) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        // Not reached: `left` is less than the sum of the weights.
        0
    }

    /// Chooses by key, by weighted rendezvous hashing.
    ///
    /// Every destination draws an exponentially distributed number for the key, with its weight as
    /// the rate, and the smallest wins. The number depends only on the key, the destination and its
    /// weight, so a change of one weight moves requests to or from that destination only.
    pub(in crate::policies::traffic_split) fn by_hash(&self, key: u64) -> usize {
        let (mut chosen, mut smallest) = (0, f64::INFINITY);
        for (index, share) in self.shares.iter().enumerate() {
            // Never chosen; its number would be infinite.
            if share.weight == 0 {
                continue;
            }
            let lot = -uniform(mix(key ^ share.identity)).ln() / f64::from(share.weight);
            if lot < smallest {
                (chosen, smallest) = (index, lot);
            }
        }
        chosen
    }
}

/// Returns a number between 0 and 1, both excluded.
#[expect(
    clippy::cast_precision_loss,
    reason = "52 bits and a half fit the 53 of a float exactly"
)]
fn uniform(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}
