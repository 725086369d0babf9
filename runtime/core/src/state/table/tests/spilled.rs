//! Tables larger than memory, beside a map, and on disks that fail.

use brisk_memory::{
    Arena, SegmentCount, SegmentSize,
    driver::{Faults, PerMillion, PlannedFault, SimulatedWorld},
};
use proptest::prelude::*;
use std::{collections::HashMap, fmt::Debug};

use super::{Put, arena, set, spilling, text};
use crate::{
    Key, Record,
    record::{Archived, decode, key_hash},
    state::{HashRange, StateError, table::KeyTable},
};

#[derive(Clone, Debug)]
enum Step {
    Put(u16, u8),
    Get(u16),
    Remove(u16),
    /// So many keys from one on.
    Range(u16, u16, u8),
    Scan,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        300 => (0u16..1200, 0u8..40).prop_map(|(key, size)| Step::Put(key, size)),
        200 => (0u16..1200).prop_map(Step::Get),
        100 => (0u16..1200).prop_map(Step::Remove),
        10 => (0u16..1200, 1u16..400, 0u8..40).prop_map(|(from, count, size)| {
            Step::Range(from, count, size)
        }),
        3 => Just(Step::Scan),
        1 => Just(Step::Clear),
    ];
    proptest::collection::vec(step, 0..600)
}

/// A table and what it should be.
struct Twins<K, V> {
    table: KeyTable<K, V>,
    map: HashMap<K, V>,
}

impl<K: Key + Debug, V: Record + Clone + PartialEq + Debug> Twins<K, V> {
    fn put(&mut self, (key, value): (K, V)) -> Result<(), StateError> {
        let hash = key_hash(&key);
        let put = Put { key: key.clone(), value: value.clone(), change: set };
        let found = self.table.upsert(hash, put).map_err(|refused| refused.error)?;
        assert_eq!(found, value);
        self.map.insert(key, value);
        Ok(())
    }

    fn get(&mut self, key: &K) -> Result<(), StateError> {
        let found = self.table.get(key_hash(key), |stored| decode::<K>(stored) == *key)?;
        assert_eq!(found.as_ref(), self.map.get(key));
        Ok(())
    }

    fn remove(&mut self, key: &K) -> Result<(), StateError> {
        let is = |stored: &Archived<K>| decode::<K>(stored) == *key;
        let removed = self.table.remove(key_hash(key), is)?;
        assert_eq!(removed, self.map.remove(key).is_some());
        Ok(())
    }

    fn scan(&mut self) -> Result<(), StateError> {
        let (mut scan, mut rest) = (self.table.scan(), self.map.clone());
        while let Some((key, value)) = self.table.next(&mut scan)? {
            assert_eq!(rest.remove(&key), Some(value));
        }
        assert!(rest.is_empty(), "a scan sees every key");
        Ok(())
    }

    fn step(&mut self, step: Step, make: &impl Fn(u16, u8) -> (K, V)) -> Result<(), StateError> {
        match step {
            Step::Put(key, size) => self.put(make(key, size)),
            Step::Get(key) => self.get(&make(key, 0).0),
            Step::Remove(key) => self.remove(&make(key, 0).0),
            Step::Range(from, count, size) => {
                (from..from + count).try_for_each(|key| self.put(make(key, size)))
            }
            Step::Scan => self.scan(),
            Step::Clear => {
                self.map.clear();
                self.table.clear()
            }
        }
    }
}

fn twins<K: Key, V: Record>(arena: &Arena, world: &SimulatedWorld) -> Twins<K, V> {
    let table = KeyTable::new(HashRange::ALL, spilling(arena, world)).unwrap();
    Twins { table, map: HashMap::new() }
}

/// Runs steps with `segments` of memory.
fn check<K: Key + Debug, V: Record + Clone + PartialEq + Debug>(
    steps: Vec<Step>,
    segments: u32,
    make: impl Fn(u16, u8) -> (K, V),
) {
    let (arena, world) = (arena(segments), SimulatedWorld::from_seed(3));
    let mut twins = twins::<K, V>(&arena, &world);
    for step in steps {
        twins.step(step, &make).unwrap();
        twins.table.verify_invariants();
        assert_eq!(twins.table.len(), twins.map.len());
    }
    twins.scan().unwrap();
    let keys: Vec<K> = twins.map.keys().cloned().collect();
    keys.iter().for_each(|key| twins.get(key).unwrap());
    drop(twins);
    assert_eq!(arena.managed().lent(), SegmentCount(0));
    assert_eq!(world.disk_used(), 0, "spill files go with the table");
    arena.verify_conservation().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn plain_values_are_as_in_a_map(steps in steps(), segments in 3u32..7) {
        check(steps, segments, |key, size| (u64::from(key), u64::from(size)));
    }

    #[test]
    fn wide_values_are_as_in_a_map(steps in steps(), segments in 12u32..30) {
        check(steps, segments, |key, size| (u64::from(key), [u64::from(size); 13]));
    }

    #[test]
    fn text_is_as_in_a_map(steps in steps(), segments in 12u32..60) {
        check(steps, segments, text);
    }
}

/// What has not changed since it was on disk is not written again.
#[test]
fn only_what_changed_is_written() {
    let (arena, world) = (arena(40), SimulatedWorld::from_seed(5));
    let supply = spilling(&arena, &world);
    let figures = supply.spill().unwrap().figures();
    let table = KeyTable::new(HashRange::ALL, supply).unwrap();
    let mut twins = Twins { table, map: HashMap::new() };
    let make = |key: u64| (key, [key; 13]);
    (0..4_000).for_each(|key| twins.put(make(key)).unwrap());
    let in_memory = twins.table.bytes() as u64;
    assert!(figures.segments_on_disk() > 80, "{figures:?}");
    let segment = SegmentSize::MIN.bytes() as u64;
    assert!(figures.bytes_spilled() >= figures.segments_on_disk() * segment);
    // Once around: what was never written goes, and from then on all is on disk.
    twins.scan().unwrap();
    let written = figures.bytes_spilled();
    (0..4_000).for_each(|key| twins.get(&key).unwrap());
    assert!(figures.bytes_spilled() - written <= in_memory, "{figures:?}");
    let (written, read) = (figures.bytes_spilled(), figures.bytes_read_back());
    (0..4_000).for_each(|key| twins.get(&key).unwrap());
    assert!(figures.bytes_read_back() > read);
    assert!(figures.bytes_spilled() - written <= 2 * segment, "{figures:?}");
    drop(twins);
    assert_eq!(figures.segments_on_disk(), 0);
}

/// Fills a table on a disk that may fail; the error, if there was one.
fn fill(world: &SimulatedWorld) -> Result<(), StateError> {
    let arena = arena(30);
    let mut twins = twins::<u64, [u64; 13]>(&arena, world);
    let filled = (|| {
        (0..1_500).try_for_each(|key| twins.put((key, [key; 13])))?;
        (0..1_500).try_for_each(|key| twins.get(&(key * 7 % 1_500)))
    })();
    drop(twins);
    assert_eq!(arena.managed().lent(), SegmentCount(0));
    filled
}

/// Whatever fails, it is an error that says where and what to change, and nothing is left.
#[test]
fn each_operation_of_a_disk_can_fail() {
    let mut failed = 0;
    for nth in (0..60).chain((60..600).step_by(17)) {
        for fault in [PlannedFault::InputOutput, PlannedFault::NoSpace] {
            let world = SimulatedWorld::from_seed(1);
            world.fail_operation(nth, fault);
            let first = fill(&world);
            let is_over = first.is_err();
            if let Err(error) = first {
                let message = error.to_string();
                assert!(message.contains("/tmp") && message.contains("io.tmp.dirs"), "{message}");
                let is_known = message.contains("operator 'Test'");
                assert!(is_known || message.contains("no directory"), "{message}");
                failed += 1;
            }
            // A process that began anew would sweep what could not be removed.
            let again = fill(&world);
            assert!(again.is_ok() || !is_over, "{again:?}");
            fill(&world).unwrap();
            assert_eq!(world.disk_used(), 0);
        }
    }
    assert!(failed >= 60, "{failed}");
}

#[test]
fn a_disk_that_fails_at_random_gives_errors_or_what_was_written() {
    let mut good = 0;
    for seed in 0..60 {
        let world = SimulatedWorld::from_seed(seed);
        let rare = PerMillion(200);
        world.set_faults(Faults {
            short_transfer: PerMillion(100_000),
            read_error: rare,
            write_error: rare,
            no_space: rare,
            ..Faults::default()
        });
        good += usize::from(fill(&world).is_ok());
    }
    assert!((5..55).contains(&good), "{good} of 60 met no fault");
}

#[test]
fn a_full_disk_is_an_error_that_says_so() {
    let world = SimulatedWorld::from_seed(2);
    world.set_disk_capacity(Some(20 * SegmentSize::MIN.bytes() as u64));
    let message = fill(&world).unwrap_err().to_string();
    let advice = "free space in /tmp, or add a directory on another disk to io.tmp.dirs";
    assert!(message.contains(advice), "{message}");
}
