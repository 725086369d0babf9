use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{api::Count, record::key_hash};

/// Offers all keys; counts by key, wherever they went, and how many came to be counted here.
fn offer(
    hot: &mut HotKeys<u64, u64>,
    keys: impl IntoIterator<Item = u64>,
) -> (BTreeMap<u64, u64>, u64) {
    let mut counts = BTreeMap::new();
    let mut taken = 0;
    for key in keys {
        let selector = |key: &u64| *key;
        match hot.offer((key_hash(&key), key), &selector, &Count) {
            Offered::Taken => taken += 1,
            Offered::TookPlaceOf(HotKey { key, value, .. }) => {
                taken += 1;
                *counts.entry(key).or_default() += value;
            }
            Offered::Refused(key) => *counts.entry(key).or_default() += 1,
        }
        for HotKey { key, value, .. } in hot.give_up() {
            *counts.entry(key).or_default() += value;
        }
    }
    for HotKey { key, value, .. } in hot.take_all() {
        *counts.entry(key).or_default() += value;
    }
    (counts, taken)
}

proptest! {
    #[test]
    fn every_record_is_counted_once(
        keys in prop::collection::vec(prop_oneof![0..5u64, 0..100_000u64], 0..3000),
    ) {
        let mut naive = BTreeMap::new();
        keys.iter().for_each(|key| *naive.entry(*key).or_insert(0) += 1);
        prop_assert_eq!(offer(&mut HotKeys::new(), keys).0, naive);
    }
}

#[test]
fn what_comes_often_gets_a_place_and_keeps_it() {
    let mut hot = HotKeys::new();
    // Half of the records are of ten keys that begin late, the others of keys that never come again.
    let rare = |at: u64| at + 1000;
    let keys = (0..20_000).map(rare).chain((20_000..60_000).map(|at| match at % 2 {
        0 => at / 2 % 10,
        _ => rare(at),
    }));
    let (_, taken) = offer(&mut hot, keys);
    assert!(taken > 19_000, "{taken} of 20,000 records of keys that come often");
}

#[test]
fn it_is_given_up_where_all_keys_come_seldom() {
    let mut hot = HotKeys::new();
    let keys: Vec<u64> = (0..2 * PERIOD).collect();
    let (counts, _) = offer(&mut hot, keys.clone());
    assert_eq!(counts.len(), keys.len());
    assert!(hot.places.is_empty());
}

#[test]
fn values_that_may_grow_on_the_heap_have_no_place() {
    assert!(HotKeys::<u64, String>::new().places.is_empty());
    assert!(HotKeys::<u64, [u64; 100_000]>::new().places.is_empty());
    assert!(!HotKeys::<String, u64>::new().places.is_empty());
}
