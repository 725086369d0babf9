use super::*;

fn check<T, A>(assigner: A, record: T, time: i64, expected: &[(i64, i64)])
where
    A: WindowAssigner<T, Window = TimeWindow>,
{
    let mut windows = Vec::new();
    assigner.assign(&record, Timestamp::from_millis(time), &mut windows);
    let bounds = windows.iter().map(|w| (w.start().millis(), w.end().millis()));
    assert_eq!(bounds.collect::<Vec<_>>(), expected);
}

const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn tumbling() {
    check(TumblingEventTimeWindows::of(millis(5_000)), (), 4_999, &[(0, 5_000)]);
    check(TumblingEventTimeWindows::of(millis(5_000)), (), 5_000, &[(5_000, 10_000)]);
    check(TumblingEventTimeWindows::of(millis(5_000)), (), -1, &[(-5_000, 0)]);
    check(TumblingEventTimeWindows::with_offset(millis(5_000), 100), (), 99, &[(-4_900, 100)]);
    check(TumblingEventTimeWindows::with_offset(millis(5_000), -100), (), 0, &[(-100, 4_900)]);
    assert_eq!(TumblingProcessingTimeWindows::of(millis(1)).domain(), TimeDomain::ProcessingTime);
}

#[test]
fn sliding() {
    let windows = SlidingEventTimeWindows::of(millis(5_000), millis(1_000));
    let expected = [4, 3, 2, 1, 0].map(|start| (start * 1_000, start * 1_000 + 5_000));
    check(windows, (), 4_999, &expected);
    let windows = SlidingEventTimeWindows::with_offset(millis(5_000), millis(3_000), -2_000);
    check(windows, (), 333, &[(-2_000, 3_000)]);
    check(windows, (), -333, &[(-2_000, 3_000), (-5_000, 0)]);
    check(windows, (), 3_333, &[(1_000, 6_000)]);
}

#[test]
fn sessions() {
    check(EventTimeSessionWindows::with_gap(millis(50)), (), -7, &[(-7, 43)]);
    let dynamic = EventTimeSessionWindows::with_dynamic_gap(|record: &u64| millis(*record));
    check(dynamic, 9, 100, &[(100, 109)]);
    let merges = ProcessingTimeSessionWindows::with_gap(millis(50));
    assert!(WindowAssigner::<()>::is_merging(&merges));
    assert_eq!(merges.domain(), TimeDomain::ProcessingTime);
}

#[test]
#[should_panic(expected = "the gap of a session must be at least 1 ms")]
fn a_gap_is_not_zero() {
    check(EventTimeSessionWindows::with_dynamic_gap(|_: &()| Duration::ZERO), (), 0, &[]);
}
