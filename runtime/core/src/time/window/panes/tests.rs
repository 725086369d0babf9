use brisk_memory::{Arena, ArenaOptions, SegmentCount, SegmentSize};
use proptest::prelude::*;
use std::{collections::BTreeMap, time::Duration};

use super::*;
use crate::{
    graph::MaxParallelism,
    record::key_hash,
    state::{HashRange, StateError, Supply, SupplyOptions},
    time::{
        Timestamp, Watermark,
        window::{
            AllowedLateness, Collected, Fed, FiredTime, Fires, Fold, SliceGrid,
            TimeDomain::EventTime,
            sliced::twin::{Kind, Twin, TwinFired},
        },
    },
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn supply(segments: u32) -> (Arena, Supply) {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::MIN,
        managed: SegmentCount(segments),
        ..ArenaOptions::default()
    })
    .unwrap();
    let options = SupplyOptions { owner: "windows".to_owned(), limit: None, spill: None };
    let supply = Supply::open(arena.managed(), options).unwrap();
    (arena, supply)
}

fn grid((size, slide, offset): (i64, i64, i64)) -> SliceGrid {
    let millis = |millis: i64| Duration::from_millis(millis as u64);
    SliceGrid::new(millis(size), millis(slide), offset)
}

fn lateness(millis: i64) -> AllowedLateness {
    AllowedLateness::new(Duration::from_millis(millis as u64))
}

fn fresh<A: crate::Record + Clone>(
    kind: (i64, i64, i64),
    late: i64,
    supply: &Supply,
) -> PanedWindows<u32, A> {
    PanedWindows::new((grid(kind), lateness(late)), HashRange::ALL, supply.clone())
}

fn plain(fired: FiredTime<u32, Vec<u32>>) -> TwinFired {
    let FiredTime { key, window, mut content } = fired;
    content.sort_unstable();
    (key, (window.start().millis(), window.end().millis()), content)
}

type Lists = PanedWindows<u32, Vec<u32>>;

fn taken(windows: &mut Lists) -> Vec<TwinFired> {
    let next = || windows.next_fired::<u32, _>(&Collected);
    std::iter::from_fn(next).map(plain).collect()
}

fn feed(windows: &mut Lists, key: u32, time: i64, record: u32) -> (Vec<TwinFired>, bool) {
    if windows.has_short_way(at(time)) {
        windows.add((key_hash(&key), &key), record, &Collected).expect("there is memory");
        return (Vec::new(), false);
    }
    let fed = windows.feed((key_hash(&key), &key), (at(time), record), &Collected);
    match fed.expect("there is memory") {
        Fed::Late(back) => {
            assert_eq!(back, record);
            (Vec::new(), true)
        }
        Fed::Outside | Fed::Taken(Fires::Nothing) => (Vec::new(), false),
        Fed::Taken(Fires::Results) => {
            let fired = taken(windows);
            assert!(!fired.is_empty());
            (fired, false)
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Feed { key: u32, ahead: i64 },
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..9_u32, -40..60_i64).prop_map(|(key, ahead)| Step::Feed { key, ahead }),
        3 => (0..30_i64).prop_map(Step::Advance),
    ]
}

/// Feeds both with records around the watermark and compares all that comes out.
fn check(kind: (i64, i64, i64), late: i64, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (_arena, supply) = supply(256);
    let (mut windows, mut now) = (fresh(kind, late, &supply), -100);
    let (size, slide, offset) = kind;
    let mut twin = Twin::new(Kind::Sliding { size, slide, offset }, late);
    for (record, step) in steps.into_iter().chain([Step::Advance(10_000)]).enumerate() {
        match step {
            Step::Feed { key, ahead } => {
                let record = record as u32;
                let fed = feed(&mut windows, key, now + ahead, record);
                prop_assert_eq!(fed, twin.feed(key, now + ahead, record));
            }
            Step::Advance(by) => {
                now += by;
                windows.advance(Watermark(at(now)));
                let (mut fired, mut expected) = (taken(&mut windows), twin.advance(now));
                prop_assert!(fired.is_sorted_by_key(|(_, (_, end), _)| *end), "in order of time");
                fired.sort();
                expected.sort();
                prop_assert_eq!(fired, expected);
            }
        }
    }
    prop_assert_eq!(twin.len(), 0);
    prop_assert!(windows.is_empty());
    prop_assert_eq!(windows.next_due(), None);
    prop_assert_eq!(supply.held(), SegmentCount::ZERO);
    Ok(())
}

proptest! {
    #[test]
    fn like_windows_one_by_one(
        (size, slide) in (1_i64..30).prop_flat_map(|size| (Just(size), (size / 4).max(1)..40_i64)),
        offset in -5_i64..5,
        late in prop_oneof![Just(0_i64), 0..40_i64],
        steps in prop::collection::vec(step(), 0..150),
    ) {
        prop_assume!(grid((size, slide, 0)).slices_per_window() <= SLICES_MAX);
        check((size, slide, offset % slide), late, steps)?;
    }
}

/// Count and sum.
struct CountSum;

impl Fold<u32> for CountSum {
    type Accumulator = (u64, u64);

    fn first(&self, record: u32) -> (u64, u64) {
        (1, record.into())
    }

    fn add(&self, (count, sum): &mut (u64, u64), record: u32) {
        *count += 1;
        *sum += u64::from(record);
    }

    fn merge(&self, (count, sum): &mut (u64, u64), later: (u64, u64)) {
        *count += later.0;
        *sum += later.1;
    }
}

const KEYS: u32 = 2_000;

/// Event number `n`: key, time and record; slices have different keys.
fn event(n: u32) -> (u32, i64, u32) {
    let time = i64::from(n) / 100;
    let keys = if time % 3 == 0 { KEYS / 10 } else { KEYS };
    (key_hash(&n) % keys, time, n)
}

/// Many buckets a table, split differently in each slice.
#[test]
fn many_keys() {
    for (size, slide) in [(100, 100), (100, 20), (70, 30)] {
        let (_arena, supply) = supply(4_000);
        let mut windows: PanedWindows<u32, (u64, u64)> = fresh((size, slide, 0), 0, &supply);
        let (mut found, mut expected) = (BTreeMap::new(), BTreeMap::new());
        for n in 0..40_000 {
            let (key, time, record) = event(n);
            let fed = windows.feed((key_hash(&key), &key), (at(time), record), &CountSum).unwrap();
            assert_eq!(fed, Fed::Taken(Fires::Nothing));
            let mut start = time - time % slide;
            while start > time - size {
                let (count, sum) = expected.entry((key, start)).or_insert((0, 0));
                (*count, *sum) = (*count + 1, *sum + u64::from(record));
                start -= slide;
            }
            if n % 1_000 == 999 {
                windows.advance(Watermark(at(time - 1)));
                while let Some(fired) = windows.next_fired::<u32, _>(&CountSum) {
                    let window = (fired.key, fired.window.start().millis());
                    assert!(found.insert(window, fired.content).is_none(), "a window fires once");
                }
                let live = (size / slide + 2) * 2;
                assert!(windows.slices.len() <= live as usize, "slices go when they are done");
            }
        }
        windows.advance(Watermark(Timestamp::MAX));
        while let Some(fired) = windows.next_fired::<u32, _>(&CountSum) {
            found.insert((fired.key, fired.window.start().millis()), fired.content);
        }
        assert_eq!(found, expected);
        assert_eq!(supply.held(), SegmentCount::ZERO, "slices give their segments back");
    }
}

#[test]
fn what_is_frozen_is_not_changed() {
    let (_arena, supply) = supply(1_000);
    let mut windows: PanedWindows<u32, (u64, u64)> = fresh((100, 100, 0), 0, &supply);
    let fill = |windows: &mut PanedWindows<u32, (u64, u64)>| {
        for key in 0..KEYS {
            let fed = windows.feed((key_hash(&key), &key), (at(5), 1), &CountSum);
            assert_eq!(fed.unwrap(), Fed::Taken(Fires::Nothing));
        }
    };
    fill(&mut windows);
    let before = supply.held();
    let kept = windows.freeze(MaxParallelism(128), EventTime);
    assert_eq!(supply.held(), before, "a snapshot shares the segments");
    assert!(kept.images.is_empty());
    fill(&mut windows);
    assert!(supply.held() > before, "what changes is copied");
    let (_, mut entries) = kept.tables.into_iter().next().unwrap();
    let (mut run, mut seen) = (Vec::new(), 0);
    while entries.next_run(crate::state::table::Run::Group, &mut run).unwrap().is_some() {
        for entry in &run {
            assert_eq!(entries.entry(*entry).value()[..8], 1_u64.to_le_bytes());
            seen += 1;
        }
    }
    assert_eq!(seen, KEYS);
    drop(entries);
    windows.advance(Watermark(Timestamp::MAX));
    while let Some(fired) = windows.next_fired::<u32, _>(&CountSum) {
        assert_eq!(fired.content, (2, 2));
    }
    assert_eq!(supply.held(), SegmentCount::ZERO);
}

#[test]
fn memory_that_ends_is_an_error() {
    let (_arena, supply) = supply(8);
    let mut windows: PanedWindows<u32, (u64, u64)> = fresh((100, 100, 0), 0, &supply);
    let mut feed = |key: u32| windows.feed((key_hash(&key), &key), (at(5), 1), &CountSum);
    let error = (0..100_000).find_map(|key| feed(key).err()).expect("so many don't fit");
    assert!(matches!(error, StateError::OutOfMemory { .. }), "{error}");
}

#[test]
#[should_panic(expected = "results wait to be taken")]
fn results_are_taken_before_time_goes_on() {
    let (_arena, supply) = supply(8);
    let mut windows = fresh((10, 10, 0), 0, &supply);
    feed(&mut windows, 1, 0, 0);
    feed(&mut windows, 2, 0, 1);
    windows.advance(Watermark(at(20)));
    windows.next_fired::<u32, _>(&Collected);
    windows.advance(Watermark(at(21)));
}
