use std::time::Duration;

use super::*;
use crate::time::window::{GlobalWindow, TimeWindow};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn window() -> TimeWindow {
    TimeWindow::new(at(0), at(100))
}

const fn event(millis: i64) -> TimerRequest {
    TimerRequest::Register(TimeDomain::EventTime, Timestamp::from_millis(millis))
}

const fn processing(millis: i64) -> TimerRequest {
    TimerRequest::Register(TimeDomain::ProcessingTime, Timestamp::from_millis(millis))
}

/// Asks at a watermark and a time of the clock, and gives the answer and the requests.
fn asked<O>(
    watermark: i64,
    now: i64,
    ask: impl FnOnce(&mut TriggerContext<'_>) -> O,
) -> (O, Vec<TimerRequest>) {
    let mut requests = Vec::new();
    let (watermark, processing_time) = (Watermark(at(watermark)), at(now));
    let answer = ask(&mut TriggerContext { watermark, processing_time, requests: &mut requests });
    (answer, requests)
}

fn element<'a>(window: &'a TimeWindow, millis: i64) -> Element<'a, (), TimeWindow> {
    Element { record: &(), timestamp: at(millis), window }
}

#[test]
fn event_time() {
    let (trigger, window) = (EventTimeTrigger, window());
    let on_time = asked(98, 0, |context| trigger.on_element(element(&window, 5), &mut (), context));
    assert_eq!(on_time, (TriggerResult::Continue, vec![event(99)]));
    let late = asked(99, 0, |context| trigger.on_element(element(&window, 5), &mut (), context));
    assert_eq!(late, (TriggerResult::Fire, vec![]));
    let time = |time| {
        let on_time = |context: &mut TriggerContext<'_>| {
            Trigger::<(), _>::on_event_time(&trigger, at(time), &window, &mut (), context)
        };
        asked(0, 0, on_time).0
    };
    assert_eq!(time(99), TriggerResult::Fire);
    assert_eq!(time(199), TriggerResult::Continue);
}

#[test]
fn processing_time_fires_at_its_timer() {
    let (trigger, window) = (ProcessingTimeTrigger, window());
    let first = asked(0, 3, |context| trigger.on_element(element(&window, 5), &mut (), context));
    assert_eq!(first, (TriggerResult::Continue, vec![processing(99)]));
}

#[test]
fn continuous_by_the_clock() {
    let (trigger, window) =
        (ContinuousProcessingTimeTrigger::of(Duration::from_millis(40)), window());
    let mut state = None;
    let first =
        asked(0, 45, |context| trigger.on_element(element(&window, 5), &mut state, context));
    assert_eq!(first, (TriggerResult::Continue, vec![processing(80)]));
    let mut time = |time| {
        asked(0, time, |context| {
            Trigger::<(), _>::on_processing_time(&trigger, at(time), &window, &mut state, context)
        })
    };
    assert_eq!(time(60), (TriggerResult::Continue, vec![]));
    assert_eq!(time(80), (TriggerResult::Fire, vec![processing(99)]));
    assert_eq!(time(99), (TriggerResult::Fire, vec![]));
    assert_eq!(state, None);
}

/// A record of long ago, or the end of time, makes one result and not one for each interval.
#[test]
fn continuous_passes_over_what_is_long_ago() {
    let trigger = ContinuousEventTimeTrigger::of(Duration::from_millis(40));
    let window = GlobalWindow;
    let mut state = None;
    let ago = Element { record: &(), timestamp: at(i64::MIN + 5), window: &window };
    let first = asked(1_000, 0, |context| trigger.on_element(ago, &mut state, context));
    let due = state.expect("it fires");
    assert!(due < at(1_000) && first.0 == TriggerResult::Continue);
    let mut time = |time, watermark| {
        asked(watermark, 0, |context| {
            Trigger::<(), _>::on_event_time(&trigger, time, &window, &mut state, context)
        })
    };
    assert_eq!(time(due, 1_000), (TriggerResult::Fire, vec![event(1_040)]));
    assert_eq!(time(at(1_040), i64::MAX), (TriggerResult::Fire, vec![event(i64::MAX)]));
    assert_eq!(time(Timestamp::MAX, i64::MAX), (TriggerResult::Fire, vec![]));
}

#[test]
fn merged_counts_add_up() {
    let (trigger, window) = (CountTrigger::of(4), window());
    let mut state = 1;
    let merged = |context: &mut TriggerContext<'_>| {
        Trigger::<(), _>::on_merge(&trigger, &window, &mut state, vec![2], context);
    };
    asked(0, 0, merged);
    let fourth =
        asked(0, 0, |context| trigger.on_element(element(&window, 5), &mut state, context));
    assert_eq!((fourth.0, state), (TriggerResult::Fire, 0));
}

#[test]
fn purging_keeps_what_does_not_fire() {
    assert!(TriggerResult::FireAndPurge.is_fire() && TriggerResult::FireAndPurge.is_purge());
    let (trigger, window) = (PurgingTrigger::of(CountTrigger::of(2)), window());
    let mut state = 0;
    let mut next =
        || asked(0, 0, |context| trigger.on_element(element(&window, 5), &mut state, context)).0;
    assert_eq!(next(), TriggerResult::Continue);
    assert_eq!(next(), TriggerResult::FireAndPurge);
}
