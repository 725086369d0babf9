use std::{
    cell::RefCell,
    rc::Rc,
    sync::{Arc, atomic::AtomicBool},
    task::Waker,
};

use brisk_memory::{
    Arena, ArenaOptions, Pool, PoolOptions, SegmentCount, SegmentSize, Taken, driver::Instant64,
};
use brisk_network::{
    BufferBuilder, ChannelIndex, Event, InputGate, Item, Polled, ReadyList,
    barrier::{BarrierKind, Guarantee},
};

use super::*;
use crate::{
    checkpoint::storage::JobManagerStorage,
    graph::{JobId, OperatorId},
    state::spill::SpillGround,
    task::{
        Attempt, OperatorPlan, TaskKey, WorkerId,
        inputs::{Due, Input},
    },
    worker::{CheckpointRun, JobKey, JobListener, StateDestination, TaskEnd, TaskReport},
};

struct Nobody;

impl JobListener for Nobody {
    fn deployed(&self, _: WorkerId) {}

    fn task_ended(&self, _: TaskReport, _: TaskEnd) {}

    fn snapshot_acknowledged(
        &self,
        _: TaskKey,
        _: CheckpointId,
        _: crate::checkpoint::coordinator::TaskSnapshot,
    ) {
    }

    fn snapshot_declined(&self, _: TaskKey, _: CheckpointId, _: DeclineReason) {}
}

/// A job of which no checkpoint is under way.
fn run() -> Arc<JobRun> {
    let storage = StateDestination::Inline(JobManagerStorage::default());
    Arc::new(JobRun {
        alignment: Arc::default(),
        key: JobKey(1),
        interrupt: Arc::new(AtomicBool::new(false)),
        buffer_timeout: None,
        listener: Arc::new(Nobody),
        checkpointing: CheckpointRun::new(Guarantee::ExactlyOnce, storage),
    })
}

fn plan() -> SubtaskPlan {
    let operator =
        OperatorPlan { node: NodeId(0), id: OperatorId::of_uid("a task"), name: "a task".into() };
    SubtaskPlan {
        key: TaskKey(1),
        job_id: JobId::from_bytes([0; 16]),
        attempt: Attempt(0),
        job: "a job".into(),
        task: "a task".into(),
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
    }
}

fn pool(arena: &Arena) -> Pool {
    let options = PoolOptions {
        owner: "a test".to_string(),
        required: SegmentCount(2),
        max: SegmentCount(2),
        overdraft: SegmentCount(0),
        waker: Waker::noop().clone(),
    };
    arena.network().create_pool(options).expect("it fits")
}

/// One producer has declined the checkpoint, so its barrier never comes; the barrier of the other
/// comes after word that the checkpoint has ended. What was captured of the first must go back to it,
/// or it waits for its segments for ever.
#[test]
fn a_barrier_of_a_checkpoint_that_has_ended_keeps_no_segment() {
    let arena = Arena::map(ArenaOptions {
        segment_size: SegmentSize::new(4096).expect("a legal size"),
        network: SegmentCount(2),
        ..ArenaOptions::default()
    });
    let arena = arena.expect("memory for a test");
    let mut pool = pool(&arena);
    let Taken::Segment(segment) = pool.take() else { panic!("the pool is full") };
    let mut builder = BufferBuilder::new();
    builder.open(segment, usize::MAX);
    assert!(builder.append(0, b"a record"));
    let buffer = builder.finish().expect("it holds a record");

    let list = ReadyList::new();
    let gate = Rc::new(RefCell::new(InputGate::new(2, list.signal(1))));
    let mut barriers = Barriers::new(vec![Input::new(Rc::clone(&gate), 0)], Guarantee::ExactlyOnce);
    let barrier = CheckpointBarrier {
        checkpoint: CheckpointId(3),
        started_ms: 0,
        kind: BarrierKind::Unaligned,
    };
    gate.borrow_mut().deliver(ChannelIndex(0), Item::Buffer(buffer));
    gate.borrow_mut().deliver(ChannelIndex(1), Item::Event(Event::Barrier(barrier)));

    let now = Now { instant: Instant64::from_nanos(0), wall_ms: 0 };
    let mut cuts = Cuts::new(run());
    barriers.poll_urgent(now);
    let Some(Due::Trigger { barrier, captures }) = barriers.next_due() else {
        panic!("a barrier that overtakes is passed on at once")
    };
    cuts.begin(barrier, captures, now);
    let plan = plan();
    cuts.end(CutEnd { plan: &plan, barriers: &mut barriers, overtaken: Vec::new(), now });

    let polled = gate.borrow_mut().poll();
    assert!(matches!(polled, Polled::Item(ChannelIndex(0), Item::Buffer(_))), "{polled:?}");
    drop(polled);
    let (Taken::Segment(_one), Taken::Segment(_other)) = (pool.take(), pool.take()) else {
        panic!("the producer has both segments again")
    };
}
