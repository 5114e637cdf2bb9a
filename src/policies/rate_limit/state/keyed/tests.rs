use super::{KeyedStateStore, mix};

/// Value of a state that is a time: the time left to it at `now`.
fn worth(now: u64) -> impl Fn(&u64) -> u64 {
    move |value| value.saturating_sub(now)
}

fn len(keyed: &KeyedStateStore<u64>) -> usize {
    let mut len = 0;
    keyed.for_each(|_, _| len += 1);
    len
}

/// Writes `until` under random keys, this many.
fn flood(keyed: &KeyedStateStore<u64>, keys: u64, now: u64, until: u64) {
    for key in 0..keys {
        keyed.with(mix(key), worth(now), |value| *value = until);
    }
}

#[test]
fn it_never_holds_more_than_its_bound() {
    for max in [1, 2, 7, 8, 9, 63, 64, 65, 1_000, 5_000] {
        let keyed = KeyedStateStore::new(max);
        flood(&keyed, 20_000, 0, 9);
        let held = len(&keyed);
        assert!(held <= max && held * 3 >= max, "{held} of {max}");
        assert_eq!(keyed.evicted(), 20_000 - held as u64);
    }
}

#[test]
fn four_fifths_of_its_bound_fit_before_one_in_a_thousand_gives_way() {
    let keyed = KeyedStateStore::new(100_000);
    flood(&keyed, 80_000, 0, 9);
    assert!(keyed.evicted() < 80, "{}", keyed.evicted());
    assert_eq!(len(&keyed) as u64, 80_000 - keyed.evicted());
}

#[test]
fn the_one_that_is_worth_least_gives_way() {
    let keyed = KeyedStateStore::new(1_000);
    keyed.with(mix(u64::MAX), worth(0), |value| *value = 1_000);
    flood(&keyed, 100_000, 0, 9);
    assert_eq!(keyed.peek(mix(u64::MAX), |value| *value), Some(1_000));
}

#[test]
fn idle_states_make_room_and_do_not_count_as_evicted() {
    let keyed = KeyedStateStore::new(1_000);
    for now in 0..100 {
        for key in 0..100 {
            keyed.with(mix(now * 100 + key), worth(now), |value| *value = now + 1);
        }
    }
    assert_eq!(keyed.evicted(), 0);
}

#[test]
fn memory_is_taken_up_as_it_fills() {
    let keyed = KeyedStateStore::new(1_000_000);
    let slots = |keyed: &KeyedStateStore<u64>| -> usize {
        let slots = keyed
            .shards
            .iter()
            .map(|shard| shard.0.lock().unwrap().slots.len());
        slots.sum()
    };
    assert_eq!(slots(&keyed), 0);
    flood(&keyed, 10_000, 0, 9);
    assert!(slots(&keyed) <= 25_000, "{}", slots(&keyed));
}

/// Fewer in a debug build, which would take minutes otherwise.
#[test]
fn ten_million_random_keys_change_nothing_but_the_count_of_evictions() {
    let keys = if cfg!(debug_assertions) {
        200_000
    } else {
        10_000_000
    };
    let keyed = KeyedStateStore::new(100_000);
    flood(&keyed, keys, 0, 9);
    let held = len(&keyed);
    assert!((95_000..=100_000).contains(&held), "{held}");
    assert_eq!(keyed.evicted(), keys - held as u64);
    let bytes = size_of::<super::Slot<u64>>() * 100_000;
    assert!(bytes / held <= 24, "{} bytes a key", bytes / held);
}
