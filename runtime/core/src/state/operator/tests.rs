//! Lists of functions: handed over and taken back, alone and in whole jobs.

use std::{collections::BTreeMap, sync::Arc};

use super::{BroadcastState, FunctionInitializationContext, FunctionSnapshotContext};
use crate::{
    BoxError,
    api::StreamExecutionEnvironment,
    chain::{BroadcastProcessFunction, Collector},
    checkpoint::{
        handle::{OperatorStateHandle, RedistributionMode, StateHandle, SubtaskState},
        restore::{SubtaskShare, TargetOperator, assign},
    },
    graph::{NodeId, OperatorId, Parallelism},
    job::SimulatedCluster,
    state::snapshot::tests::{GROUPS, checkpoint_of},
    task::{
        Context, OperatorPlan,
        snapshot::{OperatorSnapshot, RestoredState, TaskRestore},
    },
};
use brisk_memory::config::Configuration;

fn restored(share: SubtaskShare) -> RestoredState {
    let id = OperatorId::of_uid("test");
    let plan = OperatorPlan { node: NodeId(0), id, name: "Test".to_owned() };
    let operators = BTreeMap::from([(id, share)]);
    let restore =
        TaskRestore { folder: "/".into(), copies: None, operators, in_flight: Vec::new() };
    RestoredState::new(Some(Arc::new(restore)), &plan, None)
}

/// What `hand_over` makes in each of `old` subtasks, as each of `new` finds it.
fn rescaled(
    old: u64,
    new: u32,
    hand_over: impl Fn(u64, &mut FunctionSnapshotContext<'_>),
) -> Vec<RestoredState> {
    let subtask = |index| {
        let mut out = OperatorSnapshot::default();
        hand_over(index, &mut FunctionSnapshotContext::new(&mut out, "Test"));
        let handle = |list: crate::task::snapshot::ListSnapshot| {
            let (mut offsets, mut bytes) = (Vec::new(), Vec::new());
            for element in &list.elements {
                offsets.push(bytes.len() as u64);
                bytes.extend_from_slice(element);
            }
            let state = StateHandle::Inline(bytes.into());
            OperatorStateHandle { schema: list.schema, mode: list.mode, offsets, state }
        };
        let operator = out.lists.into_iter().map(handle).collect();
        SubtaskState { operator, ..SubtaskState::default() }
    };
    let id = OperatorId::of_uid("test");
    let checkpoint = checkpoint_of((0..old).map(subtask).collect());
    let parallelism = Parallelism(new);
    let target = TargetOperator { id, parallelism, max_parallelism: GROUPS };
    let mut assigned = assign(&checkpoint, &[target], false).unwrap();
    let shares = assigned.operators.remove(&id).unwrap().subtasks;
    shares.into_iter().map(restored).collect()
}

#[test]
fn lists_come_back_as_they_were_said_to() {
    let found = rescaled(3, 2, |index, context| {
        let text = |n: u64| format!("element {n} of {index}");
        context.list("split", &[text(0), text(1)]).unwrap();
        context.union_list("union", &[index]).unwrap();
        context.broadcast("broadcast", &[(7u8, "same".to_owned())]).unwrap();
    });
    let mut split = Vec::new();
    for state in &found {
        let context = FunctionInitializationContext::new(state);
        assert!(context.is_restored());
        split.extend(context.elements::<String>("split").unwrap());
        assert_eq!(context.elements::<u64>("union").unwrap(), [0, 1, 2]);
        let broadcast = context.elements::<(u8, String)>("broadcast").unwrap();
        assert_eq!(broadcast, [(7, "same".to_owned())]);
        assert!(context.elements::<u64>("never written").unwrap().is_empty());
    }
    split.sort();
    let expected = (0..2).flat_map(|n| (0..3).map(move |index| format!("element {n} of {index}")));
    assert_eq!(split, expected.collect::<Vec<_>>());
}

#[test]
fn another_type_and_a_name_used_twice_are_errors() {
    let found = rescaled(1, 1, |_, context| {
        context.list("numbers", &[1u64]).unwrap();
        let twice = context.union_list("numbers", &[2u64]).unwrap_err().to_string();
        assert!(twice.contains("'numbers'") && twice.contains("Test"), "{twice}");
    });
    let context = FunctionInitializationContext::new(&found[0]);
    let refused = context.elements::<String>("numbers").unwrap_err().to_string();
    for part in ["'numbers'", "'Test'", "u64", "String"] {
        assert!(refused.contains(part), "{refused}");
    }
}

/// Keeps the broadcast numbers by their last digit; says how many it has at the end.
#[derive(Clone)]
struct Digits;

impl BroadcastProcessFunction<u64, u64> for Digits {
    type Out = (u64, u64);
    type Key = u64;
    type Value = u64;

    fn process_element(
        &mut self,
        _item: u64,
        _state: &BroadcastState<u64, u64>,
        _context: &mut Context<'_>,
        _out: &mut Collector<(u64, u64)>,
    ) -> Result<(), BoxError> {
        Ok(())
    }

    fn process_broadcast_element(
        &mut self,
        item: u64,
        state: &mut BroadcastState<u64, u64>,
        _context: &mut Context<'_>,
        _out: &mut Collector<(u64, u64)>,
    ) -> Result<(), BoxError> {
        *state.entry(item % 10).or_default() += 1;
        Ok(())
    }

    fn finish(
        &mut self,
        state: &BroadcastState<u64, u64>,
        _context: &mut Context<'_>,
        out: &mut Collector<(u64, u64)>,
    ) -> Result<(), BoxError> {
        out.extend(state.iter().map(|(digit, count)| (*digit, *count)));
        Ok(())
    }
}

#[test]
fn a_broadcast_stream_reaches_the_state_of_all_subtasks() {
    for seed in 0..8 {
        let mut cluster = SimulatedCluster::from_seed(seed).expect("memory for a test");
        let env = StreamExecutionEnvironment::with_configuration(Configuration::new()).unwrap();
        env.set_parallelism(3);
        let records = env.from_collection((0..100u64).collect::<Vec<_>>()).rebalance();
        let rules = env.from_collection((0..50u64).collect::<Vec<_>>());
        let found = records.connect(rules).process_broadcast(Digits).collect();
        env.execute_on(&mut cluster, "broadcast").unwrap();
        let mut found = found.take();
        found.sort_unstable();
        let expected = (0..10).flat_map(|digit| [(digit, 5); 3]);
        assert_eq!(found, expected.collect::<Vec<_>>());
    }
}

#[test]
fn modes_are_those_of_the_handles() {
    let found = rescaled(2, 1, |_, context| context.union_list("all", &[1u8]).unwrap());
    let list = found[0].list("all").unwrap();
    assert_eq!(list.mode, RedistributionMode::Union);
}
