use super::*;
use crate::record::key_hash;
use proptest::prelude::*;
use std::collections::HashMap;

fn add(table: &mut Table<u16, u64>, key: u16, hash: u32) -> u64 {
    let (_, value, _) = table.entry(hash, |found| *found == key, || (key, 0));
    *value += 1;
    *value
}

proptest! {
    #[test]
    fn counts_as_a_map_does(keys in proptest::collection::vec(0u16..500, 0..2000), clash: bool) {
        let mut table = Table::new();
        let mut twin = HashMap::new();
        for key in keys {
            // Few different hashes make long probes.
            let hash = if clash { u32::from(key % 3) } else { key_hash(&key) };
            let count = twin.entry(key).or_insert(0u64);
            *count += 1;
            prop_assert_eq!(add(&mut table, key, hash), *count);
        }
        prop_assert_eq!(table.len(), twin.len());
        let mut cursor = 0;
        while let Some((_, key, value)) = table.take_next(&mut cursor) {
            prop_assert_eq!(twin.remove(&key), Some(value));
        }
        prop_assert!(twin.is_empty() && table.len() == 0);
    }
}
