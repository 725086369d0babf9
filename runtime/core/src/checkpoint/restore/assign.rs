//! The assignment itself.

use std::collections::BTreeMap;
use std::{ops::Range, sync::Arc};

use super::error::RestoreError;
use crate::checkpoint::handle::{
    BackendKind, CompletedCheckpoint, KeyedStateHandle, OperatorState, OperatorStateHandle,
    RedistributionMode, StateHandle, StateSchema,
};
use crate::graph::{
    KeyGroup, KeyGroupRange, MaxParallelism, OperatorId, Parallelism, SubtaskIndex,
};

/// An operator of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetOperator {
    /// What its state is found by.
    pub id: OperatorId,
    /// How many subtasks it has now.
    pub parallelism: Parallelism,
    /// How many key groups.
    pub max_parallelism: MaxParallelism,
}

/// A checkpoint, dealt out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The operators of the program that have something in the checkpoint; all others begin empty.
    pub operators: BTreeMap<OperatorId, RestoredOperator>,
    /// Operators whose state is left out, as allowed.
    pub left_out: Vec<String>,
}

/// What an operator gets, by subtask.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoredOperator {
    /// As many as its parallelism.
    pub subtasks: Vec<SubtaskShare>,
}

/// What a subtask gets.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct SubtaskShare {
    /// Whether it had seen all its input and made all it makes of it: this subtask, or, at another
    /// parallelism, all of them.
    pub finished: bool,
    /// How many subtasks the operator had.
    pub subtasks_then: u32,
    /// Those of them that had not finished.
    pub running_then: Arc<[SubtaskIndex]>,
    /// Its key groups, from one old handle or several.
    pub keyed: Vec<KeyedShare>,
    /// By state.
    pub operator: Vec<OperatorShare>,
}

/// The part of a keyed handle that a subtask gets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeyedShare {
    /// The whole handle.
    pub handle: KeyedStateHandle,
    /// The groups of it that are wanted. Not empty.
    pub groups: KeyGroupRange,
    /// Where those are in the handle's state, if its format has them in order: one run of bytes.
    pub bytes: Option<Range<u64>>,
}

/// A state of elements, as a subtask gets it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OperatorShare {
    /// Name and types.
    pub schema: StateSchema,
    /// How it was dealt out.
    pub mode: RedistributionMode,
    /// The elements, in order.
    pub elements: Vec<ElementShare>,
}

/// Elements of one handle.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ElementShare {
    /// Where the bytes are.
    pub state: StateHandle,
    /// Each element in them.
    pub elements: Vec<Range<u64>>,
}

/// Deals a checkpoint out to the operators of a program. `allow_non_restored_state` leaves state out
/// that no operator of the program has.
///
/// # Errors
/// When state would be left out otherwise, key groups don't fit, or the checkpoint contradicts itself.
pub fn assign(
    checkpoint: &CompletedCheckpoint,
    program: &[TargetOperator],
    allow_non_restored_state: bool,
) -> Result<Restored, RestoreError> {
    let mut left_out = Vec::new();
    let mut operators = BTreeMap::new();
    for state in &checkpoint.operators {
        let Some(target) = program.iter().find(|target| target.id == state.id) else {
            if !state.is_empty() {
                left_out.push(state.label());
            }
            continue;
        };
        check_parallelism(state, target)?;
        operators.insert(state.id, assign_operator(state, target)?);
    }
    if !left_out.is_empty() && !allow_non_restored_state {
        return Err(RestoreError::NonRestoredState { operators: left_out });
    }
    Ok(Restored { operators, left_out })
}

fn check_parallelism(state: &OperatorState, target: &TargetOperator) -> Result<(), RestoreError> {
    let keyed = state.subtasks.iter().any(|subtask| !subtask.keyed.is_empty());
    if keyed && state.max_parallelism != target.max_parallelism {
        return Err(RestoreError::MaxParallelism {
            operator: state.label(),
            stored: state.max_parallelism,
            now: target.max_parallelism,
        });
    }
    if target.parallelism.0 > target.max_parallelism.0 {
        return Err(RestoreError::Parallelism {
            operator: state.label(),
            parallelism: target.parallelism,
            max: target.max_parallelism,
        });
    }
    Ok(())
}

fn assign_operator(
    state: &OperatorState,
    target: &TargetOperator,
) -> Result<RestoredOperator, RestoreError> {
    check_overlaps(state)?;
    let running = state.indexed_subtasks().filter(|(_, subtask)| !subtask.finished);
    let share = SubtaskShare {
        subtasks_then: state.parallelism().0,
        running_then: running.map(|(index, _)| index).collect(),
        ..SubtaskShare::default()
    };
    let mut subtasks = vec![share; target.parallelism.0 as usize];
    for (index, share) in target.parallelism.subtasks().zip(&mut subtasks) {
        let groups = KeyGroupRange::of_subtask(index, target.parallelism, target.max_parallelism);
        let handles = state.subtasks.iter().flat_map(|subtask| &subtask.keyed);
        let own = state
            .subtasks
            .get(index.0 as usize)
            .filter(|_| target.parallelism == state.parallelism());
        share.finished = own.map_or(state.is_finished(), |own| own.finished);
        share.keyed = handles.filter_map(|handle| keyed_share(handle, groups)).collect();
    }
    assign_elements(state, &mut subtasks);
    Ok(RestoredOperator { subtasks })
}

fn check_overlaps(state: &OperatorState) -> Result<(), RestoreError> {
    let mut owners = BTreeMap::new();
    for (index, subtask) in state.indexed_subtasks() {
        for group in subtask.keyed.iter().flat_map(|keyed| keyed.range.iter()) {
            if let Some(first) = owners.insert(group, index) {
                return Err(RestoreError::OverlappingKeyGroups {
                    operator: state.label(),
                    group: group.0,
                    first: first.0,
                    second: index.0,
                });
            }
        }
    }
    Ok(())
}

fn keyed_share(handle: &KeyedStateHandle, wanted: KeyGroupRange) -> Option<KeyedShare> {
    let groups = handle.range.intersection(wanted);
    if groups.is_empty() {
        return None;
    }
    let in_order = handle.backend == BackendKind::Canonical || !handle.offsets.is_empty();
    let bytes = in_order.then(|| {
        let begin_of = |group: Option<KeyGroup>| {
            let behind = |at: &KeyGroup| group.is_some_and(|group| *at < group);
            let place = handle.offsets.partition_point(|offset| behind(&offset.group));
            handle.offsets.get(place).map_or(handle.state.len(), |offset| offset.offset)
        };
        let end = groups.last().map(|last| KeyGroup(last.0 + 1));
        begin_of(groups.first())..begin_of(end)
    });
    Some(KeyedShare { handle: handle.clone(), groups, bytes })
}

/// Each element of a handle.
fn elements_of(handle: &OperatorStateHandle) -> Vec<Range<u64>> {
    let ends = handle.offsets.iter().skip(1).copied().chain([handle.state.len()]);
    handle.offsets.iter().copied().zip(ends).map(|(begin, end)| begin..end).collect()
}

fn assign_elements(state: &OperatorState, subtasks: &mut [SubtaskShare]) {
    // Elements dealt so far, by state: the turn goes on from handle to handle.
    let mut dealt: BTreeMap<&str, usize> = BTreeMap::new();
    let same = subtasks.len() == state.subtasks.len();
    for (index, old) in state.subtasks.iter().enumerate() {
        for handle in &old.operator {
            match handle.mode {
                RedistributionMode::Split if same => {
                    give(&mut subtasks[index], handle, elements_of(handle));
                }
                RedistributionMode::Split => {
                    let next = dealt.entry(&handle.schema.name).or_default();
                    deal(handle, next, subtasks);
                }
                RedistributionMode::Union => {
                    for subtask in subtasks.iter_mut() {
                        give(subtask, handle, elements_of(handle));
                    }
                }
                RedistributionMode::Broadcast => {
                    let copies = copies_of(state, &handle.schema.name);
                    let own = copies.iter().position(|copy| *copy == index);
                    let own = own.expect("this subtask has a copy");
                    // The readers are spread over the copies, as over files.
                    for subtask in subtasks.iter_mut().skip(own).step_by(copies.len()) {
                        give(subtask, handle, elements_of(handle));
                    }
                }
            }
        }
    }
}

/// The old subtasks that have a copy of this broadcast state.
fn copies_of(state: &OperatorState, name: &str) -> Vec<usize> {
    let has = |index: &usize| {
        let handles = &state.subtasks[*index].operator;
        handles.iter().any(|handle| {
            handle.mode == RedistributionMode::Broadcast && handle.schema.name == name
        })
    };
    (0..state.subtasks.len()).filter(has).collect()
}

fn deal(handle: &OperatorStateHandle, next: &mut usize, subtasks: &mut [SubtaskShare]) {
    let count = subtasks.len();
    let mut shares: Vec<Vec<Range<u64>>> = vec![Vec::new(); count];
    for element in elements_of(handle) {
        shares[*next % count].push(element);
        *next += 1;
    }
    for (subtask, share) in subtasks.iter_mut().zip(shares) {
        if !share.is_empty() {
            give(subtask, handle, share);
        }
    }
}

fn give(subtask: &mut SubtaskShare, handle: &OperatorStateHandle, elements: Vec<Range<u64>>) {
    let same = |share: &OperatorShare| {
        share.schema.name == handle.schema.name && share.mode == handle.mode
    };
    let place = subtask.operator.iter().position(same).unwrap_or_else(|| {
        subtask.operator.push(OperatorShare {
            schema: handle.schema.clone(),
            mode: handle.mode,
            elements: Vec::new(),
        });
        subtask.operator.len() - 1
    });
    let share = ElementShare { state: handle.state.clone(), elements };
    subtask.operator[place].elements.push(share);
}
