use proptest::prelude::*;
use std::collections::BTreeMap;

use super::*;

#[derive(Clone, Debug, Default, PartialEq)]
struct Number(u64);

impl Content for Number {
    fn is_vacant(&self) -> bool {
        self.0 == 0
    }
}

fn asked(hash: u32, key: u32) -> AskedKey<impl Fn(&u32) -> bool, impl FnOnce() -> u32> {
    AskedKey { hash, is: move |known: &u32| *known == key, make: move || key }
}

proptest! {
    /// Keys share few hashes, so that probes are long and hashes collide.
    #[test]
    fn like_a_map(steps in prop::collection::vec((0..400_u32, 0..4_u64), 0..1_000)) {
        let mut table = HeapTable::<u32, Number>::new();
        let mut twin = BTreeMap::new();
        for (key, value) in steps {
            let hash = key % 37;
            let place = table.find_or_add(asked(hash, key));
            let (known, number) = table.at(place);
            prop_assert_eq!(*known, key);
            prop_assert_eq!(number.0, twin.get(&key).copied().unwrap_or(0));
            number.0 = value;
            twin.insert(key, value);
        }
        twin.retain(|_, value| *value > 0);
        let mut seen = BTreeMap::new();
        table.for_each(|hash, key, value| {
            assert_eq!(hash, key % 37);
            assert_eq!(seen.insert(*key, value.0), None);
        });
        prop_assert_eq!(&seen, &twin);
        for hash in 0..37 {
            let mut keys = Vec::new();
            let mut place = table.next_of_hash(hash, None);
            while let Some(found) = place {
                let (key, number) = table.at(found);
                if number.0 > 0 {
                    keys.push(*key);
                }
                place = table.next_of_hash(hash, Some(found));
            }
            keys.sort_unstable();
            let expected: Vec<_> = twin.keys().copied().filter(|key| key % 37 == hash).collect();
            prop_assert_eq!(keys, expected);
        }
    }
}

#[test]
fn keys_without_content_make_room_for_others() {
    let mut table = HeapTable::<u32, Number>::new();
    let slots = table.slots.len();
    for key in 0..10_000_u32 {
        let hash = key.wrapping_mul(0x9e37_79b9);
        let place = table.find_or_add(asked(hash, key));
        table.at(place).1.0 = 1;
        if key >= 10 {
            let old = table.find_or_add(asked((key - 10).wrapping_mul(0x9e37_79b9), key - 10));
            table.at(old).1.0 = 0;
        }
    }
    assert_eq!(table.slots.len(), slots);
}
