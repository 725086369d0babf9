//! The output of a task whose stream has none or several readers.

use brisk_network::{CapturedOutput, PartitionStats};

use super::{EdgeWriter, Outlet};
use crate::{
    checkpoint::CheckpointId,
    task::Cx,
    task::flow::{Flow, Push, Signal},
};

/// Writes each record to every edge.
pub struct Fork<T> {
    edges: Vec<Box<dyn EdgeWriter<T>>>,
}

impl<T> Fork<T> {
    /// A fork over `edges`; with none, records are dropped as nobody wants them.
    pub fn new(edges: Vec<Box<dyn EdgeWriter<T>>>) -> Self {
        Self { edges }
    }
}

impl<T> Push<T> for Fork<T> {
    fn push(&mut self, item: T, cx: &mut Cx) -> Flow {
        let mut answer = Flow::Continue;
        for edge in &mut self.edges {
            match edge.write(&item, cx) {
                Flow::Continue => {}
                Flow::Pause => answer = Flow::Pause,
                Flow::Stop => return Flow::Stop,
            }
        }
        answer
    }

    fn signal(&mut self, signal: Signal, _cx: &mut Cx) -> Flow {
        Outlet::signal(self, signal)
    }

    fn ready(&mut self, _cx: &mut Cx) -> Flow {
        if self.has_room() { Flow::Continue } else { Flow::Pause }
    }
}

impl<T> Outlet for Fork<T> {
    fn has_room(&mut self) -> bool {
        self.edges.iter_mut().all(|edge| edge.has_room())
    }

    fn signal(&mut self, signal: Signal) -> Flow {
        let edges = self.edges.iter_mut();
        edges.map(|edge| edge.signal(signal)).fold(Flow::Continue, Flow::and)
    }

    fn cancel_checkpoint(&mut self, checkpoint: CheckpointId) {
        self.edges.iter_mut().for_each(|edge| edge.cancel_checkpoint(checkpoint));
    }

    fn take_captured(&mut self) -> Vec<(u32, CapturedOutput)> {
        self.edges.iter_mut().flat_map(|edge| edge.take_captured()).collect()
    }

    fn flush(&mut self) {
        self.edges.iter_mut().for_each(|edge| edge.flush());
    }

    fn end(&mut self) -> bool {
        // Each is told, so that a slow reader does not keep the others waiting.
        let left = self.edges.iter_mut().filter_map(|edge| (!edge.end()).then_some(()));
        left.count() == 0
    }

    fn add_stats(&self, total: &mut PartitionStats) {
        self.edges.iter().for_each(|edge| edge.add_stats(total));
    }

    fn pool_usage(&self) -> (u32, u32) {
        self.edges.iter().map(|edge| edge.pool_usage()).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    }
}

impl<T> std::fmt::Debug for Fork<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fork").field("edges", &self.edges.len()).finish()
    }
}
