//! Timers beside a list of them, through snapshots, in memory and beside another backend.

use proptest::prelude::*;

use super::*;
use crate::{
    graph::{KeyGroupRange, Parallelism, SubtaskIndex},
    state::{
        HashRange, ValueState,
        backend::tests::MapStore,
        keyed::{BackendOptions, Keeping},
        snapshot::tests::{GROUPS, kind, shares, write},
        table::tests::{arena, supply},
    },
    task::snapshot::OperatorSnapshot,
};

type Backend = KeyedStateBackend<u32>;

const EVENT: StateKind = StateKind::EventTimers;
const CLOCK: StateKind = StateKind::ProcessingTimers;

fn range(index: u32, parallelism: u32) -> KeyGroupRange {
    KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(parallelism), GROUPS)
}

fn backend(keeping: Keeping, range: KeyGroupRange) -> Backend {
    let operator = "'Test'".to_owned();
    Backend::new(BackendOptions { range, groups: GROUPS, keeping, operator }).unwrap()
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn register(backend: &mut Backend, kind: StateKind, key: u32, time: i64) {
    backend.register_timer(kind, (key_hash(&key), &key), at(time)).unwrap();
}

fn delete(backend: &mut Backend, kind: StateKind, key: u32, time: i64) {
    backend.delete_timer(kind, (key_hash(&key), &key), at(time)).unwrap();
}

fn due(backend: &mut Backend, kind: StateKind, now: i64) -> Vec<(i64, u32)> {
    let mut due = Vec::new();
    while let Some(timer) = backend.pop_timer(kind, at(now)).unwrap() {
        assert_eq!(timer.key_hash, key_hash(&timer.key));
        due.push((timer.time.millis(), timer.key));
    }
    due
}

#[test]
fn one_state_of_timers_and_others_share_the_table() {
    let arena = arena(50);
    let mut backend = backend(Keeping::Memory(supply(&arena)), range(0, 1));
    // The same name as the timers' own.
    let mut state = ValueState::<u64>::new("event-timers");
    backend.register(&mut state).unwrap();
    for key in 0..100 {
        register(&mut backend, EVENT, key, 7);
        register(&mut backend, EVENT, key, 7);
        register(&mut backend, CLOCK, key, 8);
        backend.state(&state, (key_hash(&key), &key), &()).unwrap().update(&9).unwrap();
    }
    delete(&mut backend, EVENT, 3, 7);
    delete(&mut backend, EVENT, 4, 8);
    assert_eq!(backend.next_timer(EVENT), Some(at(7)));
    assert_eq!(due(&mut backend, EVENT, 6), []);
    let expected: Vec<_> = (0..100).filter(|key| *key != 3).map(|key| (7, key)).collect();
    assert_eq!(due(&mut backend, EVENT, 7), expected);
    assert_eq!(due(&mut backend, CLOCK, 8).len(), 100);
    assert_eq!((backend.next_timer(EVENT), backend.next_timer(CLOCK)), (None, None));
    assert_eq!(backend.store.table().unwrap().len(), 100);
}

#[test]
fn memory_that_ends_is_an_error_that_says_so() {
    let arena = arena(20);
    let mut backend = backend(Keeping::Memory(supply(&arena)), range(0, 1));
    let mut registered = Vec::new();
    let error = (0..1_000_000).find_map(|key: u32| {
        let time = i64::from(key.wrapping_mul(2_654_435_761) >> 8);
        let error = backend.register_timer(EVENT, (key_hash(&key), &key), at(time)).err();
        registered.extend(error.is_none().then_some((time, key)));
        error
    });
    assert!(error.unwrap().to_string().starts_with("managed memory has ended"));
    assert!(registered.len() > 500);
    registered.sort_unstable();
    let mut found = due(&mut backend, EVENT, i64::MAX);
    assert!(found.is_sorted_by_key(|(time, _)| *time));
    found.sort_unstable();
    assert_eq!(found, registered);
}

#[test]
fn timers_that_are_moved_with_each_record_do_not_pile_up() {
    let arena = arena(30);
    let mut backend = backend(Keeping::Memory(supply(&arena)), range(0, 1));
    for step in 0..20_000_i64 {
        let key = (step % 50) as u32;
        delete(&mut backend, EVENT, key, step + 950);
        register(&mut backend, EVENT, key, step + 1000);
    }
    assert!(backend.store.table().unwrap().len() <= 50 * 2 + DELETED_MAX + 1);
    assert_eq!(due(&mut backend, EVENT, i64::MAX).len(), 50);
}

#[test]
fn timers_are_in_the_same_snapshot() {
    let arena = arena(50);
    let of = |foreign: bool, range| match foreign {
        false => backend(Keeping::Memory(supply(&arena)), range),
        true => backend(Keeping::Foreign(Box::new(MapStore::default())), range),
    };
    for (canonical, foreign) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut backend = of(foreign, range(0, 1));
        let mut state = ValueState::<u64>::new("sum");
        backend.register(&mut state).unwrap();
        backend.state(&state, (key_hash(&3), &3), &()).unwrap().update(&1).unwrap();
        let mut expected = Vec::new();
        for (kind, from) in [(EVENT, -20), (CLOCK, 5)] {
            for key in 0..50 {
                let time = from + i64::from(key);
                register(&mut backend, kind, key, time);
                if key % 10 == 0 {
                    delete(&mut backend, kind, key, time);
                } else {
                    expected.push((kind as u8, time, key));
                }
            }
        }
        let mut out = OperatorSnapshot::of_kind(self::kind(canonical));
        backend.snapshot(&mut out);
        // What comes later is not in it.
        let snapshot = out.keyed.pop().unwrap();
        register(&mut backend, EVENT, 1, 1000);
        let handle = write(snapshot, || {});
        let mut found = Vec::new();
        for (index, restored) in (0..3).zip(shares(vec![handle], 3)) {
            let mut backend = of(foreign, range(index, 3));
            let owned = HashRange::of_key_groups(range(index, 3), GROUPS);
            backend.restore(&restored).unwrap();
            for kind in [EVENT, CLOCK] {
                for (time, key) in due(&mut backend, kind, i64::MAX) {
                    assert!(owned.contains(key_hash(&key)));
                    found.push((kind as u8, time, key));
                }
            }
        }
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Register(u32, i64),
    Delete(u32, i64),
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let timer = || (0..12_u32, prop_oneof![0..60_i64, 20..24_i64]);
    prop_oneof![
        6 => timer().prop_map(|(key, time)| Step::Register(key, time)),
        5 => timer().prop_map(|(key, time)| Step::Delete(key, time)),
        1 => (0..8_i64).prop_map(Step::Advance),
    ]
}

proptest! {
    #[test]
    fn like_a_set(steps in prop::collection::vec(step(), 0..300)) {
        let arena = arena(50);
        let mut backend = backend(Keeping::Memory(supply(&arena)), range(0, 1));
        let (mut twin, mut now) = (std::collections::BTreeSet::new(), 0);
        for step in steps {
            match step {
                Step::Register(key, time) => {
                    register(&mut backend, EVENT, key, time);
                    twin.insert((time, key));
                }
                Step::Delete(key, time) => {
                    delete(&mut backend, EVENT, key, time);
                    twin.remove(&(time, key));
                }
                Step::Advance(by) => {
                    now += by;
                    let mut found = due(&mut backend, EVENT, now);
                    found.sort_unstable();
                    let later = twin.split_off(&(now + 1, 0));
                    let expected: Vec<_> = std::mem::replace(&mut twin, later).into_iter().collect();
                    prop_assert_eq!(found, expected);
                }
            }
            let stored = backend.timers.stored(EVENT).unwrap();
            prop_assert_eq!(stored.due.len() - stored.deleted, twin.len());
        }
    }
}
