use proptest::prelude::*;
use std::time::Duration;

use super::*;
use crate::{
    record::key_hash,
    time::{
        Timestamp, Watermark,
        window::{
            AllowedLateness, AskedKey, Collected, Fed, FiredTime, Fires, SliceGrid,
            TimeDomain::EventTime,
            sliced::twin::{Kind, Twin, TwinFired},
        },
    },
};

type Windows = SlicedWindows<u32, Vec<u32>>;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// All keys have one of two hashes, so that keys that share one are told apart.
fn asked(key: u32) -> AskedKey<impl Fn(&u32) -> bool, impl FnOnce() -> u32> {
    let hash = if key < 100 { key_hash(&(key % 2)) } else { key_hash(&key) };
    AskedKey { hash, is: move |known: &u32| *known == key, make: move || key }
}

fn plain(fired: FiredTime<u32, Vec<u32>>) -> TwinFired {
    let FiredTime { key, window, mut content } = fired;
    content.sort_unstable();
    (key, (window.start().millis(), window.end().millis()), content)
}

fn feed(windows: &mut Windows, key: u32, time: i64, record: u32) -> (Vec<TwinFired>, bool) {
    match windows.feed(asked(key), at(time), record, &Collected) {
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

fn taken(windows: &mut Windows) -> Vec<TwinFired> {
    let next = || windows.next_fired::<u32, _>(&Collected);
    std::iter::from_fn(next).map(plain).collect()
}

fn advance(windows: &mut Windows, watermark: i64) -> Vec<TwinFired> {
    windows.advance(Watermark(at(watermark)));
    let fired = taken(windows);
    assert!(fired.is_sorted_by_key(|(_, (_, end), _)| *end), "in order of time");
    fired
}

fn windows(size: u64, slide: u64, lateness: u64) -> Windows {
    let (size, slide) = (Duration::from_millis(size), Duration::from_millis(slide));
    let lateness = AllowedLateness::new(Duration::from_millis(lateness));
    SlicedWindows::new(SliceGrid::new(size, slide, 0), lateness)
}

#[test]
fn tumbling() {
    let mut windows = windows(10, 10, 0);
    for (key, time, record) in [(1, 0, 0), (2, 9, 1), (1, 9, 2), (1, 10, 3)] {
        assert_eq!(feed(&mut windows, key, time, record), (vec![], false));
    }
    assert_eq!(windows.next_due(), Some(at(9)));
    assert_eq!(advance(&mut windows, 8), []);
    let mut fired = advance(&mut windows, 9);
    fired.sort();
    assert_eq!(fired, [(1, (0, 10), vec![0, 2]), (2, (0, 10), vec![1])]);
    assert_eq!(feed(&mut windows, 2, 9, 4), (vec![], true));
    assert_eq!(advance(&mut windows, i64::MAX), [(1, (10, 20), vec![3])]);
    assert_eq!(windows.images(EventTime), []);
}

#[test]
fn late_records_fire_again_what_is_kept() {
    let mut windows = windows(4, 2, 3);
    feed(&mut windows, 1, 4, 0);
    assert_eq!(advance(&mut windows, 7), [(1, (2, 6), vec![0]), (1, (4, 8), vec![0])]);
    // The window up to 6 is kept until 8, the one up to 8 until 10.
    let again = vec![(1, (4, 8), vec![0, 1]), (1, (2, 6), vec![0, 1])];
    assert_eq!(feed(&mut windows, 1, 5, 1), (again, false));
    assert_eq!(advance(&mut windows, 8), []);
    assert_eq!(feed(&mut windows, 1, 4, 2), (vec![(1, (4, 8), vec![0, 1, 2])], false));
    assert_eq!(advance(&mut windows, 10), []);
    assert_eq!(feed(&mut windows, 1, 4, 3), (vec![], true));
    assert_eq!(windows.images(EventTime), []);
}

#[test]
fn records_between_windows_are_in_none() {
    let mut windows = windows(3, 10, 0);
    assert_eq!(windows.feed(asked(1), at(5), 0, &Collected), Fed::Outside);
    advance(&mut windows, 5);
    assert_eq!(windows.feed(asked(1), at(5), 0, &Collected), Fed::Late(0));
}

#[test]
#[should_panic(expected = "results wait to be taken")]
fn results_are_taken_before_time_goes_on() {
    let mut windows = windows(10, 10, 0);
    feed(&mut windows, 1, 0, 0);
    feed(&mut windows, 2, 0, 1);
    windows.advance(Watermark(at(20)));
    windows.next_fired::<u32, _>(&Collected);
    windows.advance(Watermark(at(21)));
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Feed { key: u32, ahead: i64 },
    Advance(i64),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..5_u32, -40..60_i64).prop_map(|(key, ahead)| Step::Feed { key, ahead }),
        3 => (0..30_i64).prop_map(Step::Advance),
        1 => Just(Step::Restore),
    ]
}

fn restored(windows: &Windows, empty: Windows) -> Windows {
    let mut restored = empty;
    advance(&mut restored, windows.watermark().timestamp().millis());
    for image in windows.images(EventTime) {
        let hash = asked(image.key).hash;
        assert_eq!(restored.put_back(hash, image), Ok(()));
    }
    assert_eq!(restored.finish_restore(Vec::new()), Ok(()));
    restored
}

/// Feeds both with records around the watermark and compares all that comes out.
fn check(kind: (i64, i64, i64), lateness: i64, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let (size, slide, offset) = kind;
    let grid = SliceGrid::new(
        Duration::from_millis(size as u64),
        Duration::from_millis(slide as u64),
        offset,
    );
    let allowed = AllowedLateness::new(Duration::from_millis(lateness as u64));
    let fresh = || Windows::new(grid, allowed);
    let (mut windows, mut now) = (fresh(), -100);
    let mut twin = Twin::new(Kind::Sliding { size, slide, offset }, lateness);
    for (record, step) in steps.into_iter().chain([Step::Advance(10_000)]).enumerate() {
        match step {
            Step::Feed { key, ahead } => {
                let record = record as u32;
                let fed = feed(&mut windows, key, now + ahead, record);
                prop_assert_eq!(fed, twin.feed(key, now + ahead, record));
            }
            Step::Advance(by) => {
                now += by;
                let (mut fired, mut expected) = (advance(&mut windows, now), twin.advance(now));
                fired.sort();
                expected.sort();
                prop_assert_eq!(fired, expected);
            }
            Step::Restore => windows = restored(&windows, fresh()),
        }
    }
    prop_assert_eq!(twin.len(), 0);
    prop_assert_eq!(windows.images(EventTime), vec![]);
    prop_assert_eq!(windows.next_due(), None);
    Ok(())
}

proptest! {
    #[test]
    fn like_windows_one_by_one(
        size in 1_i64..30,
        slide in 1_i64..20,
        offset in -5_i64..5,
        lateness in prop_oneof![Just(0_i64), 0..40_i64],
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let offset = offset % slide;
        check((size, slide, offset), lateness, steps)?;
    }

    /// Windows of so many slices that stacks are used.
    #[test]
    fn like_windows_one_by_one_when_they_are_long(
        size in 20_i64..60,
        slide in 1_i64..4,
        lateness in prop_oneof![2 => Just(0_i64), 1 => 0..40_i64],
        steps in prop::collection::vec(step(), 0..150),
    ) {
        check((size, slide, 0), lateness, steps)?;
    }
}

/// Counts merges, which is what a firing costs.
struct Merges(std::cell::Cell<u64>);

impl crate::time::window::Fold<u64> for Merges {
    type Accumulator = u64;

    fn first(&self, record: u64) -> u64 {
        record
    }

    fn add(&self, accumulator: &mut u64, record: u64) {
        *accumulator += record;
    }

    fn merge(&self, accumulator: &mut u64, later: u64) {
        self.0.set(self.0.get() + 1);
        *accumulator += later;
    }
}

#[test]
fn a_window_of_many_slices_costs_few_merges() {
    let grid = SliceGrid::new(Duration::from_millis(1_000), Duration::from_millis(1), 0);
    let mut windows = SlicedWindows::<u32, u64>::new(grid, AllowedLateness::ZERO);
    let merges = Merges(std::cell::Cell::new(0));
    let (mut fired, records) = (0, 20_000);
    for time in 0..records {
        let fed = windows.feed(asked(7), at(time), 1, &merges);
        assert_eq!(fed, Fed::Taken(Fires::Nothing));
        windows.advance(Watermark(at(time)));
        while let Some(result) = windows.next_fired::<u64, _>(&merges) {
            fired += 1;
            assert_eq!(result.content, (time as u64 + 1).min(1_000));
        }
    }
    assert_eq!(fired, records);
    let per_window = merges.0.get() / fired as u64;
    assert!(per_window <= 3, "{per_window} merges a window of 1,000 slices");
}
