//! What a task knows of its outputs without knowing their types.

use brisk_network::{CapturedOutput, PartitionStats};
use std::any::Any;

use crate::{
    checkpoint::CheckpointId,
    task::Cx,
    task::flow::{Flow, Push, Signal},
};

/// An output of a task, for everything but records.
pub trait Outlet {
    /// True when a task that paused because of this output may go on.
    fn has_room(&mut self) -> bool;

    /// Tells all readers, in order with the records.
    fn signal(&mut self, signal: Signal) -> Flow;

    /// Tells all readers, in order with the records, that a checkpoint was given up.
    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId);

    /// Takes what the last barrier overtook, each with the place of its output in the plan.
    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)>;

    /// Sends what lies in open buffers.
    fn flush(&mut self);

    /// Sends everything and the end of the partition; false while there is no room.
    fn end(&mut self) -> bool;

    /// Adds this output's counts to `total`.
    fn add_stats(&self, total: &mut PartitionStats);

    /// Segments out and segments allowed, over all pools of this output.
    fn pool_usage(&self) -> (u32, u32);
}

/// An output that takes records of type `T` behind a pointer.
pub trait EdgeWriter<T>: Outlet {
    /// Writes one record.
    fn write(&mut self, record: &T, cx: &mut Cx) -> Flow;
}

/// A side output of a task, its type hidden.
pub trait SideOutput: Outlet {
    /// For a downcast to [`SideWriter`].
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

/// The writer behind one output tag.
pub struct SideWriter<T>(pub Box<dyn EdgeWriter<T>>);

impl<T> Outlet for SideWriter<T> {
    fn has_room(&mut self) -> bool {
        self.0.has_room()
    }

    fn signal(&mut self, signal: Signal) -> Flow {
        self.0.signal(signal)
    }

    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.0.cancel_checkpoint(checkpoint);
    }

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        self.0.take_captured()
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn end(&mut self) -> bool {
        self.0.end()
    }

    fn add_stats(&self, total: &mut PartitionStats) {
        self.0.add_stats(total);
    }

    fn pool_usage(&self) -> (u32, u32) {
        self.0.pool_usage()
    }
}

impl<T: 'static> SideOutput for SideWriter<T> {
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl<T> std::fmt::Debug for SideWriter<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SideWriter")
    }
}

/// A chain that ends in a sink has no output.
impl Outlet for crate::chain::Nothing {
    fn has_room(&mut self) -> bool {
        true
    }

    fn signal(&mut self, _signal: Signal) -> Flow {
        Flow::Continue
    }

    fn cancel_checkpoint(&mut self, _checkpoint: CheckpointId) {}

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        Vec::new()
    }

    fn flush(&mut self) {}

    fn end(&mut self) -> bool {
        true
    }

    fn add_stats(&self, _total: &mut PartitionStats) {}

    fn pool_usage(&self) -> (u32, u32) {
        (0, 0)
    }
}

/// The end of a task's chain: takes its records and is its output.
pub trait Terminal<T>: Push<T> + Outlet {}

impl<T, S: Push<T> + Outlet> Terminal<T> for S {}
