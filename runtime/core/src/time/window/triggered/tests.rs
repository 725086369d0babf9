use proptest::prelude::*;
use std::time::Duration;

use super::*;
use crate::{
    graph::MaxParallelism,
    time::{
        Timestamp, Watermark,
        window::{
            AllowedLateness, Collected, Fed, Fired, Fires, GlobalWindow, Piece, SliceGrid,
            TimeDomain, TimeWindow, Trigger, WindowAssigner,
            assigner::{EventTimeSessionWindows, GlobalWindows, PeriodicWindows},
            assigner::{TumblingEventTimeWindows, TumblingProcessingTimeWindows},
            evictor::{CountEvictor, NoEvictor},
            sliced::twin::{Kind, Twin, TwinFired},
            trigger::{
                ContinuousEventTimeTrigger, CountTrigger, DeltaTrigger, EventTimeTrigger,
                NeverTrigger, ProcessingTimeTrigger, PurgingTrigger,
            },
        },
    },
};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

type Windows<A, R, C> = TriggeredWindows<u32, u32, A, R, C>;

fn windows<A, R, C>(assigner: A, trigger: R, keep: C, lateness: i64) -> Windows<A, R, C>
where
    A: WindowAssigner<u32>,
    R: Trigger<u32, A::Window>,
    C: Keep<u32, A::Window>,
{
    let lateness = AllowedLateness::new(millis(lateness as u64));
    TriggeredWindows::new(WindowRules { assigner, trigger, keep, lateness }, MaxParallelism(128))
}

/// Any windows of numbers that fire lists of numbers.
trait Core {
    type Window;
    fn core(&mut self, key: u32, time: i64, record: u32) -> Fed<u32>;
    fn reach(&mut self, watermark: i64);
    fn clock(&mut self, now: i64);
    fn fired(&mut self) -> Vec<Fired<u32, Self::Window, Vec<u32>>>;
}

impl<A, R, C> Core for Windows<A, R, C>
where
    A: WindowAssigner<u32>,
    R: Trigger<u32, A::Window>,
    C: Keep<u32, A::Window, Out = Vec<u32>>,
{
    type Window = A::Window;

    fn core(&mut self, key: u32, time: i64, record: u32) -> Fed<u32> {
        self.feed((key % 2, key), Some(at(time)), record)
    }

    fn reach(&mut self, watermark: i64) {
        self.advance(Watermark(at(watermark)));
    }

    fn clock(&mut self, now: i64) {
        self.advance_clock(at(now));
    }

    fn fired(&mut self) -> Vec<Fired<u32, A::Window, Vec<u32>>> {
        std::iter::from_fn(|| self.next_fired()).collect()
    }
}

fn plain(fired: Vec<Fired<u32, TimeWindow, Vec<u32>>>) -> Vec<TwinFired> {
    let plain = fired.into_iter().map(|Fired { key, window, mut content }| {
        content.sort_unstable();
        (key, (window.start().millis(), window.end().millis()), content)
    });
    plain.collect()
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Feed { key: u32, ahead: i64 },
    Advance(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_u32, -60..80_i64).prop_map(|(key, ahead)| Step::Feed { key, ahead }),
        1 => (0..40_i64).prop_map(Step::Advance),
    ]
}

fn check_twin(
    windows: &mut impl Core<Window = TimeWindow>,
    mut twin: Twin,
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let mut now = -100;
    for (record, step) in steps.into_iter().chain([Step::Advance(10_000)]).enumerate() {
        match step {
            Step::Feed { key, ahead } => {
                let (time, record) = (now + ahead, record as u32);
                let is_late = matches!(windows.core(key, time, record), Fed::Late(_));
                prop_assert_eq!((plain(windows.fired()), is_late), twin.feed(key, time, record));
            }
            Step::Advance(by) => {
                now += by;
                windows.reach(now);
                let mut fired = plain(windows.fired());
                prop_assert!(fired.is_sorted_by_key(|(_, (_, end), _)| *end), "in order of time");
                let mut expected = twin.advance(now);
                fired.sort();
                expected.sort();
                prop_assert_eq!(fired, expected);
            }
        }
    }
    prop_assert_eq!(twin.len(), 0);
    Ok(())
}

proptest! {
    #[test]
    fn sliding_like_windows_one_by_one(
        size in 1_i64..30,
        slide in 1_i64..20,
        lateness in prop_oneof![Just(0_i64), 0..40_i64],
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let grid = SliceGrid::new(millis(size as u64), millis(slide as u64), 0);
        let assigner = PeriodicWindows::new(TimeDomain::EventTime, grid);
        let mut windows = windows(assigner, EventTimeTrigger, Folded(Collected), lateness);
        let twin = Twin::new(Kind::Sliding { size, slide, offset: 0 }, lateness);
        check_twin(&mut windows, twin, steps)?;
        prop_assert!(windows.images().is_empty());
    }

    #[test]
    fn sessions_like_windows_one_by_one(
        gap in 1_i64..20,
        lateness in prop_oneof![Just(0_i64), 0..60_i64],
        steps in prop::collection::vec(step(), 0..100),
    ) {
        let assigner = EventTimeSessionWindows::with_gap(millis(gap as u64));
        let mut windows = windows(assigner, EventTimeTrigger, Buffered(NoEvictor), lateness);
        check_twin(&mut windows, Twin::new(Kind::Session { gap }, lateness), steps)?;
        prop_assert!(windows.images().is_empty());
    }
}

/// Feeds records one by one, each with its number as time, and gives what fires with each.
fn contents(windows: &mut impl Core, records: &[u32]) -> Vec<Vec<u32>> {
    let mut all = Vec::new();
    for record in records {
        let fires = windows.core(1, i64::from(*record), *record) == Fed::Taken(Fires::Results);
        let fired = windows.fired();
        assert_eq!(fires, !fired.is_empty());
        all.extend(fired.into_iter().map(|fired| fired.content));
    }
    all
}

#[test]
fn count_windows() {
    let trigger = PurgingTrigger::of(CountTrigger::of(2));
    let mut tumbling = windows(GlobalWindows, trigger, Folded(Collected), 0);
    assert_eq!(contents(&mut tumbling, &[1, 2, 3, 4, 5]), [[1, 2], [3, 4]]);
    // The last three, with each two.
    let keep = Buffered(CountEvictor::of(3));
    let mut sliding = windows(GlobalWindows, CountTrigger::of(2), keep, 0);
    assert_eq!(
        contents(&mut sliding, &[1, 2, 3, 4, 5, 6]),
        [vec![1, 2], vec![2, 3, 4], vec![4, 5, 6]]
    );
}

#[test]
fn global_windows_never_fire_by_themselves() {
    let mut windows = windows(GlobalWindows, NeverTrigger, Folded(Collected), 0);
    assert!(contents(&mut windows, &[1, 2]).is_empty());
    windows.reach(i64::MAX);
    windows.clock(i64::MAX);
    assert_eq!(windows.fired(), []);
    let piece = &windows.images()[0].piece;
    assert!(
        matches!(piece, Piece::Content { window: GlobalWindow, content } if *content == [1, 2])
    );
}

#[test]
fn by_delta() {
    let trigger = DeltaTrigger::of(3.0, |a: &u32, b: &u32| a.abs_diff(*b).into());
    let mut windows = windows(GlobalWindows, PurgingTrigger::of(trigger), Folded(Collected), 0);
    assert_eq!(contents(&mut windows, &[1, 3, 5, 8, 9]), [vec![1, 3, 5], vec![8, 9]]);
}

#[test]
fn early_firings() {
    let assigner = TumblingEventTimeWindows::of(millis(100));
    let trigger = ContinuousEventTimeTrigger::of(millis(30));
    let mut windows = windows(assigner, trigger, Folded(Collected), 0);
    let mut check = |record: u32, watermark: i64, expected: &[&[u32]]| {
        assert_eq!(windows.core(1, i64::from(record), record), Fed::Taken(Fires::Nothing));
        windows.reach(watermark);
        let contents: Vec<_> = windows.fired().into_iter().map(|fired| fired.content).collect();
        assert_eq!(contents, expected, "at {watermark}");
    };
    check(10, 29, &[]);
    check(35, 30, &[&[10, 35]]);
    check(40, 60, &[&[10, 35, 40]]);
    check(61, 95, &[&[10, 35, 40, 61]]);
    check(96, 200, &[&[10, 35, 40, 61, 96]]);
}

#[test]
fn purged_windows_begin_anew_for_late_records() {
    let assigner = TumblingEventTimeWindows::of(millis(10));
    let trigger = PurgingTrigger::of(EventTimeTrigger);
    let mut windows = windows(assigner, trigger, Folded(Collected), 100);
    assert!(contents(&mut windows, &[1, 2]).is_empty());
    windows.reach(9);
    assert_eq!(windows.fired()[0].content, [1, 2]);
    assert_eq!(contents(&mut windows, &[3, 4]), [[3], [4]]);
    windows.reach(109);
    assert_eq!(windows.fired(), []);
    assert!(windows.images().is_empty());
}

#[test]
fn by_the_clock() {
    let assigner = TumblingProcessingTimeWindows::of(millis(10));
    let mut windows = windows(assigner, ProcessingTimeTrigger, Folded(Collected), 0);
    windows.clock(5);
    assert!(contents(&mut windows, &[1, 2]).is_empty());
    assert_eq!(windows.next_processing_time(), Some(at(9)));
    windows.reach(i64::MAX);
    assert_eq!(windows.fired(), []);
    windows.clock(9);
    let fired = windows.fired();
    assert_eq!(fired[0].content, [1, 2]);
    assert_eq!(fired[0].window, TimeWindow::new(at(0), at(10)));
    assert!(windows.images().is_empty());
    assert_eq!(windows.next_processing_time(), None);
}

#[test]
fn restored_with_its_timers() {
    let assigner = EventTimeSessionWindows::with_gap(millis(10));
    let fresh = || windows(assigner, EventTimeTrigger, Folded(Collected), 0);
    let mut before = fresh();
    assert!(contents(&mut before, &[1, 5, 30]).is_empty());
    let mut after = fresh();
    for image in before.images().into_iter().rev() {
        after.put_back(image.key % 2, image).expect("its own image");
    }
    after.finish_restore(Vec::new());
    after.reach(100);
    let contents: Vec<_> = after.fired().into_iter().map(|fired| fired.content).collect();
    assert_eq!(contents, [vec![1, 5], vec![30]]);
}

#[test]
#[should_panic(expected = "windows that merge need a trigger that can")]
fn sessions_by_delta_are_refused() {
    let trigger = DeltaTrigger::of(3.0, |a: &u32, b: &u32| a.abs_diff(*b).into());
    windows(EventTimeSessionWindows::with_gap(millis(1)), trigger, Folded(Collected), 0);
}
