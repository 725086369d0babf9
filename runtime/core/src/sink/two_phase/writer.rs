//! From [`TwoPhaseCommitSink`] to a sink of a chain.

use std::{fmt, marker::PhantomData};

use super::{
    contract::TwoPhaseCommitSink,
    protocol::{Finish, Participant, Protocol, Stored},
};
use crate::{
    Record,
    chain::{Sink, SinkContext, SinkWriter},
    checkpoint::CheckpointId,
    error::{BoxError, Error, TaskError},
    graph::NodeId,
    record::{RecordEncoder, checked_copy},
    task::flow::{Drive, Flow},
    task::{Cx, snapshot::OperatorSnapshot},
};

/// A sink that commits in two phases, made by a function for each subtask.
pub struct TwoPhaseCommit<F, S> {
    open: F,
    sink: PhantomData<fn() -> S>,
}

impl<F, S> TwoPhaseCommit<F, S>
where
    F: Fn(&SinkContext, &mut Cx) -> Result<S, BoxError>,
{
    /// The sink whose subtasks are what `open` makes.
    pub fn new(open: F) -> Self {
        Self { open, sink: PhantomData }
    }
}

impl<F: Clone, S> Clone for TwoPhaseCommit<F, S> {
    fn clone(&self) -> Self {
        Self { open: self.open.clone(), sink: PhantomData }
    }
}

impl<F, S> fmt::Debug for TwoPhaseCommit<F, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TwoPhaseCommit({})", std::any::type_name::<S>())
    }
}

impl<T, F, S> Sink<T> for TwoPhaseCommit<F, S>
where
    T: 'static,
    F: Fn(&SinkContext, &mut Cx) -> Result<S, BoxError> + Clone + Send + 'static,
    S: TwoPhaseCommitSink<T>,
{
    type Writer = TwoPhaseCommitWriter<T, S>;

    fn open(
        &self,
        restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        cx: &mut Cx,
    ) -> Result<Self::Writer, Error> {
        let sink = (self.open)(context, cx).map_err(|cause| cx.error(cause_of(cause)))?;
        TwoPhaseCommitWriter::open(sink, restored, context, cx)
    }
}

/// A running sink that commits in two phases.
pub struct TwoPhaseCommitWriter<T, S: TwoPhaseCommitSink<T>> {
    node: NodeId,
    checkpointing: bool,
    sink: S,
    protocol: Protocol<S::Transaction>,
    record: PhantomData<fn(T)>,
}

fn cause_of(cause: BoxError) -> TaskError {
    TaskError::Function(cause)
}

/// A sink with the task it runs in.
struct Of<'a, T, S> {
    sink: &'a mut S,
    cx: &'a mut Cx,
    record: PhantomData<fn(T)>,
}

fn of<'a, T, S>(sink: &'a mut S, cx: &'a mut Cx) -> Of<'a, T, S> {
    Of { sink, cx, record: PhantomData }
}

impl<T, S: TwoPhaseCommitSink<T>> Participant<S::Transaction> for Of<'_, T, S> {
    fn begin(&mut self) -> Result<S::Transaction, BoxError> {
        self.sink.begin_transaction(self.cx)
    }

    fn pre_commit(&mut self, transaction: &mut S::Transaction) -> Result<(), BoxError> {
        self.sink.pre_commit(transaction, self.cx)
    }

    fn is_pre_committed(&mut self, transaction: &S::Transaction) -> Result<bool, BoxError> {
        self.sink.is_pre_committed(transaction, self.cx)
    }

    fn commit(&mut self, transaction: &S::Transaction) -> Result<(), BoxError> {
        self.sink.commit(transaction, self.cx)
    }

    fn abort(&mut self, transaction: &S::Transaction) -> Result<(), BoxError> {
        self.sink.abort(transaction, self.cx)
    }

    fn holds_back(&self) -> bool {
        self.sink.holds_back()
    }

    fn hold_back(&mut self, element: &S::Transaction) -> Result<(), BoxError> {
        self.sink.hold_back(element, self.cx)
    }

    fn input_ended(&mut self) {
        self.sink.input_ended();
    }
}

impl<T, S: TwoPhaseCommitSink<T>> TwoPhaseCommitWriter<T, S> {
    /// Recovers what a checkpoint has of earlier runs, and begins the first transaction: for sinks that
    /// are templates themselves.
    ///
    /// # Errors
    /// When `restored` is not what such a sink left, or the sink says so.
    pub fn open(
        mut sink: S,
        restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        cx: &mut Cx,
    ) -> Result<Self, Error> {
        let elements = restored.as_deref().unwrap_or_default();
        let stored: Result<Vec<_>, TaskError> =
            elements.iter().map(|bytes| decoded(bytes)).collect();
        let stored = stored.map_err(|cause| cx.error(cause))?;
        let mut begin = || {
            Protocol::recover(&stored, &mut of::<T, S>(&mut sink, cx))?;
            sink.recovered(restored.is_some(), cx)?;
            Protocol::begin(&mut of::<T, S>(&mut sink, cx))
        };
        match begin() {
            Ok(protocol) => Ok(Self {
                node: context.node,
                checkpointing: context.checkpointing,
                sink,
                protocol,
                record: PhantomData,
            }),
            Err(cause) => Err(cx.error(cause_of(cause))),
        }
    }

    fn fail(&self, cause: BoxError, cx: &mut Cx) -> Flow {
        cx.fail(self.node, cause_of(cause))
    }

    /// Looks after what is under way, and asks the sink.
    #[inline]
    fn attend(&mut self, cx: &mut Cx) -> Flow {
        let Self { sink, protocol, .. } = self;
        let polled = match protocol.is_under_way() {
            true => protocol.poll(&mut of::<T, S>(sink, cx)),
            false => Ok(()),
        };
        let asked = polled.and_then(|()| match protocol.open_transaction() {
            Some(transaction) => sink.ready(transaction, cx),
            None => Ok(Flow::Continue),
        });
        asked.unwrap_or_else(|cause| self.fail(cause, cx))
    }
}

impl<T, S: TwoPhaseCommitSink<T>> SinkWriter<T> for TwoPhaseCommitWriter<T, S> {
    #[inline]
    fn write(&mut self, item: T, cx: &mut Cx) -> Flow {
        let Self { sink, protocol, .. } = self;
        match sink.invoke(protocol.for_record(), item, cx) {
            Ok(flow) => flow,
            Err(cause) => self.fail(cause, cx),
        }
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        self.attend(cx)
    }

    fn flush(&mut self, cx: &mut Cx) -> Flow {
        self.attend(cx)
    }

    fn snapshot(
        &mut self,
        checkpoint: CheckpointId,
        snapshot: &mut OperatorSnapshot,
        cx: &mut Cx,
    ) -> Result<Vec<Vec<u8>>, BoxError> {
        let Self { sink, protocol, .. } = self;
        protocol.snapshot(checkpoint, snapshot, &mut of::<T, S>(sink, cx))?;
        let mut encoder = RecordEncoder::new();
        let held_back = sink.held_back();
        let all = protocol.stored().chain(held_back.iter().map(Stored::HeldBack));
        Ok(all.map(|stored| encoded(&stored, &mut encoder)).collect())
    }

    fn checkpoint_completed(
        &mut self,
        checkpoint: CheckpointId,
        cx: &mut Cx,
    ) -> Result<(), BoxError> {
        let Self { sink, protocol, .. } = self;
        protocol.completed(checkpoint, &mut of::<T, S>(sink, cx))
    }

    fn finish(&mut self, cx: &mut Cx) -> Drive {
        let Self { sink, protocol, checkpointing, .. } = self;
        match protocol.finish(*checkpointing, &mut of::<T, S>(sink, cx)) {
            Ok(Finish::Done) => Drive::Ended,
            Ok(Finish::Waits) => Drive::Starved,
            Err(cause) => self.fail(cause, cx).interrupts().expect("a failure interrupts"),
        }
    }

    fn close(&mut self, cx: &mut Cx) {
        let Self { sink, protocol, .. } = self;
        if let Err(error) = protocol.close(&mut of::<T, S>(sink, cx)) {
            // The task is over; whoever starts from a checkpoint aborts it again.
            tracing::warn!(%error, "a transaction was not aborted");
        }
    }
}

impl<T, S: TwoPhaseCommitSink<T>> fmt::Debug for TwoPhaseCommitWriter<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TwoPhaseCommitWriter").field("node", &self.node).finish_non_exhaustive()
    }
}

/// First byte of an element; the transaction's archive follows.
const PRE_COMMITTED: u8 = 1;
const OPEN: u8 = 2;
const HELD_BACK: u8 = 3;

fn encoded<X: Record>(stored: &Stored<&X>, encoder: &mut RecordEncoder) -> Vec<u8> {
    let (kind, transaction) = match stored {
        Stored::PreCommitted(transaction) => (PRE_COMMITTED, transaction),
        Stored::Open(transaction) => (OPEN, transaction),
        Stored::HeldBack(transaction) => (HELD_BACK, transaction),
    };
    let archive = encoder.encode_large(*transaction, 64).expect("a transaction of a record's size");
    [&[kind], &archive[..]].concat()
}

/// The opposite, of bytes that come from a disk.
fn decoded<X: Record>(bytes: &[u8]) -> Result<Stored<X>, TaskError> {
    let (kind, archive) = bytes.split_first().unwrap_or((&0, &[]));
    let damaged = |cause| TaskError::DamagedState { state: "writer".to_string(), cause };
    let transaction = checked_copy::<X>(archive).map_err(damaged)?;
    match *kind {
        PRE_COMMITTED => Ok(Stored::PreCommitted(transaction)),
        OPEN => Ok(Stored::Open(transaction)),
        HELD_BACK => Ok(Stored::HeldBack(transaction)),
        _ => Err(TaskError::Function(
            "state 'writer' has a transaction that is neither pre-committed, open nor held back; \
             restore from another checkpoint or savepoint"
                .into(),
        )),
    }
}
