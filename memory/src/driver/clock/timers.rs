//! Timers of one driver: a heap by time, then by order of submission.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Instant64;
use crate::driver::{Completion, OperationId};

#[derive(Debug, Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant64, OperationId)>>,
}

impl Timers {
    pub(crate) fn add(&mut self, at: Instant64, id: OperationId) {
        self.heap.push(Reverse((at, id)));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant64> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Moves the timers that are due at `now` to `out`, in the order of their times.
    pub(crate) fn expire(&mut self, now: Instant64, out: &mut Vec<Completion>) {
        while let Some(Reverse((at, id))) = self.heap.peek().copied() {
            if at > now {
                break;
            }
            self.heap.pop();
            out.push(Completion::of(id, Ok(0)));
        }
    }
}
