//! The end of a task whose outputs are known only when the job is deployed.

use brisk_network::{CapturedOutput, PartitionStats};

use super::{EdgeWriter, Fork, Outlet, Writer};
use crate::{
    Record,
    checkpoint::CheckpointId,
    task::Cx,
    task::flow::{Flow, Push, Signal},
};

/// One edge, written through a static type, or any number behind `dyn`.
#[derive(Debug)]
pub enum Tail<T> {
    /// The usual case.
    Single(Writer<T>),
    /// Several readers, none, or a keyed one among others.
    Fork(Fork<T>),
}

impl<T: Record> Push<T> for Tail<T> {
    #[inline(always)]
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        match self {
            Self::Single(writer) => writer.write(&item, cx),
            Self::Fork(fork) => fork.push(item, cx),
        }
    }

    fn signal(&mut self, signal: Signal, cx: &mut Cx) -> Flow {
        match self {
            Self::Single(writer) => Push::signal(writer, signal, cx),
            Self::Fork(fork) => Push::signal(fork, signal, cx),
        }
    }

    #[inline]
    fn ready(&mut self, cx: &mut Cx) -> Flow {
        match self {
            Self::Single(writer) => writer.ready(cx),
            Self::Fork(fork) => fork.ready(cx),
        }
    }
}

impl<T: Record> Tail<T> {
    fn outlet(&mut self) -> &mut dyn Outlet {
        match self {
            Self::Single(writer) => writer,
            Self::Fork(fork) => fork,
        }
    }
}

impl<T: Record> Outlet for Tail<T> {
    fn has_room(&mut self) -> bool {
        self.outlet().has_room()
    }

    fn signal(&mut self, signal: Signal) -> Flow {
        self.outlet().signal(signal)
    }

    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.outlet().cancel_checkpoint(checkpoint);
    }

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        self.outlet().take_captured()
    }

    fn flush(&mut self) {
        self.outlet().flush();
    }

    fn end(&mut self) -> bool {
        self.outlet().end()
    }

    fn add_stats(&self, total: &mut PartitionStats) {
        match self {
            Self::Single(writer) => writer.add_stats(total),
            Self::Fork(fork) => fork.add_stats(total),
        }
    }

    fn pool_usage(&self) -> (u32, u32) {
        match self {
            Self::Single(writer) => writer.pool_usage(),
            Self::Fork(fork) => fork.pool_usage(),
        }
    }
}
