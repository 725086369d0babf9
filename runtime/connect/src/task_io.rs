//! What readers and writers need of the task they run in: its driver, and the completions of their
//! own operations. Implemented for a running task, and in tests for a driver alone.

use brisk_core::task::Cx;
use brisk_memory::driver::{Completion, Files, Operation, OperationId};

/// A task's side of the driver.
pub(crate) trait TaskIo {
    /// Begins an operation; the task is woken when it ends.
    fn submit(&mut self, operation: Operation) -> OperationId;

    /// One of the operations that `is_mine` knows and that has ended. A chain may have a reader and
    /// a writer, so each takes only its own.
    fn take_completion(&mut self, is_mine: impl Fn(OperationId) -> bool) -> Option<Completion>;

    /// Opening and renaming.
    fn files(&self) -> Files;
}

impl TaskIo for Cx {
    fn submit(&mut self, operation: Operation) -> OperationId {
        Cx::submit(self, operation)
    }

    fn take_completion(&mut self, is_mine: impl Fn(OperationId) -> bool) -> Option<Completion> {
        Cx::take_completion(self, is_mine)
    }

    fn files(&self) -> Files {
        Cx::files(self)
    }
}

#[cfg(test)]
pub(crate) mod tests;
