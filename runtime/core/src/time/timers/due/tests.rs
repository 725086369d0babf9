use proptest::prelude::*;

use super::*;
use crate::state::table::tests::{arena, supply};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn due(queue: &mut DueQueue, now: i64) -> Vec<(i64, u32)> {
    let pop = || queue.pop_due(at(now));
    std::iter::from_fn(pop).map(|due| (due.time.millis(), due.hash)).collect()
}

fn push(queue: &mut DueQueue, time: i64, hash: u32) {
    queue.push(Due { time: at(time), hash }).unwrap();
}

#[test]
fn in_order_of_time_then_of_arrival() {
    let arena = arena(20);
    let mut queue = DueQueue::new(supply(&arena));
    for (time, hash) in [(5, 1), (3, 9), (5, 0), (-4, 2), (3, 1), (i64::MAX, 7), (i64::MIN, 8)] {
        push(&mut queue, time, hash);
    }
    assert_eq!(queue.next_time(), Some(Timestamp::MIN));
    assert_eq!(due(&mut queue, 4), [(i64::MIN, 8), (-4, 2), (3, 9), (3, 1)]);
    assert_eq!(queue.next_time(), Some(at(5)));
    push(&mut queue, 1, 3);
    assert_eq!(due(&mut queue, i64::MAX), [(1, 3), (5, 1), (5, 0), (i64::MAX, 7)]);
    assert_eq!((queue.len(), queue.next_time()), (0, None));
}

#[test]
fn memory_that_ends_is_an_error_and_what_is_in_comes_out() {
    let arena = arena(10);
    let mut queue = DueQueue::new(supply(&arena));
    // Times that differ in many bits, so that many lists begin anew while they are dealt out.
    let times = (0..1_000_000_i64).map(|number| number * 2_654_435_761 % 1_000_003);
    let mut expected = Vec::new();
    let mut failed = false;
    for time in times {
        match queue.push(Due { time: at(time), hash: time as u32 }) {
            Ok(()) => expected.push((time, time as u32)),
            Err(error) => {
                assert!(matches!(error, StateError::OutOfMemory { .. }));
                failed = true;
                break;
            }
        }
    }
    assert!(failed && expected.len() > 1000);
    expected.sort_unstable();
    assert_eq!(due(&mut queue, i64::MAX), expected);
    assert_eq!(queue.len(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Push(i64),
    Advance(i64),
    /// Leaves hashes that this does not divide.
    Retain(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (-50..2000_i64).prop_map(Step::Push),
        8 => (0..20_i64).prop_map(Step::Push),
        1 => (0..200_i64).prop_map(Step::Advance),
        1 => (2..5_u32).prop_map(Step::Retain),
    ]
}

proptest! {
    /// The twin: a list in order of arrival, searched each time.
    #[test]
    fn like_its_twin(steps in prop::collection::vec(step(), 0..300)) {
        let arena = arena(100);
        let mut queue = DueQueue::new(supply(&arena));
        let (mut twin, mut now) = (Vec::<(i64, u32)>::new(), -50);
        for (hash, step) in (0..).zip(steps) {
            match step {
                Step::Push(time) => {
                    push(&mut queue, time, hash);
                    twin.push((time, hash));
                }
                Step::Advance(by) => {
                    let before = now;
                    now += by;
                    let (mut expected, rest): (Vec<_>, Vec<_>) =
                        twin.iter().partition(|(time, _)| *time <= now);
                    twin = rest;
                    let mut found = due(&mut queue, now);
                    // What came too late is somewhere among them, the rest is in order.
                    let in_time = |found: &[(i64, u32)]| -> Vec<(i64, u32)> {
                        found.iter().copied().filter(|(time, _)| *time > before).collect()
                    };
                    expected.sort_by_key(|(time, _)| *time);
                    prop_assert_eq!(in_time(&found), in_time(&expected));
                    found.sort_unstable();
                    expected.sort_unstable();
                    prop_assert_eq!(found, expected);
                }
                Step::Retain(of) => {
                    let keep = |hash: u32| !hash.is_multiple_of(of);
                    queue.retain(|due| Ok::<_, ()>(keep(due.hash))).unwrap();
                    twin.retain(|(_, hash)| keep(*hash));
                }
            }
            prop_assert_eq!(queue.len(), twin.len());
            let least = twin.iter().map(|(time, _)| *time).min();
            prop_assert_eq!(queue.next_time().is_some(), least.is_some());
            if let Some((next, least)) = queue.next_time().zip(least) {
                prop_assert!(next.millis() <= least);
            }
        }
    }
}
