use brisk_memory::driver::Instant64;
use proptest::prelude::*;
use std::time::Duration;

use super::*;
use crate::{
    graph::{Parallelism, SubtaskIndex},
    task::flow::Signal,
};

const fn watermark(millis: i64) -> Signal {
    Signal::Watermark(Watermark::from_millis(millis))
}

const IDLE: Signal = Signal::Status(StreamStatus::Idle);
const ACTIVE: Signal = Signal::Status(StreamStatus::Active);

fn at_seconds(seconds: u64) -> Instant64 {
    Instant64::from_nanos(seconds * 1_000_000_000)
}

fn taken<G, A>(maker: &mut WatermarkMaker<G, A>) -> Vec<Signal> {
    let news = maker.has_news();
    let taken: Vec<_> = std::iter::from_fn(|| maker.take()).collect();
    assert_eq!(news, !taken.is_empty());
    assert!(!maker.has_news());
    taken
}

/// Records are their timestamps.
fn check_periodic(bound_ms: u64, timestamps: &[i64], expected: &[Signal]) {
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_millis(bound_ms))
        .with_timestamp_assigner(|record: &i64, _| Timestamp::from_millis(*record));
    let mut maker = strategy.build::<i64>();
    for timestamp in timestamps {
        assert_eq!(maker.on_record(timestamp, None), Some(Timestamp::from_millis(*timestamp)));
        assert!(!maker.has_news(), "periodic watermarks come with the period");
    }
    maker.on_period::<i64>(at_seconds(0));
    assert_eq!(taken(&mut maker), expected);
}

#[test]
fn bounded_out_of_orderness() {
    check_periodic(0, &[], &[]);
    check_periodic(0, &[5], &[watermark(4)]);
    check_periodic(3, &[5, 9, 7], &[watermark(5)]);
    check_periodic(3, &[-9], &[watermark(-13)]);
    // One before the beginning of time is no progress.
    check_periodic(3, &[i64::MIN], &[]);
    check_periodic(u64::MAX, &[7], &[watermark(7 - i64::MAX - 1)]);
}

#[test]
fn timestamps_of_the_source_are_kept() {
    let mut maker = WatermarkStrategy::for_monotonous_timestamps().build::<&str>();
    assert_eq!(maker.on_record(&"none", None), None);
    maker.on_period::<&str>(at_seconds(0));
    assert_eq!(taken(&mut maker), []);
    let timestamp = Some(Timestamp::from_millis(8));
    assert_eq!(maker.on_record(&"some", timestamp), timestamp);
    maker.on_period::<&str>(at_seconds(0));
    assert_eq!(taken(&mut maker), [watermark(7)]);
}

#[test]
fn punctuated_watermarks_leave_with_their_record() {
    let strategy = WatermarkStrategy::for_punctuated(|record: &i64, timestamp| {
        (record % 2 == 0).then_some(Watermark(timestamp))
    });
    let mut maker =
        strategy.with_timestamp_assigner(|record: &i64, _| Timestamp::from_millis(*record)).build();
    let expected = [(1, None), (4, Some(4)), (2, None), (6, Some(6)), (6, None)];
    for (record, expected) in expected {
        maker.on_record(&record, None);
        assert_eq!(taken(&mut maker), expected.map(watermark).into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn no_watermarks_but_the_last() {
    let mut maker = WatermarkStrategy::no_watermarks().build::<i64>();
    maker.on_record(&1, Some(Timestamp::MAX));
    maker.on_period::<i64>(at_seconds(0));
    maker.on_watermark(Watermark::from_millis(3));
    assert_eq!(taken(&mut maker), []);
    maker.on_watermark(Watermark::MAX);
    assert_eq!(taken(&mut maker), [Signal::Watermark(Watermark::MAX)]);
}

#[test]
fn idle_after_the_timeout_and_active_with_progress() {
    let mut maker = WatermarkStrategy::for_monotonous_timestamps()
        .with_idleness(Duration::from_secs(10))
        .build::<()>();
    let mut period = |records: &[i64], second: u64, expected: &[Signal]| {
        for millis in records {
            maker.on_record(&(), Some(Timestamp::from_millis(*millis)));
        }
        maker.on_period::<()>(at_seconds(second));
        assert_eq!(taken(&mut maker), expected, "at second {second}");
    };
    period(&[7], 0, &[watermark(6)]);
    period(&[], 1, &[]);
    period(&[], 10, &[]);
    period(&[], 11, &[IDLE]);
    period(&[], 30, &[]);
    // A record without progress does not wake the stream: its watermark says nothing new.
    period(&[7], 31, &[]);
    period(&[8], 32, &[ACTIVE, watermark(7)]);
    period(&[9], 33, &[watermark(8)]);
    period(&[], 34, &[]);
    period(&[], 44, &[IDLE]);
}

#[test]
fn paused_is_not_idle() {
    let mut maker = WatermarkStrategy::for_monotonous_timestamps()
        .with_idleness(Duration::from_secs(10))
        .build::<()>();
    maker.on_period::<()>(at_seconds(1));
    maker.on_resumed();
    maker.on_period::<()>(at_seconds(100));
    assert_eq!(taken(&mut maker), []);
    maker.on_period::<()>(at_seconds(110));
    assert_eq!(taken(&mut maker), [IDLE]);
}

/// What subtask `index` of `count` says first, and after a record at 20, when those before had the
/// latest timestamps `latest` and looked at them last; `None` for an idle one.
fn check_restored(
    latest: &[Option<i64>],
    (index, count): (u32, u32),
    expected: (&[Signal], &[Signal]),
) {
    let strategy = WatermarkStrategy::for_bounded_out_of_orderness(Duration::from_millis(3))
        .with_idleness(Duration::from_secs(1));
    let streams = Parallelism(latest.len() as u32);
    let before = (0..).map(SubtaskIndex).zip(latest).map(|(own, latest)| {
        let mut maker = strategy.build::<()>();
        maker.on_record(&(), Some(Timestamp::from_millis(latest.unwrap_or(1))));
        maker.on_period::<()>(at_seconds(1));
        if latest.is_none() {
            maker.on_period::<()>(at_seconds(2));
            maker.on_period::<()>(at_seconds(3));
        }
        (maker.image((own, streams)), maker.generator_state::<()>())
    });
    let (images, states) = before.unzip();
    let mut maker = strategy.build::<()>();
    maker.restore::<()>(images, states, (SubtaskIndex(index), Parallelism(count)));
    assert_eq!(taken(&mut maker), expected.0);
    maker.on_record(&(), Some(Timestamp::from_millis(20)));
    maker.on_period::<()>(at_seconds(9));
    assert_eq!(taken(&mut maker), expected.1);
}

#[test]
fn restored_where_it_stopped() {
    // Each from its own.
    check_restored(&[Some(10), Some(30)], (0, 2), (&[watermark(6)], &[watermark(16)]));
    check_restored(&[Some(10), Some(30)], (1, 2), (&[watermark(26)], &[]));
    check_restored(&[Some(10), None], (1, 2), (&[watermark(-3), IDLE], &[ACTIVE, watermark(16)]));
    // From the least of those that count.
    check_restored(&[Some(40), Some(30)], (0, 1), (&[watermark(26)], &[]));
    check_restored(&[Some(10), Some(30)], (2, 3), (&[watermark(6)], &[watermark(16)]));
    check_restored(&[Some(10), None], (0, 3), (&[watermark(6)], &[watermark(16)]));
    check_restored(&[None, None], (0, 1), (&[watermark(-3), IDLE], &[ACTIVE, watermark(16)]));
    // Of an operator that was not there.
    check_restored(&[], (0, 1), (&[], &[watermark(16)]));
}

#[test]
fn restored_without_those_that_had_ended() {
    let strategy = WatermarkStrategy::for_monotonous_timestamps();
    let image = |index, watermark| WatermarkImage {
        index,
        count: 3,
        watermark: Timestamp::from_millis(watermark),
        is_idle: false,
    };
    let restored = |place: (u32, u32)| {
        let mut maker = strategy.build::<()>();
        let place = (SubtaskIndex(place.0), Parallelism(place.1));
        maker.restore::<()>(vec![image(0, 10), image(2, 30)], vec![], place);
        taken(&mut maker)
    };
    assert_eq!([restored((0, 3)), restored((2, 3))], [vec![watermark(10)], vec![watermark(30)]]);
    assert!(restored((1, 3)).is_empty(), "it had ended");
    assert_eq!(restored((1, 2)), [watermark(10)], "another parallelism: the least");
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Emit(i64),
    Idle,
    Active,
    Taken,
}

fn said() -> impl Strategy<Value = Said> {
    prop_oneof![
        4 => (0..20_i64).prop_map(Said::Emit),
        1 => Just(Said::Idle),
        1 => Just(Said::Active),
        3 => Just(Said::Taken),
    ]
}

proptest! {
    /// Whatever a generator says, what leaves is a rising sequence with sensible statuses, and
    /// after it everybody knows the latest.
    #[test]
    fn output_is_well_formed(said in prop::collection::vec(said(), 0..60)) {
        let mut output = WatermarkOutput::new();
        let (mut highest, mut status) = (Watermark::MIN, StreamStatus::Active);
        for said in said.into_iter().chain([Said::Taken]) {
            match said {
                Said::Emit(millis) => output.emit_watermark(Watermark::from_millis(millis)),
                Said::Idle => output.mark_idle(),
                Said::Active => output.mark_active(),
                Said::Taken => {
                    while let Some(signal) = output.take() {
                        match signal {
                            Signal::Watermark(watermark) => {
                                prop_assert!(watermark > highest);
                                prop_assert_eq!(status, StreamStatus::Active);
                                highest = watermark;
                            }
                            Signal::Barrier(_) => unreachable!("not of a strategy"),
                            Signal::Status(next) => {
                                prop_assert!(next != status);
                                status = next;
                            }
                        }
                    }
                    prop_assert_eq!((highest, status), (output.watermark(), output.status()));
                }
            }
        }
    }
}
