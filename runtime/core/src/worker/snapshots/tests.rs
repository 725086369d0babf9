use std::sync::{Mutex, atomic::AtomicBool};

use brisk_memory::driver::{DriverKind, DriverOptions, SimulatedWorld};
use brisk_network::barrier::Guarantee;

use super::*;
use crate::{
    checkpoint::{
        Alignment, CheckpointKind, Millis,
        coordinator::{BarrierOptions, CheckpointTarget, SnapshotMetrics},
        handle::{BackendKind, KeyGroupOffset, StateHandle},
        storage::JobManagerStorage,
    },
    error::BoxError,
    graph::{JobId, KeyGroupRange, MaxParallelism, NodeId, OperatorId, Parallelism, SubtaskIndex},
    state::spill::SpillGround,
    task::{
        Attempt, OperatorPlan, WorkerId,
        snapshot::{KeyedSnapshot, KeyedStream, OperatorSnapshot},
    },
    worker::{CheckpointRun, JobListener, StateDestination, TaskEnd, TaskReport},
};

/// Acknowledgements, by task.
#[derive(Default)]
struct Heard(Mutex<Vec<(TaskKey, TaskSnapshot)>>);

impl JobListener for Heard {
    fn deployed(&self, _: WorkerId) {}

    fn task_ended(&self, _: TaskReport, _: TaskEnd) {}

    fn snapshot_acknowledged(&self, task: TaskKey, _: CheckpointId, snapshot: TaskSnapshot) {
        self.0.lock().unwrap().push((task, snapshot));
    }

    fn snapshot_declined(&self, task: TaskKey, id: CheckpointId, reason: DeclineReason) {
        panic!("{task:?} declined {id}: {reason:?}");
    }
}

/// So many pieces, each of this byte.
struct Pieces(u32, u8);

impl KeyedStream for Pieces {
    fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, BoxError> {
        let more = self.0 > 0;
        self.0 -= u32::from(more);
        out.extend(std::iter::repeat_n(self.1, if more { PIECE_BYTES } else { 0 }));
        Ok(more)
    }

    fn offsets(&mut self) -> Vec<KeyGroupOffset> {
        Vec::new()
    }
}

const NODE: NodeId = NodeId(0);

fn plan(task: u64) -> Arc<SubtaskPlan> {
    let name = format!("task {task}");
    let operator = OperatorPlan { node: NODE, id: OperatorId::of_uid(&name), name: name.clone() };
    Arc::new(SubtaskPlan {
        key: TaskKey(task),
        job_id: JobId::from_bytes([0; 16]),
        attempt: Attempt(0),
        job: "a job".into(),
        task: name.into(),
        operators: vec![operator].into(),
        subtask: 0,
        parallelism: 1,
        max_parallelism: 1,
        gates: Vec::new(),
        outputs: Vec::new(),
        checkpointing: true,
        backend: None,
        spill: Arc::new(SpillGround::nowhere()),
        restore: None,
        survivors: Default::default(),
    })
}

fn cut(byte: u8) -> TaskCut {
    let all = KeyGroupRange::of_subtask(SubtaskIndex(0), Parallelism(1), MaxParallelism(1));
    let mut operator = OperatorSnapshot::default();
    operator.keyed.push(KeyedSnapshot {
        backend: BackendKind::HashMap,
        range: all,
        schemas: Vec::new(),
        stream: Box::new(Pieces(3, byte)),
    });
    TaskCut {
        options: Arc::new(BarrierOptions {
            id: CheckpointId(1),
            kind: CheckpointKind::Checkpoint { unaligned: false },
            triggered_at: Millis(0),
            alignment: Alignment::Aligned,
            base: None,
            target: CheckpointTarget::Checkpoint,
        }),
        operators: vec![(NODE, operator)],
        channels: Vec::new(),
        captured: true,
        metrics: SnapshotMetrics::default(),
        segments: None,
    }
}

/// A task that was waited for may be ready while the state of another is half written.
#[test]
fn states_are_written_one_after_another() {
    let heard = Arc::new(Heard::default());
    let storage = StateDestination::Inline(JobManagerStorage::default());
    let run = Arc::new(JobRun {
        alignment: Arc::default(),
        key: JobKey(1),
        interrupt: Arc::new(AtomicBool::new(false)),
        buffer_timeout: None,
        listener: Arc::clone(&heard) as Arc<dyn JobListener>,
        checkpointing: CheckpointRun::new(Guarantee::ExactlyOnce, storage),
    });
    let kind = DriverKind::Simulated(SimulatedWorld::from_seed(1));
    let mut driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
    let mut waits = cut(1);
    let ticket = waits.operators[0].1.defer();
    let mut snapshots = Snapshots::default();
    let now = driver.now();
    for (task, cut) in [(1, waits), (2, cut(2))] {
        snapshots.add(0, Handed { run: &run, plan: &plan(task), cut, now });
    }
    assert!(snapshots.advance(&mut driver, |_, _| false), "the second one is begun");
    drop(ticket);
    while !snapshots.is_empty() {
        assert!(snapshots.advance(&mut driver, |_, _| false), "nothing is waited for");
    }
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 2);
    for (task, snapshot) in heard.iter() {
        let [(_, state)] = &snapshot.operators[..] else { panic!("{task:?} has one operator") };
        let StateHandle::Inline(bytes) = &state.keyed[0].state else { panic!("all is inline") };
        assert_eq!(bytes.len(), 3 * PIECE_BYTES, "{task:?}");
        assert!(bytes.iter().all(|byte| u64::from(*byte) == task.0), "{task:?} has its own");
    }
}
