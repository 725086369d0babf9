//! A running task without its types.

use brisk_network::PartitionStats;

use super::{CheckpointEnd, Cx, inputs::Due};
use crate::{
    chain::Chain,
    error::Error,
    exchange::Terminal,
    task::flow::{Drive, Flow, Signal},
};

/// What a worker does with a task.
pub trait TaskBody {
    /// Called once before the first drive.
    fn open(&mut self, cx: &mut Cx) -> Result<(), Error>;

    /// Runs for a quantum.
    fn drive(&mut self, cx: &mut Cx) -> Drive;

    /// Whether all outputs have room.
    fn has_room(&mut self, cx: &mut Cx) -> bool;

    /// Sends what lies in open buffers.
    fn flush(&mut self, cx: &mut Cx);

    /// Ends all outputs; false while there is no room.
    fn end(&mut self, cx: &mut Cx) -> bool;

    /// Passes on what was announced, and does what barriers ask for, between two drives; taken
    /// whatever the answer.
    fn pass_due(&mut self, cx: &mut Cx) -> Flow;

    /// A checkpoint that the task took part in has come to its end.
    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error>;

    /// Called once at the very end.
    fn close(&mut self, cx: &mut Cx);

    /// What was sent so far, and the segments in use and allowed.
    fn output_stats(&self, cx: &Cx) -> (PartitionStats, (u32, u32));
}

/// A chain and what it is driven into.
#[derive(Debug)]
pub struct ChainTask<C, S> {
    chain: C,
    sink: S,
}

impl<C: Chain, S: Terminal<C::Out>> ChainTask<C, S> {
    /// A task of this chain and this end.
    pub fn new(chain: C, sink: S) -> Self {
        Self { chain, sink }
    }
}

impl<C: Chain, S: Terminal<C::Out>> ChainTask<C, S> {
    /// Passes on what the head announced in a drive that ended with `drive`.
    #[cold]
    #[inline(never)]
    fn pass_on(&mut self, drive: Drive, cx: &mut Cx) -> Drive {
        let flow = self.pass_due(cx);
        match (flow, drive) {
            (Flow::Stop, _) => Drive::Failed,
            // It must not rest for want of input while something waits for room.
            (Flow::Pause, Drive::More | Drive::Starved) => Drive::Paused,
            _ => drive,
        }
    }
}

impl<C: Chain, S: Terminal<C::Out>> TaskBody for ChainTask<C, S> {
    fn open(&mut self, cx: &mut Cx) -> Result<(), Error> {
        self.chain.open(cx)
    }

    fn drive(&mut self, cx: &mut Cx) -> Drive {
        let drive = self.chain.drive(&mut self.sink, cx);
        if cx.has_news() && drive != Drive::Failed { self.pass_on(drive, cx) } else { drive }
    }

    fn has_room(&mut self, cx: &mut Cx) -> bool {
        self.sink.has_room() && cx.sides_have_room()
    }

    fn flush(&mut self, cx: &mut Cx) {
        self.sink.flush();
        cx.flush_sides();
    }

    fn end(&mut self, cx: &mut Cx) -> bool {
        // Both are told, so that neither waits for the other.
        let main = self.sink.end();
        cx.end_sides() && main
    }

    #[cold]
    fn pass_due(&mut self, cx: &mut Cx) -> Flow {
        let mut flow = Flow::Continue;
        for signal in cx.take_signals() {
            flow = flow.and(self.chain.inject(signal, &mut self.sink, cx));
        }
        while let Some(due) = cx.barriers.next_due() {
            match due {
                Due::Trigger { barrier, captures } => {
                    cx.begin_cut(barrier, captures);
                    let signal = Signal::Barrier(barrier);
                    flow = flow.and(self.chain.inject(signal, &mut self.sink, cx));
                    cx.end_cut(self.sink.take_captured());
                }
                Due::Captured(checkpoint) => cx.captured(checkpoint),
                Due::Abort(checkpoint, reason) => {
                    self.sink.cancel_checkpoint(checkpoint);
                    cx.abort_cut(checkpoint, reason);
                }
            }
        }
        flow
    }

    fn checkpoint_ended(&mut self, end: CheckpointEnd, cx: &mut Cx) -> Result<(), Error> {
        self.chain.checkpoint_ended(end, cx)
    }

    fn close(&mut self, cx: &mut Cx) {
        self.chain.close(cx);
    }

    fn output_stats(&self, cx: &Cx) -> (PartitionStats, (u32, u32)) {
        let mut stats = PartitionStats::default();
        self.sink.add_stats(&mut stats);
        let (used, allowed) = self.sink.pool_usage();
        let (side_used, side_allowed) = cx.add_side_stats(&mut stats);
        (stats, (used + side_used, allowed + side_allowed))
    }
}
