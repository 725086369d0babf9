use proptest::prelude::*;

use super::*;

fn second(second: u64) -> Instant64 {
    Instant64::from_nanos(second * 1_000_000_000)
}

fn alignment(group: &str, drift_ms: u64, interval_seconds: u64) -> Alignment {
    let (drift, interval) =
        (Duration::from_millis(drift_ms), Duration::from_secs(interval_seconds));
    Alignment::new(group, drift, interval)
}

const fn at(millis: i64) -> Progress {
    Progress::At(Watermark::from_millis(millis))
}

fn check_due(groups: &mut AlignmentGroups, now: u64, expected: &[(u32, Watermark)]) {
    let due: Vec<_> = groups.due(second(now)).into_iter().map(|a| (a.source.0, a.limit)).collect();
    assert_eq!(due, expected, "at second {now}");
}

#[test]
fn the_slowest_and_the_drift_make_the_limit() {
    let mut groups = AlignmentGroups::new();
    assert_eq!(groups.next_due(), None);
    groups.join(AlignedSource(0), alignment("a", 100, 1), 2, second(0));
    groups.join(AlignedSource(1), alignment("a", 30, 3), 1, second(0));
    groups.join(AlignedSource(2), alignment("b", 7, 1), 1, second(0));
    let limit = Watermark::from_millis;

    check_due(&mut groups, 0, &[]);
    assert_eq!(groups.next_due(), Some(second(1)));
    // Who has not reported holds the others at the beginning.
    groups.report(AlignedSource(0), 0, at(1_000));
    let begin = |drift| Watermark(Timestamp::MIN.plus_millis(drift));
    check_due(&mut groups, 1, &[(0, begin(100)), (2, begin(7))]);

    groups.report(AlignedSource(0), 1, at(2_000));
    groups.report(AlignedSource(1), 0, at(900));
    groups.report(AlignedSource(2), 0, at(5));
    check_due(&mut groups, 3, &[(0, limit(1_000)), (1, limit(930)), (2, limit(12))]);

    groups.report(AlignedSource(1), 0, Progress::Idle);
    check_due(&mut groups, 4, &[(0, limit(1_100)), (2, limit(12))]);
    groups.leave(AlignedSource(0));
    groups.report(AlignedSource(0), 0, at(1));
    check_due(&mut groups, 6, &[(1, Watermark::MAX), (2, limit(12))]);
}

#[test]
fn the_end_of_time_is_no_overflow() {
    let mut groups = AlignmentGroups::new();
    groups.join(AlignedSource(0), alignment("a", u64::MAX, 1), 1, second(0));
    groups.report(AlignedSource(0), 0, Progress::At(Watermark::MAX));
    check_due(&mut groups, 1, &[(0, Watermark::MAX)]);
}

#[test]
fn a_source_that_joins_again_begins_anew() {
    let mut groups = AlignmentGroups::new();
    groups.join(AlignedSource(0), alignment("a", 10, 1), 1, second(0));
    groups.report(AlignedSource(0), 0, at(50));
    groups.join(AlignedSource(0), alignment("a", 10, 1), 1, second(5));
    assert_eq!(groups.watermark("a"), Some(Watermark::MIN));
    assert_eq!(groups.next_due(), Some(second(6)));
}

#[test]
fn splits_pause_and_resume() {
    let (one, two) = (SplitIndex(1), SplitIndex(2));
    let limit = Watermark::from_millis;
    let mut pace = SplitPace::new();
    assert_eq!(pace.progress(), Progress::Idle);
    pace.add(one);
    pace.add(two);
    assert_eq!(pace.progress(), Progress::At(Watermark::MIN));
    assert_eq!(pace.on_watermark(one, limit(50)), None);
    assert_eq!(pace.on_watermark(two, limit(10)), None);
    assert_eq!(pace.on_limit(limit(20)), [Pace::Pause(one)]);
    assert_eq!(pace.excess(), Duration::from_millis(30));
    assert_eq!(pace.progress(), at(10));
    assert!(!pace.is_paused());
    assert_eq!(pace.on_watermark(two, limit(20)), None);
    assert_eq!(pace.on_watermark(two, limit(21)), Some(Pace::Pause(two)));
    assert!(pace.is_paused());
    // A paused split can't be idle.
    pace.on_idle(two);
    assert_eq!(pace.progress(), at(21));
    assert_eq!(pace.on_limit(limit(31)), [Pace::Resume(two)]);
    pace.on_idle(two);
    assert_eq!(pace.progress(), at(50));
    assert_eq!(pace.on_limit(limit(60)), [Pace::Resume(one)]);
    pace.remove(one);
    assert_eq!(pace.progress(), Progress::Idle);
    assert_eq!(pace.on_watermark(one, limit(99)), None);
}

use crate::time::Timestamp;

proptest! {
    /// Sources of different speeds: nobody gets further ahead of the slowest than drift and what
    /// it reads between two announcements, and everybody arrives.
    #[test]
    fn nobody_runs_away(
        speeds in prop::collection::vec(1_i64..50, 1..6),
        drift in 0_i64..200,
    ) {
        const END: i64 = 2_000;
        let mut groups = AlignmentGroups::new();
        let mut readers = Vec::new();
        for source in 0..speeds.len() as u32 {
            groups.join(AlignedSource(source), alignment("all", drift as u64, 1), 1, second(0));
            let mut pace = SplitPace::new();
            pace.add(SplitIndex(0));
            readers.push((0_i64, pace));
        }
        let fastest = *speeds.iter().max().unwrap();
        let mut now = 0;
        while readers.iter().any(|(position, _)| *position < END) {
            now += 1;
            prop_assert!(now < END as u64 * 60, "no progress");
            for ((position, pace), speed) in readers.iter_mut().zip(&speeds) {
                if !pace.is_paused() && *position < END {
                    *position += speed;
                    pace.on_watermark(SplitIndex(0), Watermark::from_millis(*position));
                }
            }
            for (source, (position, pace)) in readers.iter().enumerate() {
                let done = *position >= END;
                let progress = if done { Progress::Idle } else { pace.progress() };
                groups.report(AlignedSource(source as u32), 0, progress);
            }
            for Announcement { source, limit } in groups.due(second(now)) {
                readers[source.0 as usize].1.on_limit(limit);
            }
            let active = readers.iter().map(|(position, _)| *position).filter(|p| *p < END);
            if let (Some(least), Some(most)) = (active.clone().min(), active.max()) {
                prop_assert!(most - least <= drift + fastest + fastest);
            }
        }
    }
}
