//! Chooses among endpoints. Chance, turns, keys and loads are arguments.

use super::alias::{Alias, below};
use super::policy::Method;
use super::ring::Ring;
use super::stride::Stride;
use crate::base::Sticky;

/// What a choice may ask for.
pub(super) trait Scene {
    /// The requests in flight to an endpoint.
    fn in_flight(&self, index: usize) -> usize;

    /// Says whether an endpoint was tried for this request and better is not tried again.
    fn is_tried(&self, index: usize) -> bool;

    /// The part of its weight that an endpoint has by now; None if it is all.
    fn part(&self, index: usize) -> Option<f64>;

    /// Says whether any endpoint may have less than its weight by now.
    fn warms_up(&self) -> bool;

    /// 64 random bits.
    fn roll(&mut self) -> u64;

    /// The number of the next turn, in rounds of `count`.
    fn turn(&mut self, count: usize) -> u64;
}

/// A way to choose, prepared for certain endpoints and their weights.
#[derive(Clone, Debug)]
pub(super) enum Chooser {
    ConsistentHash { key: Sticky, ring: Ring },
    LeastRequest { choices: u32, lots: Lots },
    Nobody,
    One,
    Random(Lots),
    RoundRobin(Stride),
}

/// Endpoints to draw by weight.
#[derive(Clone, Debug)]
pub(super) enum Lots {
    Equal(usize),
    Weighted { alias: Alias, weights: Box<[u32]> },
}

/// As often as Envoy picks anew if it picked an endpoint that was tried (Istio sets 5).
const PICKS_ANEW: usize = 5;
/// As often an endpoint in its slow start may be passed over, so that a choice ends.
const PASSES: usize = 64;

impl Chooser {
    /// Prepares a method for endpoints, each an address and a weight above 0.
    pub(super) fn new(method: &Method, endpoints: &[(&str, u32)]) -> Self {
        let weights: Vec<u32> = endpoints.iter().map(|(_, weight)| *weight).collect();
        match (method, weights.len()) {
            (_, 0) => Self::Nobody,
            (Method::ConsistentHash { key, min_ring_size }, _) => Self::ConsistentHash {
                key: key.clone(),
                ring: Ring::of(endpoints, *min_ring_size),
            },
            (_, 1) => Self::One,
            (Method::LeastRequest { choices }, _) => Self::LeastRequest {
                choices: *choices,
                lots: Lots::of(weights),
            },
            (Method::Random, _) => Self::Random(Lots::of(weights)),
            (Method::RoundRobin, _) => Self::RoundRobin(Stride::of(&weights)),
        }
    }

    /// Chooses an endpoint; `key` is the hash of the request's key, if there is a ring and it has one.
    #[inline]
    pub(super) fn choose(&self, key: Option<u64>, scene: &mut impl Scene) -> Option<usize> {
        let chosen = match self {
            Self::LeastRequest { choices: 2, lots } => lots.lesser_of_two(scene),
            Self::Nobody => return None,
            Self::One => return Some(0),
            Self::ConsistentHash { ring, .. } => {
                let key = key.unwrap_or_else(|| scene.roll());
                let untried = ring.find(key, |index| !scene.is_tried(index));
                return untried.or_else(|| ring.find(key, |_| true));
            }
            other => other.pick(scene),
        };
        if scene.is_tried(chosen) {
            return Some(self.choose_anew(scene));
        }
        Some(chosen)
    }

    /// Chooses again, where chance or turn named an endpoint that was tried.
    #[cold]
    fn choose_anew(&self, scene: &mut impl Scene) -> usize {
        let mut chosen = 0;
        for _ in 0..PICKS_ANEW {
            chosen = self.pick(scene);
            if !scene.is_tried(chosen) {
                return chosen;
            }
        }
        // Envoy leaves it at that. Better the one that is left, wherever it is.
        let count = self.count();
        let start = below(scene.roll(), count);
        let mut all = (start..count).chain(0..start);
        all.find(|index| !scene.is_tried(*index)).unwrap_or(chosen)
    }

    /// Says whether it asks how many requests are in flight.
    pub(super) const fn compares(&self) -> bool {
        matches!(self, Self::LeastRequest { choices: 2.., .. })
    }

    fn count(&self) -> usize {
        match self {
            Self::ConsistentHash { .. } | Self::Nobody => 0,
            Self::LeastRequest { lots, .. } | Self::Random(lots) => lots.count(),
            Self::One => 1,
            Self::RoundRobin(stride) => stride.count(),
        }
    }

    fn pick(&self, scene: &mut impl Scene) -> usize {
        match self {
            Self::LeastRequest { choices: 2, lots } => lots.lesser_of_two(scene),
            Self::LeastRequest { choices, lots } => {
                let mut best = lots.draw(scene);
                if *choices as usize >= lots.count() {
                    return lots.least_of_all(best, scene);
                }
                for _ in 1..*choices {
                    best = lots.lesser(best, lots.draw_other(best, scene), scene);
                }
                best
            }
            Self::Random(lots) => lots.draw(scene),
            Self::RoundRobin(stride) => {
                let mut passes = 0;
                loop {
                    let Some(index) = stride.turn(scene.turn(stride.count())) else {
                        continue;
                    };
                    if passes == PASSES || takes_part(index, scene) {
                        return index;
                    }
                    passes += 1;
                }
            }
            Self::ConsistentHash { .. } | Self::Nobody | Self::One => 0,
        }
    }
}

impl Lots {
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

    fn once(&self, roll: u64) -> usize {
        match self {
            Self::Equal(count) => below(roll >> 32, *count),
            Self::Weighted { alias, .. } => alias.draw(roll),
        }
    }

    fn draw(&self, scene: &mut impl Scene) -> usize {
        let mut drawn = self.once(scene.roll());
        for _ in 0..PASSES {
            if takes_part(drawn, scene) {
                break;
            }
            drawn = self.once(scene.roll());
        }
        drawn
    }

    /// Compares one and another one, which a single roll names where all are alike.
    #[inline]
    fn lesser_of_two(&self, scene: &mut impl Scene) -> usize {
        if let Self::Equal(count) = self
            && !scene.warms_up()
        {
            let roll = scene.roll();
            let one = below(roll >> 32, *count);
            // One of the others: those that come after it stand one place further on.
            let other = below(roll, *count - 1);
            let other = other + usize::from(other >= one);
            // The first if they have as many.
            let less = scene.in_flight(other) < scene.in_flight(one);
            return if less { other } else { one };
        }
        let one = self.draw(scene);
        self.lesser(one, self.draw_other(one, scene), scene)
    }

    /// Returns the one with the fewest requests of all; `first` if it has as few as any.
    fn least_of_all(&self, first: usize, scene: &mut impl Scene) -> usize {
        let count = self.count();
        let others = (first + 1..count).chain(0..first);
        others.fold(first, |best, other| {
            if takes_part(other, scene) {
                self.lesser(best, other, scene)
            } else {
                best
            }
        })
    }

    /// Draws another one than `first`, if chance does not insist: to compare one with itself helps
    /// nobody.
    fn draw_other(&self, first: usize, scene: &mut impl Scene) -> usize {
        for _ in 0..3 {
            let other = self.draw(scene);
            if other != first {
                return other;
            }
        }
        first
    }

    /// Returns the one with fewer requests in flight for each unit of weight; the first if they have
    /// as many, so that idle endpoints are chosen by weight.
    fn lesser(&self, first: usize, other: usize, scene: &impl Scene) -> usize {
        let load = |index: usize| scene.in_flight(index) as u64;
        let less = match self {
            Self::Equal(_) => load(other) < load(first),
            Self::Weighted { weights, .. } => {
                let weight = |index: usize| u64::from(weights[index]);
                load(other) * weight(first) < load(first) * weight(other)
            }
        };
        if less { other } else { first }
    }
}

/// Says whether an endpoint takes part in a draw, given how much of its weight it has by now.
fn takes_part(index: usize, scene: &mut impl Scene) -> bool {
    match scene.part(index) {
        None => true,
        Some(part) => uniform(scene.roll()) < part,
    }
}

/// Returns a number from 0 up to 1.
fn uniform(roll: u64) -> f64 {
    let bits = (roll >> 32) as u32;
    f64::from(bits) / 2_f64.powi(32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::dice::Dice;

    /// Endpoints of which the first is busy and the second idle.
    struct Busy(Dice);

    impl Scene for Busy {
        fn in_flight(&self, index: usize) -> usize {
            if index == 0 { 5 } else { 0 }
        }

        fn is_tried(&self, _index: usize) -> bool {
            false
        }

        fn part(&self, _index: usize) -> Option<f64> {
            None
        }

        fn warms_up(&self) -> bool {
            false
        }

        fn roll(&mut self) -> u64 {
            self.0.roll()
        }

        fn turn(&mut self, _count: usize) -> u64 {
            0
        }
    }

    #[test]
    fn an_endpoint_is_seldom_compared_with_itself_and_never_among_equals() {
        let idle = |weights: [u32; 2]| {
            let endpoints = [("a:80", weights[0]), ("b:80", weights[1])];
            let chooser = Chooser::new(&Method::LeastRequest { choices: 2 }, &endpoints);
            let mut scene = Busy(Dice::seeded(7));
            let chosen = (0..1_000).map(|_| chooser.choose(None, &mut scene));
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
            let chooser = Chooser::new(&Method::LeastRequest { choices }, &endpoints);
            let mut rolls = 0;
            let mut scene = Counted(&mut rolls);
            assert!(chooser.choose(None, &mut scene).is_some());
            assert_eq!(rolls, 1, "which of those that are alike comes first");
        }
    }

    /// Endpoints that are all idle, and how often chance was asked.
    struct Counted<'a>(&'a mut u64);

    impl Scene for Counted<'_> {
        fn in_flight(&self, _index: usize) -> usize {
            0
        }

        fn is_tried(&self, _index: usize) -> bool {
            false
        }

        fn part(&self, _index: usize) -> Option<f64> {
            None
        }

        fn warms_up(&self) -> bool {
            false
        }

        fn roll(&mut self) -> u64 {
            *self.0 += 1;
            crate::base::dice::mix(*self.0)
        }

        fn turn(&mut self, _count: usize) -> u64 {
            0
        }
    }
}
