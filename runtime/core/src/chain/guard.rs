//! Which operator of a fused loop panicked.

use std::cell::Cell;

use crate::graph::NodeId;

thread_local! {
    static CULPRIT: Cell<Option<NodeId>> = const { Cell::new(None) };
}

/// Held while a user function runs; if it panics, notes the operator. Costs
/// nothing otherwise: only unwinding reads it.
pub(crate) struct Guard {
    node: NodeId,
}

impl Guard {
    /// Runs `f` in the name of `node`.
    #[inline(always)]
    pub(crate) fn run<R>(node: NodeId, f: impl FnOnce() -> R) -> R {
        let guard = Self::enter(node);
        let result = f();
        guard.leave();
        result
    }

    /// What follows runs in the name of `node`, until [`Guard::leave`]. For hot loops:
    /// whether a closure becomes part of its caller is the compiler's choice, and it
    /// chooses otherwise when there are several callers.
    #[inline(always)]
    pub(crate) fn enter(node: NodeId) -> Self {
        Self { node }
    }

    /// The user's function has returned.
    #[inline(always)]
    pub(crate) fn leave(self) {
        std::mem::forget(self);
    }

    /// The operator whose function panicked on this thread since the last call.
    pub(crate) fn take_culprit() -> Option<NodeId> {
        CULPRIT.take()
    }
}

impl Drop for Guard {
    #[cold]
    fn drop(&mut self) {
        // The innermost guard is dropped first, and it is the one that is right.
        if CULPRIT.get().is_none() {
            CULPRIT.set(Some(self.node));
        }
    }
}
