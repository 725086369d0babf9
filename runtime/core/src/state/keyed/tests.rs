//! States beside maps of the standard library, through snapshots, migrations and time.

use brisk_memory::{Arena, driver::SimulatedWorld};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

use super::{
    AggregatingState, Aggregation, BackendOptions, Keeping, KeyedState, KeyedStateBackend,
    ListState, MapState, ReducingState, StateTtlConfig, TtlUpdate, TtlVisibility, ValueState,
};
use crate::{
    checkpoint::handle::KeyedStateHandle,
    graph::{KeyGroupRange, Parallelism, SubtaskIndex},
    record::key_hash,
    state::{
        HashRange, StateError,
        backend::tests::MapStore,
        snapshot::tests::{GROUPS, kind, shares, write},
        table::tests::{arena, spilling},
    },
    task::snapshot::OperatorSnapshot,
    time::Timestamp,
};

type Backend = KeyedStateBackend<u32>;

fn range(index: u32, parallelism: u32) -> KeyGroupRange {
    KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(parallelism), GROUPS)
}

fn backend(arena: &Arena, range: KeyGroupRange) -> Backend {
    backend_of(false, arena, range)
}

/// In memory, where that has room, or over another backend.
fn backend_of(foreign: bool, arena: &Arena, range: KeyGroupRange) -> Backend {
    let keeping = match foreign {
        false => Keeping::Memory(spilling(arena, &SimulatedWorld::from_seed(1))),
        true => Keeping::Foreign(Box::new(MapStore::default())),
    };
    let operator = "'Test'".to_owned();
    Backend::new(BackendOptions { range, groups: GROUPS, keeping, operator }).unwrap()
}

/// The state of a key.
fn at<'a, S: KeyedState>(
    backend: &'a mut Backend,
    state: &'a S,
    key: &u32,
    namespace: &S::Namespace,
) -> S::Access<'a> {
    backend.state(state, (key_hash(key), key), namespace).unwrap()
}

fn snapshot(backend: &mut Backend, canonical: bool) -> Option<KeyedStateHandle> {
    let mut out = OperatorSnapshot::of_kind(kind(canonical));
    backend.snapshot(&mut out);
    out.keyed.pop().map(|snapshot| write(snapshot, || {}))
}

/// One state of each kind, some in namespaces.
struct States {
    value: ValueState<String>,
    list: ListState<u64, u8>,
    map: MapState<String, u64>,
    sum: ReducingState<u64>,
    mean: AggregatingState<u64, (u64, u64), u64, String>,
}

impl States {
    fn registered(backend: &mut Backend) -> Self {
        let mean = Aggregation {
            create: || (0, 0),
            add: |(count, sum): &mut (u64, u64), next| (*count, *sum) = (*count + 1, *sum + next),
            result: |(count, sum)| sum / count,
        };
        let mut states = Self {
            value: ValueState::new("value"),
            list: ListState::new("list").in_namespace(),
            map: MapState::new("map"),
            sum: ReducingState::new("sum", |sum, next| *sum += next),
            mean: AggregatingState::new("mean", mean).in_namespace(),
        };
        backend.register(&mut states.value).unwrap();
        backend.register(&mut states.list).unwrap();
        backend.register(&mut states.map).unwrap();
        backend.register(&mut states.sum).unwrap();
        backend.register(&mut states.mean).unwrap();
        states
    }
}

/// What the states hold, in collections of the standard library.
#[derive(Clone, Default, PartialEq, Debug)]
struct Twin {
    value: BTreeMap<u32, String>,
    list: BTreeMap<(u32, u8), Vec<u64>>,
    map: BTreeMap<u32, BTreeMap<String, u64>>,
    sum: BTreeMap<u32, u64>,
    mean: BTreeMap<(u32, String), (u64, u64)>,
}

/// Which state, the key, something to choose by, and whether it goes.
type Step = (u8, u32, u64, bool);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0u8..5, 0u32..40, 0u64..60, prop::bool::weighted(0.2));
    prop::collection::vec(step, 0..500)
}

fn apply(backend: &mut Backend, states: &States, twin: &mut Twin, step: &Step) {
    let (which, key, n, goes) = step;
    let (space, text) = ((n % 3) as u8, format!("{}-{n}", "t".repeat(*n as usize % 12)));
    match (which, goes) {
        (0, false) => {
            at(backend, &states.value, key, &()).update(&text).unwrap();
            twin.value.insert(*key, text);
        }
        (0, true) => {
            at(backend, &states.value, key, &()).clear().unwrap();
            twin.value.remove(key);
        }
        (1, false) => {
            at(backend, &states.list, key, &space).add(n).unwrap();
            twin.list.entry((*key, space)).or_default().push(*n);
        }
        (1, true) => {
            at(backend, &states.list, key, &space).update(&[*n, 1, 2]).unwrap();
            twin.list.insert((*key, space), vec![*n, 1, 2]);
        }
        (2, false) => {
            at(backend, &states.map, key, &()).put(&text, n).unwrap();
            twin.map.entry(*key).or_default().insert(text, *n);
        }
        (2, true) if *n == 0 => {
            at(backend, &states.map, key, &()).clear().unwrap();
            twin.map.remove(key);
        }
        (2, true) => {
            let removed = at(backend, &states.map, key, &()).remove(&text).unwrap();
            assert_eq!(removed, twin.map.entry(*key).or_default().remove(&text).is_some());
        }
        (3, false) => {
            at(backend, &states.sum, key, &()).add(*n).unwrap();
            *twin.sum.entry(*key).or_default() += n;
        }
        (3, true) => {
            at(backend, &states.sum, key, &()).clear().unwrap();
            twin.sum.remove(key);
        }
        (_, false) => {
            at(backend, &states.mean, key, &text).add(*n).unwrap();
            let mean = twin.mean.entry((*key, text)).or_default();
            *mean = (mean.0 + 1, mean.1 + n);
        }
        (_, true) => {
            at(backend, &states.mean, key, &text).clear().unwrap();
            twin.mean.remove(&(*key, text));
        }
    }
}

/// Compares what a backend has of its keys.
fn compare(backend: &mut Backend, states: &States, twin: &Twin, owned: KeyGroupRange) {
    let hashes = HashRange::of_key_groups(owned, GROUPS);
    for key in (0..40u32).filter(|key| hashes.contains(key_hash(key))) {
        let value = at(backend, &states.value, &key, &()).value().unwrap();
        assert_eq!(value.as_ref(), twin.value.get(&key));
        for space in 0..3 {
            let list = at(backend, &states.list, &key, &space).get().unwrap();
            assert_eq!(list, twin.list.get(&(key, space)).cloned().unwrap_or_default());
        }
        let mut map = at(backend, &states.map, &key, &());
        let expected = twin.map.get(&key).cloned().unwrap_or_default();
        assert_eq!(map.is_empty().unwrap(), expected.is_empty());
        let entries = map.entries().unwrap();
        assert_eq!(entries.len(), expected.len());
        for (key, value) in &expected {
            assert_eq!(map.get(key).unwrap(), Some(*value));
        }
        assert_eq!(entries.into_iter().collect::<BTreeMap<_, _>>(), expected);
        let sum = at(backend, &states.sum, &key, &()).get().unwrap();
        assert_eq!(sum, twin.sum.get(&key).copied());
        for ((_, text), (count, sum)) in
            twin.mean.range((key, String::new())..(key + 1, String::new()))
        {
            let mean = at(backend, &states.mean, &key, text).get().unwrap();
            assert_eq!(mean, Some(sum / count));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn states_are_as_in_maps_and_come_back(
        before in steps(), after in steps(), canonical: bool, new in 1u32..5,
        [first, second, third, is_tight]: [bool; 4],
    ) {
        // The format of another backend is read by that only.
        let third = third || (second && canonical);
        let (canonical, again_canonical) = (canonical || (first && !second), !canonical);
        let again_canonical = again_canonical || (second && !third);
        let arena = arena(if is_tight { 14 } else { 3000 });
        let mut backend = backend_of(first, &arena, range(0, 1));
        let states = States::registered(&mut backend);
        let mut twin = Twin::default();
        before.iter().for_each(|step| apply(&mut backend, &states, &mut twin, step));
        compare(&mut backend, &states, &twin, range(0, 1));
        let mut out = OperatorSnapshot::of_kind(kind(canonical));
        backend.snapshot(&mut out);
        let then = twin.clone();
        after.iter().for_each(|step| apply(&mut backend, &states, &mut twin, step));
        compare(&mut backend, &states, &twin, range(0, 1));
        let Some(snapshot) = out.keyed.pop() else { return Ok(()) };
        let handle = write(snapshot, || {});
        drop(backend);
        let mut again = Vec::new();
        for (index, restored) in (0..new).zip(shares(vec![handle], new)) {
            let mut backend = backend_of(second, &arena, range(index, new));
            backend.restore(&restored).unwrap();
            let states = States::registered(&mut backend);
            compare(&mut backend, &states, &then, range(index, new));
            again.extend(self::snapshot(&mut backend, again_canonical));
        }
        // And together again, by the other format where that can be.
        let restored = &shares(again, 1)[0];
        let mut backend = backend_of(third, &arena, range(0, 1));
        backend.restore(restored).unwrap();
        let states = States::registered(&mut backend);
        compare(&mut backend, &states, &then, range(0, 1));
    }
}

#[test]
fn mistakes_are_errors_that_name_operator_and_state() {
    let arena = arena(50);
    let mut backend = self::backend(&arena, range(0, 1));
    let (mut one, mut other) = (ValueState::<u64>::new("one"), ListState::<u64>::new("one"));
    let says = |error: StateError, what: &str| {
        let message = error.to_string();
        assert!(["'Test'", "'one'", what].iter().all(|part| message.contains(part)), "{message}");
    };
    let key = (key_hash(&1u32), &1u32);
    says(backend.state(&one, key, &()).err().unwrap(), "not registered");
    backend.register(&mut one).unwrap();
    assert!(backend.state(&one, key, &()).is_ok());
    says(backend.state(&other, key, &()).err().unwrap(), "not registered");
    says(backend.register(&mut other).unwrap_err(), "two states");
}

/// What a backend has that starts from the state of one that `write` filled.
fn restored(foreign: bool, arena: &Arena, fill: impl Fn(&mut Backend)) -> Backend {
    let mut old = backend_of(foreign, arena, range(0, 1));
    fill(&mut old);
    let handle = snapshot(&mut old, false).expect("there is state");
    let mut new = backend_of(foreign, arena, range(0, 1));
    new.restore(&shares(vec![handle], 1)[0]).unwrap();
    new.advance_clock(old.store.now);
    new
}

#[test]
fn another_type_is_an_error_and_a_migration_takes_it_over() {
    [false, true].into_iter().for_each(another_type);
}

fn another_type(foreign: bool) {
    let arena = arena(50);
    let mut backend = restored(foreign, &arena, |old| {
        let mut map = MapState::<String, u32>::new("count");
        old.register(&mut map).unwrap();
        for key in 0..20 {
            at(old, &map, &key, &()).put(&"a".to_owned(), &key).unwrap();
            at(old, &map, &key, &()).put(&"b".to_owned(), &7).unwrap();
        }
    });
    let refused = backend.register(&mut MapState::<String, i64>::new("count")).unwrap_err();
    let refused = refused.to_string();
    for part in ["'count'", "'Test'", "a map of u32 by key u32", "a map of i64 by key u32"] {
        assert!(refused.contains(part), "{refused}");
    }
    assert!(backend.register(&mut ValueState::<u32>::new("count")).is_err());
    let mut map = MapState::<String, i64>::new("count").migrate_from(|old: u32| -i64::from(old));
    backend.register(&mut map).unwrap();
    for key in 0..20u32 {
        let mut map = at(&mut backend, &map, &key, &());
        assert_eq!(map.get(&"a".to_owned()).unwrap(), Some(-i64::from(key)));
        assert_eq!(map.values().unwrap().len(), 2);
    }
}

#[test]
fn a_state_that_the_function_has_no_more_is_kept() {
    [false, true].into_iter().for_each(state_that_is_gone);
}

fn state_that_is_gone(foreign: bool) {
    let arena = arena(50);
    let mut backend = restored(foreign, &arena, |old| {
        let (mut a, mut b) = (ValueState::<u32>::new("a"), ValueState::<String>::new("b"));
        old.register(&mut a).unwrap();
        old.register(&mut b).unwrap();
        at(old, &a, &1, &()).update(&5).unwrap();
        at(old, &b, &1, &()).update(&"kept".to_owned()).unwrap();
    });
    let handle = snapshot(&mut backend, true).unwrap();
    let mut backend = self::backend(&arena, range(0, 1));
    backend.restore(&shares(vec![handle], 1)[0]).unwrap();
    let mut b = ValueState::<String>::new("b");
    backend.register(&mut b).unwrap();
    assert_eq!(at(&mut backend, &b, &1, &()).value().unwrap().as_deref(), Some("kept"));
}

const HOUR: u64 = 3600;

fn ttl() -> StateTtlConfig {
    StateTtlConfig::new(Duration::from_secs(HOUR))
}

fn advance(backend: &mut Backend, seconds: u64) {
    let now = backend.store.now.max(Timestamp::from_millis(0));
    backend.advance_clock(now + Duration::from_secs(seconds));
}

#[test]
fn state_lives_as_long_as_it_is_used() {
    [false, true].into_iter().for_each(lives_as_long_as_used);
}

fn lives_as_long_as_used(foreign: bool) {
    let check = |config: StateTtlConfig, reads: bool, expected: [Option<u64>; 2]| {
        let arena = arena(50);
        let mut backend = backend_of(foreign, &arena, range(0, 1));
        let mut state = ValueState::<u64>::new("state").with_ttl(config);
        backend.register(&mut state).unwrap();
        advance(&mut backend, 0);
        at(&mut backend, &state, &1, &()).update(&5).unwrap();
        advance(&mut backend, HOUR - 1);
        if reads {
            assert_eq!(at(&mut backend, &state, &1, &()).value().unwrap(), Some(5));
        }
        advance(&mut backend, 1);
        let found = [0, 1].map(|_| at(&mut backend, &state, &1, &()).value().unwrap());
        assert_eq!(found, expected);
    };
    check(ttl(), true, [None, None]);
    check(ttl().update_type(TtlUpdate::OnReadAndWrite), true, [Some(5), Some(5)]);
    check(ttl().update_type(TtlUpdate::OnReadAndWrite), false, [None, None]);
    let seen = ttl().state_visibility(TtlVisibility::ReturnExpiredIfNotCleanedUp);
    check(seen, true, [Some(5), None]);
}

#[test]
fn elements_and_entries_live_on_their_own() {
    [false, true].into_iter().for_each(live_on_their_own);
}

fn live_on_their_own(foreign: bool) {
    let arena = arena(50);
    let mut backend = backend_of(foreign, &arena, range(0, 1));
    let mut list = ListState::<u64>::new("list").with_ttl(ttl());
    let mut map = MapState::<u64, u64>::new("map").with_ttl(ttl());
    backend.register(&mut list).unwrap();
    backend.register(&mut map).unwrap();
    advance(&mut backend, 0);
    for n in 0..4 {
        at(&mut backend, &list, &1, &()).add(&n).unwrap();
        at(&mut backend, &map, &1, &()).put(&n, &n).unwrap();
        advance(&mut backend, HOUR / 3);
    }
    assert_eq!(at(&mut backend, &list, &1, &()).get().unwrap(), [2, 3]);
    assert_eq!(at(&mut backend, &list, &1, &()).get().unwrap(), [2, 3]);
    let mut kept = at(&mut backend, &map, &1, &()).keys().unwrap();
    kept.sort_unstable();
    assert_eq!(kept, [2, 3]);
    at(&mut backend, &list, &1, &()).add(&9).unwrap();
    assert_eq!(at(&mut backend, &list, &1, &()).get().unwrap(), [2, 3, 9]);
}

#[test]
fn what_has_expired_is_cleaned_up_and_not_written() {
    let arena = arena(500);
    let mut backend = self::backend(&arena, range(0, 1));
    let mut value = ValueState::<u64>::new("value").with_ttl(ttl().cleanup_incrementally(20));
    let mut map = MapState::<u64, u64>::new("map").with_ttl(ttl());
    backend.register(&mut value).unwrap();
    backend.register(&mut map).unwrap();
    advance(&mut backend, 0);
    for key in 0..3000 {
        at(&mut backend, &value, &key, &()).update(&1).unwrap();
        at(&mut backend, &map, &(key % 100), &()).put(&u64::from(key), &1).unwrap();
    }
    advance(&mut backend, HOUR + 1);
    at(&mut backend, &value, &5000, &()).update(&1).unwrap();
    let handle = snapshot(&mut backend, false).unwrap();
    assert!(handle.state.len() < 100, "{} bytes", handle.state.len());
    let mut fresh = self::backend(&arena, range(0, 1));
    fresh.restore(&shares(vec![handle], 1)[0]).unwrap();
    assert_eq!(fresh.store.table().unwrap().len(), 1);
    let before = backend.store.table().unwrap().len();
    for _ in 0..6000 {
        at(&mut backend, &value, &5000, &()).value().unwrap();
    }
    let after = backend.store.table().unwrap().len();
    assert!(after < before / 20, "{after} of {before} entries");
}

/// Also where most of it is on disk, whose entries are looked at by segment.
#[test]
fn what_has_expired_is_cleaned_up_on_disk() {
    let arena = arena(40);
    let mut backend = self::backend(&arena, range(0, 1));
    let mut value = ValueState::<String>::new("value").with_ttl(ttl().cleanup_incrementally(20));
    backend.register(&mut value).unwrap();
    advance(&mut backend, 0);
    for key in 0..3000 {
        let text = format!("{key} ").repeat(20);
        at(&mut backend, &value, &key, &()).update(&text).unwrap();
    }
    assert!(backend.store.table().unwrap().is_spilling());
    advance(&mut backend, HOUR + 1);
    let lives = |key: u32| key % 100 == 7;
    for _ in 0..6000 {
        for key in (0..3000).filter(|key| lives(*key)).take(2) {
            at(&mut backend, &value, &key, &()).update(&"new".to_owned()).unwrap();
        }
    }
    let after = backend.store.table().unwrap().len();
    assert!(after < 150, "{after} of 3000 entries");
    for key in (0..3000).filter(|key| lives(*key)).take(2) {
        let found = at(&mut backend, &value, &key, &()).value().unwrap();
        assert_eq!(found.as_deref(), Some("new"));
    }
}

#[test]
fn a_time_to_live_can_be_given_and_taken_later() {
    let arena = arena(50);
    for (had, foreign) in [(false, false), (true, false), (false, true), (true, true)] {
        let state = |has: bool| {
            let state = ValueState::<u64>::new("state");
            if has { state.with_ttl(ttl()) } else { state }
        };
        let mut backend = restored(foreign, &arena, |old| {
            advance(old, 10);
            let mut state = state(had);
            old.register(&mut state).unwrap();
            at(old, &state, &1, &()).update(&5).unwrap();
        });
        let mut now = state(!had);
        backend.register(&mut now).unwrap();
        assert_eq!(at(&mut backend, &now, &1, &()).value().unwrap(), Some(5));
        advance(&mut backend, HOUR);
        let found = at(&mut backend, &now, &1, &()).value().unwrap();
        assert_eq!(found, had.then_some(5));
    }
}
