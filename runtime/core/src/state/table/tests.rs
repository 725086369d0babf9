//! Tables beside a map from the standard library.

use brisk_memory::{
    Arena, ArenaOptions, SegmentCount, SegmentSize,
    driver::{Driver, DriverKind, DriverOptions, SimulatedWorld},
    spill::SpillOptions as SpillDirectories,
};
use proptest::prelude::*;
use std::{collections::HashMap, rc::Rc, sync::Arc};

use super::{Change, KeyTable};
use crate::{
    Key, Record,
    checkpoint::storage::Disk,
    graph::{KeyGroup, KeyGroupRange, MaxParallelism},
    record::{Archived, decode, key_hash},
    state::{
        HashRange, StateError, Supply, SupplyOptions,
        spill::{SpillGround, SpillOptions},
    },
};

pub(crate) fn arena(segments: u32) -> Arena {
    Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        managed: SegmentCount(segments),
        ..ArenaOptions::default()
    })
    .unwrap()
}

/// Supplies whose cold segments go to the disk of a simulation.
pub(crate) fn spilling(arena: &Arena, world: &SimulatedWorld) -> Supply {
    let owner = "state of operator 'Test'".to_owned();
    let (ground, opened) = (SpillDirectories::new(vec!["/tmp".into()]), world.clone());
    let open_disk = move || {
        let kind = DriverKind::Simulated(opened.clone());
        let driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() })?;
        Ok(Disk::simulated(driver, opened.clone()))
    };
    let spill = SpillOptions {
        ground: Arc::new(SpillGround::new(ground)),
        open_disk: Rc::new(open_disk),
        figures: Rc::default(),
    };
    let options = SupplyOptions { owner, limit: None, spill: Some(spill) };
    Supply::open(arena.managed(), options).unwrap()
}

pub(crate) fn supply(arena: &Arena) -> Supply {
    let owner = "state of operator 'Test'".to_owned();
    Supply::open(arena.managed(), SupplyOptions { owner, limit: None, spill: None }).unwrap()
}

/// Sets a value, or does to it what `change` does.
pub(in crate::state) struct Put<K, V, F> {
    pub(in crate::state) key: K,
    pub(in crate::state) value: V,
    pub(in crate::state) change: F,
}

impl<K: Key, V: Record, F: FnOnce(&mut V, V)> Change<K, V> for Put<K, V, F> {
    fn is(&self, stored: &Archived<K>) -> bool {
        decode::<K>(stored) == self.key
    }

    fn key(&self) -> K {
        self.key.clone()
    }

    fn first(self) -> V {
        self.value
    }

    fn add(self, value: &mut V) {
        (self.change)(value, self.value);
    }
}

mod spilled;

/// How a test hashes its keys.
#[derive(Clone, Copy, Debug)]
enum Hashes {
    /// As records do.
    Spread,
    /// All keys in three hashes, which lie close to each other.
    Three,
    /// The same for sixteen keys, in all bits but the lowest.
    Coarse,
}

impl Hashes {
    fn of<K: Key>(self, key: &K) -> u32 {
        let hash = key_hash(key);
        match self {
            Self::Spread => hash,
            Self::Three => 0x8000_0000 + hash % 3,
            Self::Coarse => (hash % 64) << 4,
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Put(u16, u8),
    Remove(u16),
    Freeze,
    Thaw,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        600 => (0u16..1200, 0u8..40).prop_map(|(key, size)| Step::Put(key, size)),
        200 => (0u16..1200).prop_map(Step::Remove),
        4 => Just(Step::Freeze),
        4 => Just(Step::Thaw),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec(step, 0..3000)
}

/// Runs `steps` on a table and on a map; `make` makes keys and values of numbers.
fn check<K: Key + std::fmt::Debug, V>(
    steps: Vec<Step>,
    hashes: Hashes,
    make: impl Fn(u16, u8) -> (K, V),
) where
    V: Record + Clone + PartialEq + std::fmt::Debug,
{
    let arena = arena(4000);
    let mut table = KeyTable::<K, V>::new(HashRange::ALL, supply(&arena)).unwrap();
    let mut twin: HashMap<K, V> = HashMap::new();
    let mut frozen = Vec::new();
    for step in steps {
        match step {
            Step::Put(key, size) => {
                let (key, value) = make(key, size);
                let hash = hashes.of(&key);
                let put = Put { key: key.clone(), value: value.clone(), change: set };
                assert_eq!(table.upsert(hash, put).unwrap(), value);
                twin.insert(key, value);
            }
            Step::Remove(key) => {
                let (key, _) = make(key, 0);
                let is = |stored: &Archived<K>| decode::<K>(stored) == key;
                let removed = table.remove(hashes.of(&key), is).unwrap();
                assert_eq!(removed, twin.remove(&key).is_some());
            }
            Step::Freeze => {
                let shared = table.freeze();
                let buckets = shared.buckets.iter().map(|bucket| &bucket.bytes);
                let all = buckets.chain(shared.data.iter().map(|data| &data.bytes));
                frozen.extend(all.map(|bytes| (bytes.clone(), bytes.to_vec())));
            }
            Step::Thaw => frozen.clear(),
            Step::Clear => {
                table.clear().unwrap();
                twin.clear();
            }
        }
    }
    table.verify_invariants();
    assert_eq!(table.len(), twin.len());
    for (key, value) in &twin {
        let found = table.get(hashes.of(key), |stored| decode::<K>(stored) == *key).unwrap();
        assert_eq!(found.as_ref(), Some(value));
    }
    let mut scan = table.scan();
    while let Some((key, value)) = table.next(&mut scan).unwrap() {
        assert_eq!(twin.remove(&key), Some(value));
    }
    assert!(twin.is_empty(), "a scan sees every key");
    for (bytes, then) in &frozen {
        assert!(**bytes == **then, "frozen bytes stay as they were");
    }
    drop((table, frozen));
    assert_eq!(arena.managed().lent(), SegmentCount(0));
    arena.verify_conservation().unwrap();
}

pub(in crate::state) fn set<V>(value: &mut V, new: V) {
    *value = new;
}

fn text(key: u16, size: u8) -> (String, String) {
    (format!("key {key}"), "v".repeat(usize::from(size) * usize::from(size)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn plain_values_are_as_in_a_map(steps in steps()) {
        check(steps, Hashes::Spread, |key, size| (u64::from(key), u64::from(size)));
    }

    /// -1 has the bytes of a slot without a key.
    #[test]
    fn numbers_below_zero_are_as_in_a_map(steps in steps()) {
        check(steps.clone(), Hashes::Spread, |key, size| (-1 - i64::from(key % 97), u64::from(size)));
        check(steps.clone(), Hashes::Spread, |key, size| (-1 - i32::from(key), size));
        check(steps, Hashes::Coarse, |key, size| (-1 - (key % 100) as i8, size));
    }

    #[test]
    fn keys_of_few_bytes_are_as_in_a_map(steps in steps()) {
        check(steps.clone(), Hashes::Spread, |key, size| (key % 2 == 0, u64::from(size)));
        check(steps, Hashes::Spread, |key, _| (key as u8, ()));
    }

    #[test]
    fn text_is_as_in_a_map(steps in steps()) {
        check(steps, Hashes::Spread, text);
    }

    #[test]
    fn numbers_of_text_are_as_in_a_map(steps in steps(), three: bool) {
        let hashes = if three { Hashes::Three } else { Hashes::Coarse };
        check(steps, hashes, |key, size| (format!("a key of {key}"), u64::from(size)));
    }

    #[test]
    fn text_that_clashes_is_as_in_a_map(steps in steps(), three: bool) {
        check(steps, if three { Hashes::Three } else { Hashes::Coarse }, text);
    }
}

#[test]
fn values_longer_than_a_segment_come_back() {
    let arena = arena(200);
    let mut table = KeyTable::<String, String>::new(HashRange::ALL, supply(&arena)).unwrap();
    for size in [3_000, 5_000, 100_000, 10, 40_000] {
        for key in ["a", "b"] {
            let value = key.repeat(size);
            let put = Put { key: key.to_owned(), value: value.clone(), change: set };
            table.upsert(key_hash(key), put).unwrap();
            table.verify_invariants();
            let found = table.get(key_hash(key), |stored| stored.as_str() == key).unwrap();
            assert!(found == Some(value), "{size} of {key}");
        }
    }
    let long_key = "k".repeat(9000);
    let put = Put { key: long_key.clone(), value: "v".to_owned(), change: set };
    table.upsert(key_hash(&long_key), put).unwrap();
    let found = table.get(key_hash(&long_key), |stored| stored.as_str() == long_key);
    assert!(found.unwrap().is_some());
    for key in ["a", "b", &long_key] {
        assert!(table.remove(key_hash(key), |stored| stored.as_str() == key).unwrap());
    }
    table.verify_invariants();
    assert!(table.is_empty() && table.bytes() <= 3 * SegmentSize::MIN.bytes());
}

#[test]
fn entries_beyond_the_bound_are_refused() {
    let arena = arena(3000);
    let mut table = KeyTable::<u64, String>::new(HashRange::ALL, supply(&arena)).unwrap();
    let put = Put { key: 1, value: "v".repeat(5 << 20), change: set };
    let refused = table.upsert(key_hash(&1u64), put).unwrap_err();
    assert!(matches!(refused.error, StateError::EntryTooLarge { .. }), "{}", refused.error);
    table.verify_invariants();
}

#[test]
fn memory_that_ends_is_an_error_that_says_whose_and_which_key() {
    let arena = arena(8);
    let mut table = KeyTable::<u64, u64>::new(HashRange::ALL, supply(&arena)).unwrap();
    let mut keys = 0u64..;
    let refused = loop {
        let key = keys.next().unwrap();
        if let Err(refused) =
            table.upsert(key_hash(&key), Put { key, value: 1, change: |_: &mut u64, _| {} })
        {
            break refused;
        }
    };
    let message = refused.error.to_string();
    for part in ["operator 'Test'", "32768 bytes", "taskmanager.memory.managed.size"] {
        assert!(message.contains(part), "{message}");
    }
    let (key, value) = refused.left_over.unwrap();
    assert_eq!((key, value, table.len() as u64), (keys.start - 1, 1, key));
    table.verify_invariants();
    for known in 0..key {
        assert_eq!(table.get(key_hash(&known), |stored| *stored == known).unwrap(), Some(1));
    }
}

#[test]
fn a_value_that_outgrows_memory_is_handed_back() {
    let arena = arena(6);
    let mut table = KeyTable::<u64, String>::new(HashRange::ALL, supply(&arena)).unwrap();
    let grow = |value: &mut String, more: String| value.push_str(&more);
    let refused = loop {
        let put = Put { key: 7u64, value: "0123456789".repeat(50), change: grow };
        if let Err(refused) = table.upsert(key_hash(&7u64), put) {
            break refused;
        }
    };
    let (key, value) = refused.left_over.unwrap();
    assert!(key == 7 && value.len() > 4000 && table.is_empty());
    table.verify_invariants();
}

#[test]
fn key_groups_are_ranges_of_a_table() {
    let (arena, groups) = (arena(100), MaxParallelism(128));
    let owned = KeyGroupRange::new(KeyGroup(43), KeyGroup(86));
    let range = HashRange::of_key_groups(owned, groups);
    let mut table = KeyTable::<u64, u64>::new(range, supply(&arena)).unwrap();
    let mine = || (0..30_000u64).filter(|key| range.contains(key_hash(key)));
    for key in mine() {
        table.upsert(key_hash(&key), Put { key, value: key, change: set }).unwrap();
    }
    table.verify_invariants();
    let mut seen = 0;
    for group in owned.iter() {
        let group = HashRange::of_key_group(group, groups);
        let mut scan = table.scan_range(group);
        while let Some((key, value)) = table.next(&mut scan).unwrap() {
            assert!(group.contains(key_hash(&key)) && key == value);
            seen += 1;
        }
    }
    assert_eq!((seen, table.len()), (mine().count(), mine().count()));
}

#[test]
fn only_what_changed_has_a_later_version() {
    let arena = arena(100);
    let mut table = KeyTable::<u64, u64>::new(HashRange::ALL, supply(&arena)).unwrap();
    let add = |value: &mut u64, more: u64| *value += more;
    for key in 0..5000u64 {
        table.upsert(key_hash(&key), Put { key, value: 1, change: add }).unwrap();
    }
    let first = table.freeze();
    assert!(first.buckets.len() > 10);
    table.upsert(key_hash(&3u64), Put { key: 3, value: 1, change: add }).unwrap();
    let second = table.freeze();
    let before = first.buckets[0].changed;
    let changed = second.buckets.iter().filter(|bucket| bucket.changed > before);
    let changed: Vec<_> = changed.map(|bucket| bucket.hashes.clone()).collect();
    assert!(changed.len() == 1 && changed[0].contains(&key_hash(&3u64)), "{changed:?}");
    drop(first);
    let third = table.freeze();
    assert!(third.buckets.iter().zip(&second.buckets).all(|(a, b)| a.changed == b.changed));
}
