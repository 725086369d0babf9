use proptest::prelude::*;
use std::time::Duration;

use super::*;
use crate::time::window::{
    Collected,
    TimeDomain::EventTime,
    sliced::twin::{Kind, Twin, TwinFired},
};

type Windows = SessionWindows<u32, Vec<u32>>;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn session(time: i64, gap: i64) -> TimeWindow {
    TimeWindow::new(at(time), at(time + gap))
}

fn asked(key: u32) -> AskedKey<impl Fn(&u32) -> bool, impl FnOnce() -> u32> {
    AskedKey { hash: key % 2, is: move |known: &u32| *known == key, make: move || key }
}

fn taken(windows: &mut Windows) -> Vec<TwinFired> {
    let plain = |fired: FiredTime<u32, Vec<u32>>| {
        let FiredTime { key, window, mut content } = fired;
        content.sort_unstable();
        (key, (window.start().millis(), window.end().millis()), content)
    };
    std::iter::from_fn(|| windows.next_fired()).map(plain).collect()
}

fn feed(
    windows: &mut Windows,
    key: u32,
    window: TimeWindow,
    record: u32,
) -> (Vec<TwinFired>, bool) {
    match windows.feed(asked(key), window, record, &Collected) {
        Fed::Late(_) => (Vec::new(), true),
        Fed::Taken(Fires::Nothing) => (Vec::new(), false),
        Fed::Taken(Fires::Results) => (taken(windows), false),
        Fed::Outside => unreachable!("a record makes its own session"),
    }
}

fn advance(windows: &mut Windows, watermark: i64) -> Vec<TwinFired> {
    windows.advance(Watermark(at(watermark)));
    let fired = taken(windows);
    assert!(fired.is_sorted_by_key(|(_, (_, end), _)| *end), "in order of time");
    fired
}

fn windows(lateness: u64) -> Windows {
    SessionWindows::new(AllowedLateness::new(Duration::from_millis(lateness)))
}

#[test]
fn a_record_joins_two_sessions() {
    let mut windows = windows(0);
    feed(&mut windows, 1, session(0, 10), 0);
    feed(&mut windows, 1, session(20, 10), 1);
    feed(&mut windows, 2, session(5, 10), 2);
    assert_eq!(advance(&mut windows, 8), []);
    // From where the first ends to where the second begins.
    feed(&mut windows, 1, session(10, 10), 3);
    assert_eq!(advance(&mut windows, 28), [(2, (5, 15), vec![2])]);
    assert_eq!(advance(&mut windows, 29), [(1, (0, 30), vec![0, 1, 3])]);
    assert_eq!(windows.images(EventTime), []);
}

#[test]
fn late_by_itself_but_not_with_its_session() {
    let mut windows = windows(0);
    feed(&mut windows, 1, session(20, 10), 0);
    advance(&mut windows, 25);
    assert_eq!(feed(&mut windows, 1, session(12, 10), 1), (vec![], false));
    assert_eq!(feed(&mut windows, 1, session(0, 10), 2), (vec![], true));
    assert_eq!(feed(&mut windows, 1, session(2, 10), 3), (vec![], false));
    assert_eq!(advance(&mut windows, 29), [(1, (2, 30), vec![0, 1, 3])]);
}

#[test]
fn a_session_that_has_fired_goes_on() {
    let mut windows = windows(100);
    feed(&mut windows, 1, session(0, 10), 0);
    assert_eq!(advance(&mut windows, 12), [(1, (0, 10), vec![0])]);
    // Late for the end it had: it fires again at once, and with more at the new end.
    assert_eq!(feed(&mut windows, 1, session(1, 10), 1), (vec![(1, (0, 11), vec![0, 1])], false));
    assert_eq!(feed(&mut windows, 1, session(8, 10), 2), (vec![], false));
    assert_eq!(advance(&mut windows, 17), [(1, (0, 18), vec![0, 1, 2])]);
    assert_eq!(advance(&mut windows, 116), []);
    assert!(!windows.images(EventTime).is_empty());
    assert_eq!(advance(&mut windows, 117), []);
    assert_eq!(windows.images(EventTime), []);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Feed { key: u32, ahead: i64 },
    Advance(i64),
    Restore,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..5_u32, -60..80_i64).prop_map(|(key, ahead)| Step::Feed { key, ahead }),
        3 => (0..40_i64).prop_map(Step::Advance),
        1 => Just(Step::Restore),
    ]
}

proptest! {
    #[test]
    fn like_windows_one_by_one(
        gap in 1_i64..20,
        lateness in prop_oneof![Just(0_i64), 0..60_i64],
        steps in prop::collection::vec(step(), 0..150),
    ) {
        let (mut sessions, mut now) = (windows(lateness as u64), -100);
        let mut twin = Twin::new(Kind::Session { gap }, lateness);
        for (record, step) in steps.into_iter().chain([Step::Advance(10_000)]).enumerate() {
            match step {
                Step::Feed { key, ahead } => {
                    let (time, record) = (now + ahead, record as u32);
                    let fed = feed(&mut sessions, key, session(time, gap), record);
                    prop_assert_eq!(fed, twin.feed(key, time, record));
                }
                Step::Advance(by) => {
                    now += by;
                    let fired = advance(&mut sessions, now);
                    let (mut fired, mut expected) = (fired, twin.advance(now));
                    fired.sort();
                    expected.sort();
                    prop_assert_eq!(fired, expected);
                }
                Step::Restore => {
                    let mut restored = windows(lateness as u64);
                    restored.advance(sessions.watermark());
                    for image in sessions.images(EventTime) {
                        prop_assert_eq!(restored.put_back(image.key % 2, image), Ok(()));
                    }
                    prop_assert_eq!(restored.finish_restore(Vec::new()), Ok(()));
                    sessions = restored;
                }
            }
        }
        prop_assert_eq!(twin.len(), 0);
        prop_assert_eq!(sessions.images(EventTime), vec![]);
        prop_assert_eq!(sessions.next_due(), None);
    }
}
