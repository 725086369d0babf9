use proptest::prelude::*;
use std::collections::BTreeSet;

use super::*;
use crate::{
    exchange::key_group_of,
    graph::{KeyGroup, MaxParallelism},
    record::key_hash,
    time::Timestamp,
};

const GROUPS: MaxParallelism = MaxParallelism(16);

fn timer(key: u64, namespace: u32) -> Timer<u64, u32> {
    Timer { key_hash: key_hash(&key), key, namespace }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn queue() -> TimerQueue<u64, u32> {
    TimerQueue::new(GROUPS)
}

fn due(queue: &mut TimerQueue<u64, u32>, now: i64) -> Vec<(i64, u64, u32)> {
    let pop = || queue.pop_due(at(now));
    std::iter::from_fn(pop).map(|(time, t)| (time.millis(), t.key, t.namespace)).collect()
}

#[test]
fn in_order_of_time_then_of_registration() {
    let mut queue = queue();
    for (time, key) in [(5, 1), (3, 9), (5, 0), (-4, 2), (3, 1)] {
        assert!(queue.register(at(time), timer(key, 0)));
    }
    assert_eq!(queue.next_time(), Some(at(-4)));
    assert_eq!(due(&mut queue, 4), [(-4, 2, 0), (3, 9, 0), (3, 1, 0)]);
    assert_eq!(due(&mut queue, 4), []);
    assert_eq!(due(&mut queue, 5), [(5, 1, 0), (5, 0, 0)]);
    assert!(queue.is_empty());
    assert_eq!(queue.next_time(), None);
    queue.verify_invariants();
}

#[test]
fn the_same_timer_is_one() {
    let mut queue = queue();
    assert!(queue.register(at(5), timer(1, 0)));
    assert!(!queue.register(at(5), timer(1, 0)));
    assert!(queue.register(at(5), timer(1, 1)));
    assert!(queue.register(at(6), timer(1, 0)));
    assert_eq!(queue.len(), 3);
    assert!(queue.delete(at(5), &timer(1, 0)));
    assert!(!queue.delete(at(5), &timer(1, 0)));
    assert!(!queue.delete(at(7), &timer(1, 0)));
    assert_eq!(due(&mut queue, 9), [(5, 1, 1), (6, 1, 0)]);
}

#[test]
fn a_time_that_was_emptied_is_used_again() {
    let mut queue = queue();
    for round in 0..3 {
        for key in 0..20 {
            assert!(queue.register(at(5), timer(key, 0)), "round {round}");
        }
        for key in 0..20 {
            assert!(queue.delete(at(5), &timer(key, 0)), "round {round}");
        }
        assert!(queue.is_empty());
    }
    assert_eq!(queue.next_time(), None);
    queue.verify_invariants();
}

#[test]
fn timers_registered_while_others_fire() {
    let mut queue = queue();
    queue.register(at(5), timer(1, 0));
    queue.register(at(7), timer(2, 0));
    assert_eq!(queue.pop_due(at(8)), Some((at(5), timer(1, 0))));
    // For the past, for the same time again, and for the future.
    queue.register(at(-3), timer(3, 0));
    queue.register(at(5), timer(1, 0));
    queue.register(at(9), timer(1, 0));
    assert_eq!(due(&mut queue, 8), [(-3, 3, 0), (5, 1, 0), (7, 2, 0)]);
    assert_eq!(due(&mut queue, i64::MAX), [(9, 1, 0)]);
}

#[test]
fn timers_at_the_ends_of_time() {
    let mut queue = queue();
    queue.register(Timestamp::MAX, timer(1, 0));
    queue.register(Timestamp::MIN, timer(2, 0));
    assert_eq!(due(&mut queue, i64::MIN), [(i64::MIN, 2, 0)]);
    assert_eq!(due(&mut queue, i64::MAX), [(i64::MAX, 1, 0)]);
}

#[test]
fn snapshots_by_key_group() {
    let mut queue = queue();
    for key in 0..100 {
        queue.register(at(key as i64 % 3), timer(key, 7));
    }
    let groups = queue.by_key_group();
    assert!(groups.is_sorted_by(|(a, _), (b, _)| a < b));
    let mut keys = BTreeSet::new();
    for (group, timers) in groups {
        for (time, timer) in timers {
            let expected = key_group_of(key_hash(&timer.key), GROUPS.0 as usize) as u32;
            assert_eq!(group, KeyGroup(expected));
            assert_eq!(time.millis(), timer.key as i64 % 3);
            assert!(keys.insert(timer.key));
        }
    }
    assert_eq!(keys.len(), 100);
}

#[test]
fn filled_again_it_fires_the_same() {
    let mut queue = queue();
    for key in 0..60 {
        queue.register(at(key as i64 % 4), timer(59 - key, key as u32 % 2));
    }
    queue.delete(at(2), &timer(17, 0));
    assert_eq!(queue.pop_due(at(0)).map(|(time, _)| time), Some(at(0)));
    let mut filled = self::queue();
    queue.iter().for_each(|(time, timer)| assert!(filled.register(time, timer.clone())));
    filled.verify_invariants();
    assert_eq!(due(&mut filled, 9), due(&mut queue, 9));
}

#[derive(Clone, Debug)]
enum Step {
    Register(i64, u64, u32),
    Delete(i64, u64, u32),
    Advance(i64),
    Pop(i64),
}

fn step() -> impl Strategy<Value = Step> {
    // Few times, so that some have many timers, and gather and lose them more than once.
    let timer = || (prop_oneof![1 => -5..40_i64, 3 => 0..2_i64], 0..20_u64, 0..3_u32);
    prop_oneof![
        8 => timer().prop_map(|(time, key, namespace)| Step::Register(time, key, namespace)),
        6 => timer().prop_map(|(time, key, namespace)| Step::Delete(time, key, namespace)),
        1 => (-5..40_i64).prop_map(Step::Advance),
        1 => (-5..40_i64).prop_map(Step::Pop),
    ]
}

proptest! {
    /// The twin: a list in order of registration, searched each time.
    #[test]
    fn like_its_twin(steps in prop::collection::vec(step(), 0..400)) {
        let mut queue = queue();
        let mut twin: Vec<(i64, u64, u32)> = Vec::new();
        let pop_twin = |twin: &mut Vec<(i64, u64, u32)>, now: i64| {
            let least = twin.iter().map(|t| t.0).min().filter(|time| *time <= now)?;
            let at = twin.iter().position(|t| t.0 == least)?;
            Some(twin.remove(at))
        };
        for step in steps {
            match step {
                Step::Register(time, key, namespace) => {
                    let is_new = !twin.contains(&(time, key, namespace));
                    if is_new {
                        twin.push((time, key, namespace));
                    }
                    prop_assert_eq!(queue.register(at(time), timer(key, namespace)), is_new);
                }
                Step::Delete(time, key, namespace) => {
                    let before = twin.len();
                    twin.retain(|t| *t != (time, key, namespace));
                    let was_there = before > twin.len();
                    prop_assert_eq!(queue.delete(at(time), &timer(key, namespace)), was_there);
                }
                Step::Advance(now) => {
                    let expected: Vec<_> =
                        std::iter::from_fn(|| pop_twin(&mut twin, now)).collect();
                    prop_assert_eq!(due(&mut queue, now), expected);
                }
                Step::Pop(now) => {
                    let popped = queue.pop_due(at(now));
                    let popped = popped.map(|(time, t)| (time.millis(), t.key, t.namespace));
                    prop_assert_eq!(popped, pop_twin(&mut twin, now));
                }
            }
            prop_assert_eq!(queue.len(), twin.len());
            prop_assert_eq!(queue.next_time().map(Timestamp::millis), twin.iter().map(|t| t.0).min());
            queue.verify_invariants();
        }
    }
}
