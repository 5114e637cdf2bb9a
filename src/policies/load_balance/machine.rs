//! Choice of an endpoint. Random bits, turns, keys and loads are arguments.

use super::algorithms::alias::{Alias, below};
use super::algorithms::ring::Ring;
use super::algorithms::weighted_round_robin::WeightedRoundRobin;
use super::policy::Method;
use crate::foundation::http::HashPolicy;

/// Inputs that a choice reads on demand.
pub(super) trait PickContext {
    /// Returns the requests in flight to an endpoint.
    fn in_flight(&self, index: usize) -> usize;

    /// Returns true if an endpoint was attempted for this request and others are preferred.
    fn is_attempted(&self, index: usize) -> bool;

    /// Returns the current fraction of an endpoint's weight; none if it is the full weight.
    fn weight_share(&self, index: usize) -> Option<f64>;

    /// Returns true if any endpoint may have less than its full weight.
    fn warms_up(&self) -> bool;

    /// Returns 64 random bits.
    fn random(&mut self) -> u64;

    /// Returns the number of the next turn, in rounds of `count`.
    fn next_turn(&mut self, count: usize) -> u64;
}

/// Load balancing algorithm, prepared for a set of endpoints and weights.
#[derive(Clone, Debug)]
pub(super) enum Picker {
    ConsistentHash {
        key: HashPolicy,
        ring: Ring,
    },
    LeastRequest {
        choices: u32,
        sampler: WeightedSampler,
    },
    Empty,
    One,
    Random(WeightedSampler),
    RoundRobin(WeightedRoundRobin),
}

/// Endpoints for weighted random draws.
#[derive(Clone, Debug)]
pub(super) enum WeightedSampler {
    Equal(usize),
    Weighted { alias: Alias, weights: Box<[u32]> },
}

/// Number of further picks if the first was already attempted, as in Envoy (Istio sets 5).
const MAX_REPICKS: usize = 5;
/// Number of draws that a slow start may reject before one is accepted, so that a choice
/// terminates.
const PASSES: usize = 64;

impl Picker {
    /// Prepares a method for endpoints, each an address and a weight above 0.
    pub(super) fn new(method: &Method, endpoints: &[(&str, u32)]) -> Self {
        let weights: Vec<u32> = endpoints.iter().map(|(_, weight)| *weight).collect();
        match (method, weights.len()) {
            (_, 0) => Self::Empty,
            (Method::ConsistentHash { key, min_ring_size }, _) => Self::ConsistentHash {
                key: key.clone(),
                ring: Ring::of(endpoints, *min_ring_size),
            },
            (_, 1) => Self::One,
            (Method::LeastRequest { choices }, _) => Self::LeastRequest {
                choices: *choices,
                sampler: WeightedSampler::of(weights),
            },
            (Method::Random, _) => Self::Random(WeightedSampler::of(weights)),
            (Method::RoundRobin, _) => Self::RoundRobin(WeightedRoundRobin::of(&weights)),
        }
    }

    /// Chooses an endpoint; `key` is the hash of the request's key, if the method uses one.
    #[inline]
    pub(super) fn pick(&self, key: Option<u64>, context: &mut impl PickContext) -> Option<usize> {
        let chosen = match self {
            Self::LeastRequest {
                choices: 2,
                sampler,
            } => sampler.lesser_of_two(context),
            Self::Empty => return None,
            // Without a check for attempts: there is no other endpoint.
            Self::One => return Some(0),
            Self::ConsistentHash { ring, .. } => {
                // Without a key the ring is entered at a random point, as in Envoy.
                let key = key.unwrap_or_else(|| context.random());
                let untried = ring.find(key, |index| !context.is_attempted(index));
                return untried.or_else(|| ring.find(key, |_| true));
            }
            other => other.pick_once(context),
        };
        if context.is_attempted(chosen) {
            return Some(self.pick_again(context));
        }
        Some(chosen)
    }

    /// Picks again after a pick of an endpoint that was already attempted.
    #[cold]
    fn pick_again(&self, context: &mut impl PickContext) -> usize {
        let mut chosen = 0;
        for _ in 0..MAX_REPICKS {
            chosen = self.pick_once(context);
            if !context.is_attempted(chosen) {
                return chosen;
            }
        }
        // Envoy keeps the last pick here. An endpoint that was not attempted yet is the better
        // choice.
        let count = self.count();
        let start = below(context.random(), count);
        let mut all = (start..count).chain(0..start);
        all.find(|index| !context.is_attempted(*index))
            .unwrap_or(chosen)
    }

    /// Returns true if the method compares requests in flight.
    pub(super) const fn compares(&self) -> bool {
        matches!(self, Self::LeastRequest { choices: 2.., .. })
    }

    fn count(&self) -> usize {
        match self {
            Self::ConsistentHash { .. } | Self::Empty => 0,
            Self::LeastRequest { sampler, .. } | Self::Random(sampler) => sampler.count(),
            Self::One => 1,
            Self::RoundRobin(rotation) => rotation.count(),
        }
    }

    fn pick_once(&self, context: &mut impl PickContext) -> usize {
        match self {
            Self::LeastRequest {
                choices: 2,
                sampler,
            } => sampler.lesser_of_two(context),
            Self::LeastRequest { choices, sampler } => {
                let mut best = sampler.draw(context);
                if *choices as usize >= sampler.count() {
                    return sampler.least_of_all(best, context);
                }
                for _ in 1..*choices {
                    best = sampler.lesser(best, sampler.draw_other(best, context), context);
                }
                best
            }
            Self::Random(sampler) => sampler.draw(context),
            Self::RoundRobin(rotation) => {
                let mut passes = 0;
                loop {
                    let Some(index) = rotation.turn(context.next_turn(rotation.count())) else {
                        continue;
                    };
                    if passes == PASSES || is_drawn(index, context) {
                        return index;
                    }
                    passes += 1;
                }
            }
            Self::ConsistentHash { .. } | Self::Empty | Self::One => 0,
        }
    }
}

impl WeightedSampler {
    fn of(weights: Vec<u32>) -> Self {
        if weights.iter().all(|weight| *weight == weights[0]) {
            return Self::Equal(weights.len());
        }
        Self::Weighted {
            alias: Alias::of(&weights),
            weights: weights.into(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Equal(count) => *count,
            Self::Weighted { weights, .. } => weights.len(),
        }
    }

    fn once(&self, random: u64) -> usize {
        match self {
            Self::Equal(count) => below(random >> 32, *count),
            Self::Weighted { alias, .. } => alias.draw(random),
        }
    }

    fn draw(&self, context: &mut impl PickContext) -> usize {
        let mut drawn = self.once(context.random());
        for _ in 0..PASSES {
            if is_drawn(drawn, context) {
                break;
            }
            drawn = self.once(context.random());
        }
        drawn
    }

    /// Compares two different endpoints, which a single draw selects if the weights are equal.
    #[inline]
    fn lesser_of_two(&self, context: &mut impl PickContext) -> usize {
        if let Self::Equal(count) = self
            && !context.warms_up()
        {
            let random = context.random();
            let one = below(random >> 32, *count);
            // One of the others: indices from `one` on are shifted by one.
            let other = below(random, *count - 1);
            let other = other + usize::from(other >= one);
            // The first one wins a tie.
            let less = context.in_flight(other) < context.in_flight(one);
            return if less { other } else { one };
        }
        let one = self.draw(context);
        self.lesser(one, self.draw_other(one, context), context)
    }

    /// Returns the one with the fewest requests of all; `first` if it has as few as any.
    fn least_of_all(&self, first: usize, context: &mut impl PickContext) -> usize {
        let count = self.count();
        let others = (first + 1..count).chain(0..first);
        others.fold(first, |best, other| {
            if is_drawn(other, context) {
                self.lesser(best, other, context)
            } else {
                best
            }
        })
    }

    /// Draws another endpoint than `first`, in at most three draws: comparing an endpoint with itself would be no
    /// comparison.
    fn draw_other(&self, first: usize, context: &mut impl PickContext) -> usize {
        for _ in 0..3 {
            let other = self.draw(context);
            if other != first {
                return other;
            }
        }
        first
    }

    /// Returns the endpoint with fewer requests in flight per unit of weight; `first` wins a tie,
    /// so that idle endpoints are chosen by weight.
    fn lesser(&self, first: usize, other: usize, context: &impl PickContext) -> usize {
        let load = |index: usize| context.in_flight(index) as u64;
        let less = match self {
            Self::Equal(_) => load(other) < load(first),
            Self::Weighted { weights, .. } => {
                let weight = |index: usize| u64::from(weights[index]);
                // Multiplied crosswise: exact, and no division.
                load(other) * weight(first) < load(first) * weight(other)
            }
        };
        if less { other } else { first }
    }
}

/// Returns true if an endpoint accepts a draw, by its current fraction of its weight.
fn is_drawn(index: usize, context: &mut impl PickContext) -> bool {
    match context.weight_share(index) {
        None => true,
        Some(part) => uniform(context.random()) < part,
    }
}

/// Returns a number from 0 to 1, 1 excluded.
fn uniform(random: u64) -> f64 {
    let bits = (random >> 32) as u32;
    f64::from(bits) / 2_f64.powi(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::foundation::sync::rng::Rng;

    /// Endpoints of which the first is busy and the second idle.
    struct Busy(Rng);

    impl PickContext for Busy {
        fn in_flight(&self, index: usize) -> usize {
            if index == 0 { 5 } else { 0 }
        }

        fn is_attempted(&self, _index: usize) -> bool {
            false
        }

        fn weight_share(&self, _index: usize) -> Option<f64> {
            None
        }

        fn warms_up(&self) -> bool {
            false
        }

        fn random(&mut self) -> u64 {
            self.0.next_u64()
        }

        fn next_turn(&mut self, _count: usize) -> u64 {
            0
        }
    }

    #[test]
    fn an_endpoint_is_seldom_compared_with_itself_and_never_among_equals() {
        let idle = |weights: [u32; 2]| {
            let endpoints = [("a:80", weights[0]), ("b:80", weights[1])];
            let picker = Picker::new(&Method::LeastRequest { choices: 2 }, &endpoints);
            let mut context = Busy(Rng::with_seed(7));
            let chosen = (0..1_000).map(|_| picker.pick(None, &mut context));
            chosen.filter(|chosen| *chosen == Some(1)).count()
        };
        assert_eq!(idle([1, 1]), 1_000);
        // The busy one is drawn first in half of the choices, and then three times more: 1 in 16.
        let idle = idle([100, 101]);
        assert!((900..980).contains(&idle), "{idle} of 1,000");
    }

    #[test]
    fn as_many_choices_as_there_are_endpoints_look_at_each_of_them_once() {
        let endpoints = [("a:80", 1), ("b:80", 2), ("c:80", 2)];
        for choices in [3, 4, u32::MAX] {
            let picker = Picker::new(&Method::LeastRequest { choices }, &endpoints);
            let mut rolls = 0;
            let mut context = Counted(&mut rolls);
            assert!(picker.pick(None, &mut context).is_some());
            assert_eq!(rolls, 1, "which of those that are alike comes first");
        }
    }

    /// Endpoints that are all idle, and how often chance was asked.
    struct Counted<'a>(&'a mut u64);

    impl PickContext for Counted<'_> {
        fn in_flight(&self, _index: usize) -> usize {
            0
        }

        fn is_attempted(&self, _index: usize) -> bool {
            false
        }

        fn weight_share(&self, _index: usize) -> Option<f64> {
            None
        }

        fn warms_up(&self) -> bool {
            false
        }

        fn random(&mut self) -> u64 {
            *self.0 += 1;
            crate::foundation::sync::rng::mix(*self.0)
        }

        fn next_turn(&mut self, _count: usize) -> u64 {
            0
        }
    }
}
