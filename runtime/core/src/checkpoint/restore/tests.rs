use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::checkpoint::handle::{
    BackendKind, CompletedCheckpoint, KeyGroupOffset, KeyedStateHandle, OperatorState,
    OperatorStateHandle, RedistributionMode, StateHandle, StateKind, StateSchema, SubtaskState,
};
use crate::checkpoint::{CheckpointId, CheckpointKind, Millis};
use crate::graph::{KeyGroupRange, MaxParallelism, OperatorId, Parallelism, SubtaskIndex};

fn schema(name: &str, kind: StateKind) -> StateSchema {
    StateSchema { name: name.to_owned(), kind, fingerprint: 1, shape: "u64".to_owned() }
}

fn inline(len: usize) -> StateHandle {
    StateHandle::Inline(Arc::from(vec![0_u8; len]))
}

const GROUPS: MaxParallelism = MaxParallelism(16);

/// Ten bytes for each key group.
fn keyed(index: u32, parallelism: u32) -> KeyedStateHandle {
    let range = KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(parallelism), GROUPS);
    let offsets = range.iter().zip(0_u64..);
    KeyedStateHandle {
        backend: BackendKind::Canonical,
        range,
        schemas: vec![schema("count", StateKind::Value)],
        offsets: offsets.map(|(group, at)| KeyGroupOffset { group, offset: 10 * at }).collect(),
        state: inline(10 * range.len()),
        shared: Vec::new(),
    }
}

/// Elements of two bytes.
fn elements(name: &str, mode: RedistributionMode, count: u64) -> OperatorStateHandle {
    OperatorStateHandle {
        schema: schema(name, StateKind::Elements),
        mode,
        offsets: (0..count).map(|element| 2 * element).collect(),
        state: inline(2 * count as usize),
    }
}

fn operator(uid: &str, subtasks: Vec<SubtaskState>) -> OperatorState {
    OperatorState {
        id: OperatorId::of_uid(uid),
        uid: Some(uid.to_owned()),
        name: format!("name of {uid}"),
        max_parallelism: GROUPS,
        subtasks,
    }
}

fn checkpoint(operators: Vec<OperatorState>) -> CompletedCheckpoint {
    CompletedCheckpoint {
        job: "00112233445566778899aabbccddeeff".parse().unwrap(),
        id: CheckpointId(1),
        kind: CheckpointKind::Checkpoint { unaligned: true },
        triggered_at: Millis(0),
        completed_at: Millis(0),
        operators,
    }
}

fn target(uid: &str, parallelism: u32) -> TargetOperator {
    TargetOperator {
        id: OperatorId::of_uid(uid),
        parallelism: Parallelism(parallelism),
        max_parallelism: GROUPS,
    }
}

/// Everything for one operator, at one parallelism and then another.
fn rescale(old: u32, new: u32) -> RestoredOperator {
    let subtask = |index: u32| SubtaskState {
        finished: false,
        keyed: vec![keyed(index, old)],
        operator: vec![
            elements("split", RedistributionMode::Split, u64::from(index) + 2),
            elements("union", RedistributionMode::Union, 1),
            elements("broadcast", RedistributionMode::Broadcast, 3),
        ],
        channels: Vec::new(),
    };
    let checkpoint = checkpoint(vec![operator("a", (0..old).map(subtask).collect())]);
    let restored = assign(&checkpoint, &[target("a", new)], false).unwrap();
    restored.operators[&OperatorId::of_uid("a")].clone()
}

fn count(share: &OperatorShare) -> usize {
    share.elements.iter().map(|part| part.elements.len()).sum()
}

fn check_rescaled(old: u32, new: u32) {
    let restored = rescale(old, new);
    assert_eq!(restored.subtasks.len(), new as usize);
    let mut groups = BTreeSet::new();
    let mut split = Vec::new();
    for (index, share) in (0..new).zip(&restored.subtasks) {
        let own = KeyGroupRange::of_subtask(SubtaskIndex(index), Parallelism(new), GROUPS);
        for keyed in &share.keyed {
            for group in keyed.groups.iter() {
                assert!(own.contains(group) && groups.insert(group), "{old} to {new}: {group}");
            }
            let bytes = keyed.bytes.clone().unwrap();
            assert_eq!(bytes.end - bytes.start, 10 * keyed.groups.len() as u64);
            let first = keyed.groups.first().unwrap().0 - keyed.handle.range.first().unwrap().0;
            assert_eq!(bytes.start, u64::from(10 * first));
        }
        for state in &share.operator {
            match state.mode {
                RedistributionMode::Split => split.push(count(state)),
                RedistributionMode::Union => assert_eq!(count(state), old as usize),
                RedistributionMode::Broadcast => assert_eq!(count(state), 3),
            }
        }
        let modes: BTreeSet<_> = share.operator.iter().map(|state| state.mode).collect();
        assert!(modes.contains(&RedistributionMode::Broadcast), "{old} to {new}");
    }
    assert_eq!(groups.len(), GROUPS.0 as usize, "every key group has an owner");
    let all: u32 = (0..old).map(|index| index + 2).sum();
    assert_eq!(split.iter().sum::<usize>(), all as usize, "every element once");
    if old == new {
        let kept: Vec<_> = (0..old as usize).map(|index| index + 2).collect();
        assert_eq!(split, kept, "nothing moves without need");
    } else {
        let (least, most) = (split.iter().min().unwrap(), split.iter().max().unwrap());
        assert!(most - least <= 1 || split.len() < new as usize, "{split:?}: evenly");
    }
}

#[test]
fn every_parallelism_to_every_other() {
    for old in [1, 2, 3, 7, 16] {
        for new in [1, 2, 3, 7, 16] {
            check_rescaled(old, new);
        }
    }
}

proptest! {
    #[test]
    fn back_and_forth_keeps_every_key_group(old in 1_u32..16, new in 1_u32..16) {
        check_rescaled(old, new);
        check_rescaled(new, old);
    }
}

#[test]
fn key_groups_without_state_have_no_bytes() {
    let mut handle = keyed(0, 1);
    // Groups 3 and 9 have state, no other.
    handle.offsets = vec![handle.offsets[3], handle.offsets[9]];
    handle.offsets[0].offset = 0;
    handle.offsets[1].offset = 50;
    let subtask = SubtaskState { keyed: vec![handle], ..SubtaskState::default() };
    let checkpoint = checkpoint(vec![operator("a", vec![subtask])]);
    let restored = assign(&checkpoint, &[target("a", 4)], false).unwrap();
    let bytes: Vec<_> = restored.operators[&OperatorId::of_uid("a")]
        .subtasks
        .iter()
        .map(|share| share.keyed[0].bytes.clone().unwrap())
        .collect();
    assert_eq!(bytes, [0..50, 50..50, 50..160, 160..160]);
}

#[test]
fn state_without_an_operator_is_an_error_unless_allowed() {
    let full = SubtaskState { keyed: vec![keyed(0, 1)], ..SubtaskState::default() };
    let checkpoint = checkpoint(vec![
        operator("kept", vec![full.clone()]),
        operator("removed", vec![full]),
        operator("stateless", vec![SubtaskState::default()]),
    ]);
    // A new operator begins empty; the order doesn't matter.
    let program = [target("new", 2), target("kept", 1)];
    let refused = assign(&checkpoint, &program, false).unwrap_err().to_string();
    assert!(refused.contains("'name of removed' (uid 'removed', id "), "{refused}");
    assert!(refused.contains("--allowNonRestoredState"), "{refused}");
    assert!(!refused.contains("stateless"), "{refused}");
    let restored = assign(&checkpoint, &program, true).unwrap();
    assert_eq!(restored.operators.len(), 1);
    assert_eq!(restored.left_out.len(), 1);
}

#[test]
fn key_groups_have_to_fit() {
    let full = SubtaskState { keyed: vec![keyed(0, 1)], ..SubtaskState::default() };
    let stored = checkpoint(vec![operator("a", vec![full.clone()])]);
    let mut wrong = target("a", 2);
    wrong.max_parallelism = MaxParallelism(128);
    let refused = assign(&stored, &[wrong.clone()], false).unwrap_err().to_string();
    assert!(refused.contains("set its max parallelism to 16"), "{refused}");
    // Without keyed state it may change.
    let list = SubtaskState {
        operator: vec![elements("x", RedistributionMode::Split, 1)],
        ..SubtaskState::default()
    };
    assign(&checkpoint(vec![operator("a", vec![list])]), &[wrong], false).unwrap();
    let refused = assign(&stored, &[target("a", 17)], false).unwrap_err().to_string();
    assert!(refused.contains("above its max parallelism 16"), "{refused}");
    let twice = checkpoint(vec![operator("a", vec![full.clone(), full])]);
    let refused = assign(&twice, &[target("a", 1)], false).unwrap_err().to_string();
    assert!(refused.contains("key group 0 has state twice, in subtasks 0 and 1"), "{refused}");
}

#[test]
fn a_finished_operator_stays_finished() {
    let all = operator("a", vec![SubtaskState::finished(), SubtaskState::finished()]);
    let some = operator("b", vec![SubtaskState::finished(), SubtaskState::default()]);
    let stored = checkpoint(vec![all, some]);
    let check = |parallelism, expected: [&[bool]; 2]| {
        let targets = [target("a", parallelism), target("b", parallelism)];
        let restored = assign(&stored, &targets, false).unwrap();
        for (name, expected) in ["a", "b"].into_iter().zip(expected) {
            let subtasks = &restored.operators[&OperatorId::of_uid(name)].subtasks;
            let finished: Vec<bool> = subtasks.iter().map(|share| share.finished).collect();
            assert_eq!(finished, expected, "{name} at {parallelism}");
        }
    };
    check(2, [&[true; 2], &[true, false]]);
    check(3, [&[true; 3], &[false; 3]]);
}

#[test]
fn a_changed_type_is_named_with_both_shapes() {
    let stored = schema("count", StateKind::Value);
    check_schema("'agg'", &stored, &stored).unwrap();
    let now = StateSchema { fingerprint: 2, shape: "(u64, u64)".to_owned(), ..stored.clone() };
    let refused = check_schema("'agg' (uid 'a')", &stored, &now).unwrap_err().to_string();
    assert_eq!(
        refused,
        "state 'count' of operator 'agg' (uid 'a') was written as a value of u64, but the program \
         reads it as a value of (u64, u64): change the type back, declare a migration, or give the \
         state another name"
    );
    let list = StateSchema { kind: StateKind::List, ..stored.clone() };
    assert!(check_schema("x", &stored, &list).is_err());
}
