//! Who gets which share, by chance or for good.

use crate::foundation::sync::hash::hash;
use crate::foundation::sync::rng::mix;
use crate::policies::traffic_split::WeightedDestination;

/// Weights that cannot be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum WeightsError {
    /// Every weight is 0, so that no request could go anywhere; or there is no destination at all.
    #[error("all weights are 0")]
    AllZero,
    /// There are more or fewer weights than destinations.
    #[error("{} for {}", count(*given, "weight"), count(*expected, "destination"))]
    Count {
        /// How many destinations the route has.
        expected: usize,
        /// How many weights were given.
        given: usize,
    },
    /// There is no such route, or it answers by itself.
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
    /// Stands for the destination, the same in every process.
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
            // As in Istio, a lone destination gets everything.
            return Ok(Self::single());
        }
        let mut shares: Vec<Share> = Vec::with_capacity(destinations.len());
        for destination in destinations {
            let mut identity = hash(destination.destination().to_string().as_bytes());
            // The same destination twice would draw the same lot twice.
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

    /// Chooses by chance, as Envoy does: `roll % total`, counted through the weights in order.
    ///
    /// The sum of weights is far below 2^64, so no share is off by more than 2^-31 of itself.
    pub(in crate::policies::traffic_split) fn by_random(&self, random: u64) -> usize {
        let mut left = random % self.total;
        for (index, share) in self.shares.iter().enumerate() {
            match left.checked_sub(u64::from(share.weight)) {
                Some(rest) => left = rest,
                None => return index,
            }
        }
        0
    }

    /// Chooses for good, by weighted rendezvous hashing.
    ///
    /// Every destination draws an exponentially distributed lot for the key, with its weight as the
    /// rate, and the smallest wins. A lot depends on nothing but the key, the destination and its
    /// weight, so a change of one weight moves requests to or from that destination only.
    pub(in crate::policies::traffic_split) fn by_hash(&self, key: u64) -> usize {
        let (mut chosen, mut smallest) = (0, f64::INFINITY);
        for (index, share) in self.shares.iter().enumerate() {
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

/// Returns a number between 0 and 1, neither of them included.
#[expect(
    clippy::cast_precision_loss,
    reason = "52 bits and a half fit the 53 of a float exactly"
)]
fn uniform(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}
