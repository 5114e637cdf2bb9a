//! The admission decision, a pure function of the requests in flight and pending, which fit into
//! one word.

use crate::foundation::outcome::Overflow;

/// Number of requests in flight and pending.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Occupancy {
    pub(super) in_flight: u32,
    pub(super) pending: u32,
}

/// Maximum number of requests in flight and pending.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Bounds {
    in_flight: u32,
    pending: u32,
}

/// Decision about an arriving request, with the new occupancy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    Enter(Occupancy),
    Queue(Occupancy),
    Reject(Overflow),
}

impl Bounds {
    /// Creates bounds; a `max_in_flight` of 0 means no limit.
    pub(super) const fn new(max_in_flight: u32, max_pending: u32) -> Self {
        Self {
            in_flight: if max_in_flight == 0 {
                u32::MAX
            } else {
                max_in_flight
            },
            pending: max_pending,
        }
    }

    /// Returns the bounds of shard `number` of `count`. The parts add up to the whole; several
    /// shards have no queue.
    pub(super) const fn part(self, number: u16, count: u16) -> Self {
        if count <= 1 {
            return self;
        }
        let (number, count) = (number as u32, count as u32);
        // The remainder is spread over the first shards, one permit each.
        let one_more = (number < self.in_flight % count) as u32;
        Self {
            in_flight: self.in_flight / count + one_more,
            pending: 0,
        }
    }

    pub(super) const fn in_flight(self) -> u32 {
        self.in_flight
    }

    /// Returns the overflow of a full limit without a queue.
    pub(super) const fn full(self) -> Overflow {
        Overflow::InFlight(self.in_flight)
    }

    pub(super) const fn of_word(word: u64) -> Self {
        let occupancy = Occupancy::of_word(word);
        Self {
            in_flight: occupancy.in_flight,
            pending: occupancy.pending,
        }
    }

    pub(super) const fn word(self) -> u64 {
        pack(self.in_flight, self.pending)
    }
}

impl Occupancy {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "each half of the word is 32 bits"
    )]
    pub(super) const fn of_word(word: u64) -> Self {
        Self {
            in_flight: word as u32,
            pending: (word >> 32) as u32,
        }
    }

    pub(super) const fn word(self) -> u64 {
        pack(self.in_flight, self.pending)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self {
            in_flight: self.in_flight.saturating_add(other.in_flight),
            pending: self.pending.saturating_add(other.pending),
        }
    }

    /// Decides about an arriving request, which never overtakes a pending one.
    pub(super) const fn arrive(self, bounds: Bounds) -> Verdict {
        // While requests are pending, a free permit belongs to the first of them.
        if self.pending == 0 && self.in_flight < bounds.in_flight {
            return Verdict::Enter(Self {
                in_flight: self.in_flight + 1,
                ..self
            });
        }
        if self.pending < bounds.pending {
            return Verdict::Queue(Self {
                pending: self.pending + 1,
                ..self
            });
        }
        Verdict::Reject(if bounds.pending == 0 {
            bounds.full()
        } else {
            Overflow::Pending(bounds.pending)
        })
    }

    /// Returns the occupancy after a request in flight has ended.
    pub(super) const fn leave(self) -> Self {
        Self {
            in_flight: self.in_flight - 1,
            ..self
        }
    }

    /// Returns the occupancy after the first pending request is admitted, if there is one and there
    /// is room.
    pub(super) const fn promote(self, bounds: Bounds) -> Option<Self> {
        if self.pending == 0 || self.in_flight >= bounds.in_flight {
            return None;
        }
        Some(Self {
            in_flight: self.in_flight + 1,
            pending: self.pending - 1,
        })
    }

    /// Returns the occupancy after a pending request was cancelled.
    pub(super) const fn give_up(self) -> Self {
        Self {
            pending: self.pending - 1,
            ..self
        }
    }
}

const fn pack(low: u32, high: u32) -> u64 {
    // Requests in flight in the lower half, pending ones in the upper half.
    low as u64 | (high as u64) << 32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_next_one_enters_then_waits_then_is_turned_away() {
        let bounds = Bounds::new(1, 1);
        let Verdict::Enter(one) = Occupancy::default().arrive(bounds) else {
            panic!("there is room");
        };
        let Verdict::Queue(two) = one.arrive(bounds) else {
            panic!("there is room to wait");
        };
        assert_eq!(two.arrive(bounds), Verdict::Reject(Overflow::Pending(1)));
        assert_eq!(
            one.arrive(Bounds::new(1, 0)),
            Verdict::Reject(Overflow::InFlight(1))
        );
    }

    #[test]
    fn nobody_overtakes_one_who_waits() {
        let occupancy = Occupancy {
            in_flight: 1,
            pending: 1,
        };
        // There is room, since the limit has just been raised, but it is the other's turn.
        let verdict = occupancy.arrive(Bounds::new(9, 9));
        assert!(matches!(verdict, Verdict::Queue(_)), "{verdict:?}");
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Arrive,
        GiveUp,
        Leave,
        Limit(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Arrive),
            1 => Just(Step::GiveUp),
            3 => Just(Step::Leave),
            1 => (1_u32..6).prop_map(Step::Limit),
        ];
        prop::collection::vec(step, 0..200)
    }

    proptest! {
        #[test]
        fn counts_are_exact_and_nobody_waits_while_there_is_room(steps in steps()) {
            let (mut limit, mut occupancy) = (3, Occupancy::default());
            let (mut running, mut waiting) = (0_u32, 0_u32);
            for step in steps {
                match step {
                    Step::Arrive => match occupancy.arrive(Bounds::new(limit, 4)) {
                        Verdict::Enter(next) => {
                            prop_assert!(running < limit);
                            (occupancy, running) = (next, running + 1);
                        }
                        Verdict::Queue(next) => (occupancy, waiting) = (next, waiting + 1),
                        Verdict::Reject(_) => prop_assert_eq!(waiting, 4),
                    },
                    Step::GiveUp if waiting > 0 => (occupancy, waiting) = (occupancy.give_up(), waiting - 1),
                    Step::Leave if running > 0 => (occupancy, running) = (occupancy.leave(), running - 1),
                    Step::GiveUp | Step::Leave => {}
                    Step::Limit(next) => limit = next,
                }
                while let Some(next) = occupancy.promote(Bounds::new(limit, 4)) {
                    (occupancy, running, waiting) = (next, running + 1, waiting - 1);
                }
                prop_assert_eq!((occupancy.in_flight, occupancy.pending), (running, waiting));
                prop_assert!(waiting == 0 || running >= limit);
                prop_assert_eq!(Occupancy::of_word(occupancy.word()), occupancy);
            }
        }
    }
}
